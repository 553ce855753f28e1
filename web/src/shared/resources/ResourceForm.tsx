import { Checkbox } from "@twilio-paste/core/checkbox";
import { useState } from "react";

import { ApiError } from "@/shared/api/apiError";
import { AreaField, SelectField, TextField } from "@/shared/ui/Field";
import { FormDialog } from "@/shared/ui/FormDialog";
import { JsonField } from "@/shared/ui/JsonField";
import { fill, text } from "@/texts";

import { useSaveRow } from "./api";
import { bodyOf, faultOf, type FieldSpec, fieldsFor, type Row, valuesOf, visible } from "./fields";
import type { ResourceSpec } from "./spec";

interface ResourceFormProps {
  readonly spec: ResourceSpec;
  /** What is changed; null creates. */
  readonly row: Row | null;
  readonly onSaved: (row: Row) => void;
  readonly onClose: () => void;
}

/** The form for a new row or a changed one. Faults that the service names stand at their fields. */
export function ResourceForm({ spec, row, onSaved, onClose }: ResourceFormProps) {
  const fields = fieldsFor(spec.fields, row);
  const [before] = useState(() => valuesOf(fields, row));
  const [values, setValues] = useState(before);
  const [checked, setChecked] = useState(false);
  const save = useSaveRow(spec, row?.sid ?? null);
  const shown = visible(fields, values);
  const refused = save.error instanceof ApiError ? save.error.faults : {};
  const faultAt = (field: FieldSpec): string | null => {
    const own = checked || field.kind === "json" ? faultOf(field, values[field.name] ?? "") : null;
    return own ?? refused[field.name] ?? null;
  };
  const submit = (): void => {
    setChecked(true);
    if (shown.some((field) => faultOf(field, values[field.name] ?? "") !== null)) return;
    const body = bodyOf(fields, values, row ? before : null);
    if (row && Object.keys(body).length === 0) return onClose();
    save.mutate(body, { onSuccess: onSaved });
  };
  const words = { one: spec.one, name: row ? spec.nameOf(row) : "" };
  return (
    <FormDialog
      title={fill(row ? text.manage.editTitle : text.manage.createTitle, words)}
      submit={row ? text.manage.save : text.manage.create}
      failed={fill(text.manage.notSaved, words)}
      error={save.error}
      pending={save.isPending}
      onSubmit={submit}
      onClose={onClose}
    >
      {shown.map((field) => (
        <FormField
          key={field.name}
          field={field}
          value={values[field.name] ?? ""}
          fault={faultAt(field)}
          onChange={(value) => setValues((it) => ({ ...it, [field.name]: value }))}
        />
      ))}
    </FormDialog>
  );
}

interface FormFieldProps {
  readonly field: FieldSpec;
  readonly value: string;
  readonly fault: string | null;
  readonly onChange: (value: string) => void;
}

/** The control that goes with a field's kind. */
export function FormField({ field, value, fault, onChange }: FormFieldProps) {
  const { label, help, kind, required = false, choices = [], limitBytes = 16_384 } = field;
  const common = { label, required, value, fault, onChange, ...(help === undefined ? {} : { help }) };
  switch (kind) {
    case "text":
      return <TextField {...common} />;
    case "select":
      return <SelectField {...common} choices={choices} />;
    case "json":
      return <JsonField label={label} value={value} limitBytes={limitBytes} onChange={onChange} />;
    case "area":
    case "list":
      return <AreaField {...common} />;
    case "switch":
      return (
        <Checkbox
          checked={value === "true"}
          onChange={(event) => onChange(event.target.checked ? "true" : "")}
          {...(help ? { helpText: help } : {})}
        >
          {label}
        </Checkbox>
      );
  }
}
