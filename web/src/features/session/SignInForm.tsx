import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { HelpText } from "@twilio-paste/core/help-text";
import { Input } from "@twilio-paste/core/input";
import { Label } from "@twilio-paste/core/label";
import { useUID } from "@twilio-paste/core/uid-library";
import { type FormEvent, useRef, useState } from "react";

import { WithCode } from "@/shared/ui/notices";
import { text } from "@/texts";

import { SignInError } from "./SignInError";
import { useWait } from "./useWait";

interface SignInFormProps {
  readonly error: Error | null;
  readonly pending: boolean;
  readonly onSubmit: (token: string) => void;
}

/** A field for the token; blocked while the platform says to wait. */
export function SignInForm({ error, pending, onSubmit }: SignInFormProps) {
  const id = useUID();
  const helpId = useUID();
  const field = useRef<HTMLInputElement>(null);
  const [token, setToken] = useState("");
  const [missing, setMissing] = useState(false);
  const waitS = useWait(error);

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const trimmed = token.trim();
    setMissing(trimmed === "");
    if (trimmed === "") return field.current?.focus();
    onSubmit(trimmed);
  };

  return (
    <form noValidate onSubmit={submit}>
      <Box display="flex" flexDirection="column" rowGap="space60">
        {error ? <SignInError error={error} waitS={waitS} /> : null}
        <Box>
          <Label htmlFor={id} required>
            {text.signIn.token}
          </Label>
          <Input
            ref={field}
            id={id}
            type="password"
            value={token}
            required
            hasError={missing}
            aria-describedby={helpId}
            autoComplete="current-password"
            onChange={(event) => setToken(event.target.value)}
          />
          <Box aria-live="polite">
            <HelpText id={helpId} variant={missing ? "error" : "default"}>
              {missing ? text.signIn.required : <WithCode words={text.signIn.tokenHelp} />}
            </HelpText>
          </Box>
        </Box>
        <Button variant="primary" type="submit" fullWidth loading={pending} disabled={waitS > 0}>
          {text.signIn.submit}
        </Button>
      </Box>
    </form>
  );
}
