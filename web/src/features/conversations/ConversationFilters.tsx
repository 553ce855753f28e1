import { Box } from "@twilio-paste/core/box";
import { type ReactNode, type RefObject, useEffect, useRef, useState } from "react";

import { formatMoment, parseTime } from "@/shared/format/times";
import { SelectField, TextField } from "@/shared/ui/Field";
import { FilterBar } from "@/shared/ui/FilterBar";
import type { Filters } from "@/shared/url/useFilters";
import { fill, text } from "@/texts";

import { CHANNELS, STATES } from "./api/conversation";
import type { CONVERSATION_FILTERS } from "./api/listConversations";

type Name = (typeof CONVERSATION_FILTERS)[number];
const words = text.conversations;
const any = { value: "", label: text.calls.filters.any };
const STATE_CHOICES = [
  { value: "", label: words.states.all },
  ...STATES.map((value) => ({ value, label: words.states[value] })),
];
const CHANNEL_CHOICES = [any, ...CHANNELS.map((value) => ({ value, label: words.channels[value] }))];
const UNREAD_CHOICES = [any, { value: "true", label: words.unreadOnly }, { value: "false", label: words.readOnly }];
const TYPED_MS = 350;

interface ConversationFiltersProps {
  readonly filters: Filters<Name>;
  readonly searchRef: RefObject<HTMLInputElement>;
  /** Chooses the service; it belongs to another part of the console. */
  readonly serviceChoice: ReactNode;
}

/** Which conversations are listed. */
export function ConversationFilters({ filters, searchRef, serviceChoice }: ConversationFiltersProps) {
  const { values, set, clear, active } = filters;
  return (
    <FilterBar
      label={words.filters}
      onClear={clear}
      chips={active
        .filter((name) => name !== "serviceSid")
        .map((name) => ({
          key: name,
          label: fill(words.chip, { name: words.filterNames[name], value: shownValue(name, values[name]) }),
          onRemove: () => set({ [name]: "" }),
        }))}
    >
      <Box gridColumn={["auto", "span 2"]} minWidth="0">
        <TypedField
          fieldRef={searchRef}
          label={words.search}
          placeholder={words.searchHint}
          value={values.q}
          onTyped={(q) => set({ q })}
        />
      </Box>
      {serviceChoice}
      <SelectField
        label={words.filterState}
        value={values.state}
        choices={STATE_CHOICES}
        onChange={(state) => set({ state })}
      />
      <TypedField
        label={words.filterNames.participant}
        placeholder={words.participantHint}
        value={values.participant}
        onTyped={(participant) => set({ participant })}
      />
      <SelectField
        label={words.filterNames.channel}
        value={values.channel}
        choices={CHANNEL_CHOICES}
        onChange={(channel) => set({ channel })}
      />
      <SelectField
        label={words.filterNames.unread}
        value={values.unread}
        choices={UNREAD_CHOICES}
        onChange={(unread) => set({ unread })}
      />
      <TextField
        type="date"
        label={words.filterNames.startDate}
        value={values.startDate}
        onChange={(startDate) => set({ startDate })}
      />
      <TextField
        type="date"
        label={words.filterNames.endDate}
        value={values.endDate}
        onChange={(endDate) => set({ endDate })}
      />
    </FilterBar>
  );
}

interface TypedFieldProps {
  readonly fieldRef?: RefObject<HTMLInputElement>;
  readonly label: string;
  readonly placeholder: string;
  readonly value: string;
  readonly onTyped: (words: string) => void;
}

/** A filter of words: it narrows a moment after the last letter. */
function TypedField({ fieldRef, label, placeholder, value, onTyped }: TypedFieldProps) {
  const [typed, setTyped] = useState(value);
  const sent = useRef(value);
  useEffect(() => {
    // Taken away elsewhere, such as by its chip.
    if (value !== sent.current) setTyped(value);
    sent.current = value;
  }, [value]);
  useEffect(() => {
    const wanted = typed.trim();
    if (wanted === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = wanted;
      onTyped(wanted);
    }, TYPED_MS);
    return () => clearTimeout(timer);
  }, [typed, onTyped]);
  return (
    <TextField
      {...(fieldRef ? { ref: fieldRef } : {})}
      type="search"
      label={label}
      placeholder={placeholder}
      value={typed}
      onChange={setTyped}
    />
  );
}

function shownValue(name: Name, value: string): string {
  if (name === "state") return (words.states as Readonly<Record<string, string>>)[value] ?? value;
  if (name === "channel") return (words.channels as Readonly<Record<string, string>>)[value] ?? value;
  if (name === "unread") return value === "true" ? words.unreadOnly : words.readOnly;
  const time = name === "activeAfter" ? parseTime(value) : null;
  if (time) return formatMoment(time);
  return value;
}
