import { Box } from "@twilio-paste/core/box";

import { useRows } from "@/shared/resources/api";
import { textAt } from "@/shared/resources/fields";
import { SelectField } from "@/shared/ui/Field";
import { text } from "@/texts";

const SERVICES = { path: "/api/services" };

interface ServiceChoiceProps {
  readonly value: string;
  readonly onChange: (sid: string) => void;
}

/** Which service a page is about; empty is the account's default. */
export function ServiceChoice({ value, onChange }: ServiceChoiceProps) {
  const services = useRows(SERVICES, null);
  const known = (services.data?.items ?? []).map((row) => ({
    value: row.sid,
    label: textAt(row, "friendlyName") || row.sid,
  }));
  // One that the address names may lie on a later page.
  const missing = value !== "" && !known.some((choice) => choice.value === value);
  const choices = [
    { value: "", label: text.services.defaultService },
    ...(missing ? [{ value, label: value }] : []),
    ...known,
  ];
  return (
    <Box minWidth="0">
      <SelectField label={text.services.current} value={value} choices={choices} onChange={onChange} />
    </Box>
  );
}
