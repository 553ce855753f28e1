import { useRef, useState } from "react";

import { SelectField, TextField } from "@/shared/ui/Field";
import { FormDialog } from "@/shared/ui/FormDialog";
import { text } from "@/texts";

import { usePlaceCall } from "./api/placeCall";

const words = text.calls.place;
const E164 = /^\+[1-9]\d{6,14}$/;
const LANGUAGES = [
  { value: "", label: words.anyLanguage },
  { value: "en-US", label: words.english },
  { value: "pt-BR", label: words.portuguese },
  { value: "es-US", label: words.spanish },
];

interface PlaceCallProps {
  readonly onPlaced: (callSid: string) => void;
  readonly onClose: () => void;
}

/** The form for an outbound call. */
export function PlaceCall({ onPlaced, onClose }: PlaceCallProps) {
  const place = usePlaceCall();
  const field = useRef<HTMLInputElement>(null);
  const [to, setTo] = useState("");
  const [language, setLanguage] = useState("");
  const [checked, setChecked] = useState(false);
  const number = to.replaceAll(/[\s().-]/g, "");
  const fault = checked && !E164.test(number) ? words.badNumber : null;
  const submit = (): void => {
    setChecked(true);
    if (!E164.test(number)) return field.current?.focus();
    place.mutate({ to: number, ...(language ? { language } : {}) }, { onSuccess: ({ callSid }) => onPlaced(callSid) });
  };
  return (
    <FormDialog
      title={words.title}
      submit={words.submit}
      failed={words.failed}
      error={place.error}
      pending={place.isPending}
      initialFocusRef={field}
      onSubmit={submit}
      onClose={onClose}
    >
      <TextField
        ref={field}
        type="tel"
        label={words.to}
        help={words.toHelp}
        fault={fault}
        required
        value={to}
        onChange={setTo}
      />
      <SelectField label={text.calls.language} value={language} choices={LANGUAGES} onChange={setLanguage} />
    </FormDialog>
  );
}
