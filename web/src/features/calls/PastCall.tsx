import { Box } from "@twilio-paste/core/box";

import { PageHeader } from "@/shared/ui/PageHeader";
import { Section } from "@/shared/ui/Section";
import { Sid } from "@/shared/ui/Sid";
import { text } from "@/texts";

import { Scores } from "./Scores";

/** A call whose words the relay no longer holds, but that has scores. */
export function PastCallView({ callSid }: { readonly callSid: string }) {
  return (
    <>
      <PageHeader title={text.calls.titlePlain} lead={text.calls.older} />
      <Box display="flex" flexDirection="column" rowGap="space80">
        <Section title={text.calls.scores.title}>
          <Scores callSid={callSid} />
        </Section>
        <Sid>{callSid}</Sid>
      </Box>
    </>
  );
}
