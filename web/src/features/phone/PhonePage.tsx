import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { Callout, CalloutText } from "@twilio-paste/core/callout";
import { Checkbox } from "@twilio-paste/core/checkbox";
import { CallFailedIcon } from "@twilio-paste/icons/esm/CallFailedIcon";
import { CallIcon } from "@twilio-paste/icons/esm/CallIcon";
import { useState } from "react";

import { formatLanguage } from "@/shared/format/languages";
import { formatCount, formatMilliseconds } from "@/shared/format/numbers";
import { useMay } from "@/shared/operator/OperatorContext";
import { SelectField, TextField } from "@/shared/ui/Field";
import { TextLink } from "@/shared/ui/links";
import { EmptyNotice } from "@/shared/ui/notices";
import { PageHeader } from "@/shared/ui/PageHeader";
import { Section } from "@/shared/ui/Section";
import { StatTile, StatTiles } from "@/shared/ui/StatTile";
import { text } from "@/texts";

import { Keypad } from "./Keypad";
import { median } from "./phoneCall";
import { PhoneTranscript } from "./PhoneTranscript";
import { SayForm } from "./SayForm";
import { type Phone, usePhone } from "./usePhone";
import { hasVoice, useVoice } from "./useVoice";

const words = text.phone;
const LANGUAGES = ["en-US", "pt-BR", "es-US"].map((value) => ({ value, label: formatLanguage(value) }));

/** A telephone in the browser, connected to the agent. */
export function PhonePage() {
  const mayCall = useMay("agent");
  return (
    <>
      <PageHeader title={words.title} lead={words.lead} />
      {mayCall ? <Telephone /> : <EmptyNotice detail={words.viewer} />}
    </>
  );
}

function Telephone() {
  const phone = usePhone();
  const [aloud, setAloud] = useState(false);
  useVoice(phone.call, aloud);
  const active = phone.call.state === "connected";
  return (
    <Box
      display="grid"
      gridTemplateColumns={["minmax(0, 1fr)", "minmax(0, 1fr)", "minmax(0, 1fr) 17rem"]}
      columnGap="space80"
      rowGap="space80"
    >
      <Box display="flex" flexDirection="column" rowGap="space50" minWidth="0">
        <DialBar phone={phone} />
        {phone.call.fault ? (
          <Box role="alert">
            <Callout variant="error">
              <CalloutText>{phone.call.fault}</CalloutText>
            </Callout>
          </Box>
        ) : null}
        <PhoneTranscript call={phone.call} />
        <SayForm phone={phone} disabled={!active} />
        {hasVoice() ? (
          <Checkbox checked={aloud} onChange={(event) => setAloud(event.target.checked)}>
            {words.aloud}
          </Checkbox>
        ) : null}
      </Box>
      <Box display="flex" flexDirection="column" rowGap="space80">
        <Section title={words.keypad}>
          <Keypad disabled={!active} onPress={phone.press} />
        </Section>
        <Section title={words.latency}>
          <Latency latencies={phone.call.latencies} />
        </Section>
        {phone.call.callSid ? (
          <Section title={words.details}>
            <Box
              display="flex"
              flexDirection="column"
              alignItems="flex-start"
              rowGap="space40"
              fontSize="fontSize30"
              lineHeight="lineHeight30"
            >
              <TextLink to={`/calls/${encodeURIComponent(phone.call.callSid)}`}>{words.openCall}</TextLink>
              <Button variant="secondary" size="small" disabled={!active} onClick={() => phone.send("interrupt")}>
                {words.noise}
              </Button>
              <Button variant="secondary" size="small" disabled={!active} onClick={() => phone.send("drop")}>
                {words.badNetwork}
              </Button>
            </Box>
          </Section>
        ) : null}
      </Box>
    </Box>
  );
}

function DialBar({ phone }: { readonly phone: Phone }) {
  const { state, endedBy, language, agentSpeaking } = phone.call;
  const [chosen, setChosen] = useState("en-US");
  const [from, setFrom] = useState("");
  const busy = state === "dialing" || state === "connected";
  const by = (words.by as Readonly<Record<string, string>>)[endedBy];
  return (
    <>
      {busy ? null : (
        <Box display="grid" gridTemplateColumns={["1fr", "1fr 1fr"]} columnGap="space50" rowGap="space40">
          <SelectField label={words.language} value={chosen} choices={LANGUAGES} onChange={setChosen} />
          <TextField type="tel" label={words.from} help={words.fromHelp} value={from} onChange={setFrom} />
        </Box>
      )}
      <Box display="flex" flexWrap="wrap" alignItems="center" columnGap="space50" rowGap="space30">
        {busy ? (
          <Button variant="destructive" onClick={() => phone.send("hangup")}>
            <CallFailedIcon decorative />
            {words.hangUp}
          </Button>
        ) : (
          <Button variant="primary" onClick={() => phone.dial({ language: chosen, from: from.trim() })}>
            <CallIcon decorative />
            {words.dial}
          </Button>
        )}
        <Box role="status" color="colorTextWeak" fontSize="fontSize30" lineHeight="lineHeight30">
          {words.states[state]}
          {state === "connected" && language ? `, ${formatLanguage(language)}` : ""}
          {state === "ended" && by ? `. ${words.endedBy.replace("{by}", by)}` : ""}
          {agentSpeaking ? `. ${words.agent} ${words.speaking}` : ""}
        </Box>
      </Box>
    </>
  );
}

const show = (ms: number | null | undefined): string => (ms == null ? text.noValueMark : formatMilliseconds(ms));

function Latency({ latencies }: { readonly latencies: readonly number[] }) {
  return (
    <>
      <StatTiles label={words.latency}>
        <StatTile label={words.last} value={show(latencies.at(-1))} />
        <StatTile label={words.median} value={show(median(latencies))} />
        <StatTile label={words.turns} value={formatCount(latencies.length)} />
      </StatTiles>
      <Box marginTop="space30" color="colorTextWeak" fontSize="fontSize20" lineHeight="lineHeight20">
        {words.latencyHelp}
      </Box>
    </>
  );
}
