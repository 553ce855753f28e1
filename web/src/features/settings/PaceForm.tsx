import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { SkeletonLoader } from "@twilio-paste/core/skeleton-loader";
import { type FormEvent, useState } from "react";

import { describeError } from "@/shared/api/describeError";
import { TextField } from "@/shared/ui/Field";
import { ErrorNotice } from "@/shared/ui/notices";
import { useToast } from "@/shared/ui/toasts";
import { text } from "@/texts";

import { type Pace, usePace, useSetPace } from "./api/sandbox";

const words = text.settings;
const LONGEST_MS = 60_000;

/** How fast the sandbox's model answers. */
export function PaceForm() {
  const pace = usePace();
  if (pace.data) return <Form key={pace.dataUpdatedAt} pace={pace.data} />;
  if (pace.isError) {
    return (
      <ErrorNotice
        what={words.modelWhat}
        error={pace.error}
        onRetry={() => void pace.refetch()}
        retrying={pace.isFetching}
      />
    );
  }
  return <SkeletonLoader height="sizeSquare110" />;
}

function Form({ pace }: { readonly pace: Pace }) {
  const toast = useToast();
  const save = useSetPace();
  const [first, setFirst] = useState(String(pace.first_token_ms));
  const [token, setToken] = useState(String(pace.token_ms));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (faultOf(first) ?? faultOf(token)) return;
    save.mutate(
      { first_token_ms: Number(first), token_ms: Number(token) },
      { onSuccess: () => toast(words.saved), onError: (error) => toast(describeError(error), "error") },
    );
  };
  return (
    <Box
      as="form"
      onSubmit={submit}
      display="grid"
      gridTemplateColumns={["1fr", "1fr 1fr auto"]}
      columnGap="space50"
      rowGap="space40"
      alignItems="end"
      maxWidth="40rem"
    >
      <TextField label={words.firstToken} value={first} fault={faultOf(first)} onChange={setFirst} />
      <TextField label={words.token} value={token} fault={faultOf(token)} onChange={setToken} />
      <Button variant="secondary" type="submit" loading={save.isPending}>
        {words.save}
      </Button>
    </Box>
  );
}

function faultOf(value: string): string | null {
  return /^\d{1,5}$/.test(value.trim()) && Number(value) <= LONGEST_MS ? null : words.badNumber;
}
