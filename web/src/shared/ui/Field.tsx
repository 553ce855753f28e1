import { Box } from "@twilio-paste/core/box";
import { HelpText } from "@twilio-paste/core/help-text";
import { Input } from "@twilio-paste/core/input";
import { Label } from "@twilio-paste/core/label";
import { Option, Select } from "@twilio-paste/core/select";
import { TextArea } from "@twilio-paste/core/textarea";
import { useUID } from "@twilio-paste/core/uid-library";
import { forwardRef, type ReactNode } from "react";

interface FieldProps {
  readonly label: string;
  readonly help?: ReactNode;
  /** What is wrong with the value; shown in place of the help. */
  readonly fault?: string | null;
  readonly required?: boolean;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

interface TextFieldProps extends FieldProps {
  readonly type?: "text" | "search" | "tel" | "date" | "number" | "password";
  readonly placeholder?: string;
  readonly disabled?: boolean;
}

/** A labelled line of text with its help or fault below. */
export const TextField = forwardRef<HTMLInputElement, TextFieldProps>(function TextField(
  { label, help, fault = null, required = false, value, onChange, type = "text", placeholder, disabled = false },
  ref,
) {
  const [id, helpId] = [useUID(), useUID()];
  return (
    <Box minWidth="0">
      <Label htmlFor={id} required={required}>
        {label}
      </Label>
      <Input
        ref={ref}
        id={id}
        type={type}
        value={value}
        required={required}
        disabled={disabled}
        hasError={fault !== null}
        aria-describedby={helpId}
        autoComplete="off"
        {...(placeholder === undefined ? {} : { placeholder })}
        onChange={(event) => onChange(event.target.value)}
      />
      <Below id={helpId} help={help} fault={fault} />
    </Box>
  );
});

interface AreaFieldProps extends FieldProps {
  readonly minRows?: number;
  readonly code?: boolean;
}

/** A labelled text of several lines. */
export function AreaField({
  label,
  help,
  fault = null,
  required = false,
  value,
  onChange,
  minRows = 3,
}: AreaFieldProps) {
  const [id, helpId] = [useUID(), useUID()];
  return (
    <Box minWidth="0">
      <Label htmlFor={id} required={required}>
        {label}
      </Label>
      <TextArea
        id={id}
        value={value}
        required={required}
        hasError={fault !== null}
        aria-describedby={helpId}
        minRows={minRows}
        maxRows={16}
        onChange={(event) => onChange(event.target.value)}
      />
      <Below id={helpId} help={help} fault={fault} />
    </Box>
  );
}

export interface Choice {
  readonly value: string;
  readonly label: string;
}

interface SelectFieldProps extends FieldProps {
  readonly choices: readonly Choice[];
  readonly disabled?: boolean;
}

/** A labelled choice of one. */
export function SelectField(props: SelectFieldProps) {
  const { label, help, fault = null, required = false, value, onChange, choices, disabled = false } = props;
  const [id, helpId] = [useUID(), useUID()];
  return (
    <Box minWidth="0">
      <Label htmlFor={id} required={required}>
        {label}
      </Label>
      <Select
        id={id}
        value={value}
        disabled={disabled}
        hasError={fault !== null}
        aria-describedby={helpId}
        onChange={(event) => onChange(event.target.value)}
      >
        {choices.map((choice) => (
          <Option key={choice.value} value={choice.value}>
            {choice.label}
          </Option>
        ))}
      </Select>
      <Below id={helpId} help={help} fault={fault} />
    </Box>
  );
}

function Below({ id, help, fault }: { readonly id: string; readonly help: ReactNode; readonly fault: string | null }) {
  return (
    <Box aria-live="polite">
      {fault !== null || help ? (
        <HelpText id={id} variant={fault === null ? "default" : "error"}>
          {fault ?? help}
        </HelpText>
      ) : null}
    </Box>
  );
}
