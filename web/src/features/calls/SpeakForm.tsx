import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { type FormEvent, useState } from "react";

import { describeError } from "@/shared/api/describeError";
import { TextField } from "@/shared/ui/Field";
import { useToast } from "@/shared/ui/toasts";
import { text } from "@/texts";

const words = text.calls.desk;

interface SpeakFormProps {
  readonly onSpeak: (how: "say" | "whisper", said: string) => Promise<unknown>;
}

/** Words for the caller, or a hint that only the model gets. What could not be sent stays in the field. */
export function SpeakForm({ onSpeak }: SpeakFormProps) {
  const [said, setSaid] = useState("");
  const [sending, setSending] = useState(false);
  const toast = useToast();
  const speak = async (how: "say" | "whisper"): Promise<void> => {
    const trimmed = said.trim();
    if (trimmed === "" || sending) return;
    setSending(true);
    try {
      await onSpeak(how, trimmed);
      setSaid("");
      toast(words.done[how]);
    } catch (error) {
      toast(describeError(error), "error");
    } finally {
      setSending(false);
    }
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    void speak("say");
  };
  return (
    <Box
      as="form"
      onSubmit={submit}
      display="flex"
      flexWrap="wrap"
      alignItems="flex-end"
      columnGap="space30"
      rowGap="space30"
    >
      <Box flex="1 1 16rem">
        <TextField label={words.words} value={said} onChange={setSaid} />
      </Box>
      <Button type="submit" variant="primary" disabled={said.trim() === ""} loading={sending}>
        {words.say}
      </Button>
      <Button variant="secondary" disabled={said.trim() === "" || sending} onClick={() => void speak("whisper")}>
        {words.whisper}
      </Button>
    </Box>
  );
}
