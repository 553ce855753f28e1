import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { MicrophoneOffIcon } from "@twilio-paste/icons/esm/MicrophoneOffIcon";
import { MicrophoneOnIcon } from "@twilio-paste/icons/esm/MicrophoneOnIcon";
import { type FormEvent, useState } from "react";

import { TextField } from "@/shared/ui/Field";
import { text } from "@/texts";

import type { Phone } from "./usePhone";
import { useRecognition } from "./useRecognition";

const words = text.phone;

/** Says something: typed, or spoken where the browser can listen. */
export function SayForm({ phone, disabled }: { readonly phone: Phone; readonly disabled: boolean }) {
  const [draft, setDraft] = useState("");
  const say = (said: string): void => {
    const trimmed = said.trim();
    if (trimmed === "" || disabled) return;
    setDraft("");
    phone.say(trimmed);
  };
  const recognition = useRecognition(phone.call.language, {
    onPartial: (heard) => {
      setDraft(heard);
      phone.partial(heard);
    },
    onFinal: say,
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    say(draft);
  };
  return (
    <Box
      as="form"
      onSubmit={submit}
      display="flex"
      flexWrap="wrap"
      alignItems="flex-start"
      columnGap="space30"
      rowGap="space30"
    >
      <Box flex="1 1 14rem">
        <TextField
          label={words.words}
          help={recognition.supported ? words.wordsHelp : `${words.wordsHelp} ${words.noSpeech}`}
          value={draft}
          disabled={disabled}
          onChange={(value) => {
            setDraft(value);
            phone.partial(value);
          }}
        />
      </Box>
      <Box display="flex" columnGap="space30" paddingTop="space70">
        <Button type="submit" variant="primary" disabled={disabled || draft.trim() === ""}>
          {words.say}
        </Button>
        {recognition.supported ? (
          <Button
            variant="secondary"
            pressed={recognition.listening}
            disabled={disabled}
            onClick={() => recognition.setListening(!recognition.listening)}
          >
            {recognition.listening ? <MicrophoneOnIcon decorative /> : <MicrophoneOffIcon decorative />}
            {recognition.listening ? words.listening : words.listen}
          </Button>
        ) : null}
      </Box>
    </Box>
  );
}
