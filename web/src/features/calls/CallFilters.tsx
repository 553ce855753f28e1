import { fill, text } from "@/texts";
import { formatLanguage } from "@/shared/format/languages";
import { SelectField, TextField } from "@/shared/ui/Field";
import { FilterBar } from "@/shared/ui/FilterBar";
import type { Filters } from "@/shared/url/useFilters";

import type { PAST_FILTERS } from "./api/listPastCalls";

type Name = (typeof PAST_FILTERS)[number];
const words = text.calls.filters;

const any = { value: "", label: words.any };
const LANGUAGES = [any, ...["en", "pt", "es"].map((tag) => ({ value: tag, label: formatLanguage(tag) }))];
const DIRECTIONS = [
  any,
  ...(["inbound", "outbound"] as const).map((value) => ({ value, label: text.calls.directions[value] })),
];
const SIGNALS = [any, ...Object.entries(words.signals).map(([value, label]) => ({ value, label }))];

/** The filters of past calls. Those that only a link sets (agent, service, finding) show as chips. */
export function CallFilters({ filters }: { readonly filters: Filters<Name> }) {
  const { values, set, clear, active } = filters;
  return (
    <FilterBar
      label={words.title}
      onClear={clear}
      chips={active.map((name) => ({
        key: name,
        label: fill(words.chip, { name: words.names[name], value: shownValue(name, values[name]) }),
        onRemove: () => set({ [name]: "" }),
      }))}
    >
      <TextField
        type="date"
        label={words.names.from}
        value={values.from.slice(0, 10)}
        onChange={(from) => set({ from })}
      />
      <TextField type="date" label={words.names.to} value={values.to.slice(0, 10)} onChange={(to) => set({ to })} />
      <SelectField
        label={words.names.language}
        value={values.language}
        choices={LANGUAGES}
        onChange={(language) => set({ language })}
      />
      <SelectField
        label={words.names.direction}
        value={values.direction}
        choices={DIRECTIONS}
        onChange={(direction) => set({ direction })}
      />
      <SelectField
        label={words.names.signal}
        value={values.signal}
        choices={SIGNALS}
        onChange={(signal) => set({ signal })}
      />
    </FilterBar>
  );
}

function shownValue(name: Name, value: string): string {
  if (name === "language") return formatLanguage(value);
  if (name === "signal") return (words.signals as Readonly<Record<string, string>>)[value] ?? value;
  if (name === "direction") return (text.calls.directions as Readonly<Record<string, string>>)[value] ?? value;
  return value;
}
