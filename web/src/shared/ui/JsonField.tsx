import { AreaField } from "./Field";
import { checkJson } from "../format/json";
import { fill, text } from "@/texts";

interface JsonFieldProps {
  readonly label: string;
  readonly value: string;
  /** Twilio's limit for the JSON as text, in bytes. */
  readonly limitBytes: number;
  readonly onChange: (value: string) => void;
}

/** Edits a JSON object as text: says where it is wrong, and how much room is left. */
export function JsonField({ label, value, limitBytes, onChange }: JsonFieldProps) {
  const { fault, bytes } = checkJson(value, limitBytes);
  return (
    <AreaField
      label={label}
      value={value}
      fault={fault}
      help={fill(text.json.size, { n: bytes, limit: limitBytes })}
      minRows={5}
      onChange={onChange}
    />
  );
}
