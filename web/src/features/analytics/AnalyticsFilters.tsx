import { formatLanguage } from "@/shared/format/languages";
import { SelectField, TextField } from "@/shared/ui/Field";
import { FilterBar } from "@/shared/ui/FilterBar";
import type { Filters } from "@/shared/url/useFilters";
import { fill, text } from "@/texts";

import type { ANALYTICS_FILTERS } from "./api/getAggregates";
import { HERE } from "./links";

type Name = (typeof ANALYTICS_FILTERS)[number];
const words = text.analytics;

const choices = (labels: Readonly<Record<string, string>>) =>
  Object.entries(labels).map(([value, label]) => ({ value, label }));
const BUCKETS = choices(words.buckets);
const BYS = choices(words.bys);
const COMPARES = choices(words.compares);
const CHANNELS = choices(words.channels);
const LANGUAGES = [
  { value: "", label: text.calls.filters.any },
  ...["en", "pt", "es"].map((value) => ({ value, label: formatLanguage(value) })),
];

// The viewer's own zone is the one that is not in the address.
const ZONES = [
  { value: "", label: HERE },
  ...["UTC", "America/New_York", "America/Sao_Paulo", "Europe/Madrid"]
    .filter((zone) => zone !== HERE)
    .map((zone) => ({ value: zone, label: zone })),
];
const CHIPS = ["from", "to", "language", "channel", "agent", "direction", "serviceSid"] as const;

/** What the charts are about; all of it lives in the address. */
export function AnalyticsFilters({ filters: { values, set, clear } }: { readonly filters: Filters<Name> }) {
  return (
    <FilterBar
      label={words.filters}
      onClear={clear}
      chips={CHIPS.filter((name) => values[name] !== "").map((name) => ({
        key: name,
        label: fill(words.chip, { name: words.names[name], value: values[name] }),
        onRemove: () => set({ [name]: "" }),
      }))}
    >
      <SelectField
        label={words.bucket}
        value={values.bucket || "day"}
        choices={BUCKETS}
        onChange={(bucket) => set({ bucket })}
      />
      <TextField type="date" label={words.from} value={values.from.slice(0, 10)} onChange={(from) => set({ from })} />
      <TextField type="date" label={words.to} value={values.to.slice(0, 10)} onChange={(to) => set({ to })} />
      <SelectField
        label={words.names.language}
        value={values.language}
        choices={LANGUAGES}
        onChange={(language) => set({ language })}
      />
      <SelectField
        label={words.names.channel}
        value={values.channel}
        choices={CHANNELS}
        onChange={(channel) => set({ channel })}
      />
      <SelectField label={words.timezone} value={values.tz} choices={ZONES} onChange={(tz) => set({ tz })} />
      <SelectField label={words.by} value={values.by} choices={BYS} onChange={(by) => set({ by })} />
      <SelectField
        label={words.compare}
        value={values.compare}
        choices={COMPARES}
        onChange={(compare) => set({ compare })}
      />
    </FilterBar>
  );
}
