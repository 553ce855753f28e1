import { Box } from "@twilio-paste/core/box";
import { ScreenReaderOnly } from "@twilio-paste/core/screen-reader-only";
import { Text } from "@twilio-paste/core/text";
import type { ReactNode } from "react";

import { text } from "@/texts";

import type { Turn } from "./api/call";
import { HeardReply } from "./HeardReply";
import { TurnFacts } from "./TurnFacts";

interface TurnItemProps {
  readonly turn: Turn;
  readonly compact: boolean;
  readonly live: boolean;
  readonly scaleMs: number;
}

/** One exchange: what the caller said and what the agent answered. */
export function TurnItem({ turn, compact, live, scaleMs }: TurnItemProps) {
  const answering = live && turn.outcome === "open" && turn.reply_text === "";
  const notes = compact ? [] : outcomeNotes(turn);
  return (
    <Box as="li" display="flex" flexDirection="column" rowGap={compact ? "space10" : "space30"}>
      {turn.caller_text ? (
        <Speech
          speaker={text.calls.speakerCaller}
          how={inputNote(turn)}
          side="caller"
          compact={compact}
          language={turn.language}
        >
          {turn.caller_text}
        </Speech>
      ) : null}
      {turn.reply_text || answering ? (
        <Speech
          speaker={text.calls.speakerAgent}
          how={notes.join(", ")}
          side="agent"
          compact={compact}
          language={turn.language}
        >
          {answering ? <Answering /> : <HeardReply turn={turn} />}
        </Speech>
      ) : null}
      {compact ? null : <TurnFacts turn={turn} scaleMs={scaleMs} />}
    </Box>
  );
}

function inputNote(turn: Turn): string {
  if (turn.input === "dtmf") return text.calls.inputDtmf;
  return turn.input === "operator" ? text.calls.inputOperator : "";
}

function outcomeNotes(turn: Turn): readonly string[] {
  if (turn.outcome === "failed") return [text.calls.failed];
  if (turn.outcome === "superseded") return [text.calls.superseded];
  return turn.interrupted ? [text.calls.interrupted] : [];
}

function Answering() {
  return (
    <Box as="span" color="colorTextWeak">
      {text.calls.answering}
      <span aria-hidden="true">…</span>
    </Box>
  );
}

interface SpeechProps {
  readonly speaker: string;
  readonly how: string;
  readonly side: "caller" | "agent";
  readonly compact: boolean;
  /** BCP 47: screen readers speak the words in it. */
  readonly language: string;
  readonly children: ReactNode;
}

function Speech(props: SpeechProps) {
  return props.compact ? <Line {...props} /> : <Bubble {...props} />;
}

function Line({ speaker, side, language, children }: SpeechProps) {
  return (
    <Box
      display="grid"
      gridTemplateColumns="3.75rem 1fr"
      columnGap="space40"
      fontSize="fontSize30"
      lineHeight="lineHeight30"
    >
      <Box color={side === "agent" ? "colorTextLink" : "colorTextWeak"} fontWeight="fontWeightMedium">
        {speaker}
        <ScreenReaderOnly>:</ScreenReaderOnly>
      </Box>
      <Box color="colorText" minWidth="0" overflowWrap="anywhere" lang={language || undefined}>
        {children}
      </Box>
    </Box>
  );
}

function Bubble({ speaker, how, side, language, children }: SpeechProps) {
  const agent = side === "agent";
  return (
    <Box display="flex" flexDirection="column" alignItems={agent ? "flex-end" : "flex-start"}>
      <Box color="colorTextWeak" fontSize="fontSize20" lineHeight="lineHeight20" marginBottom="space10">
        <Text
          as="span"
          color="colorText"
          fontSize="fontSize20"
          lineHeight="lineHeight20"
          fontWeight="fontWeightSemibold"
        >
          {speaker}
        </Text>
        {how ? ` (${how})` : ""}
        <ScreenReaderOnly>:</ScreenReaderOnly>
      </Box>
      <Box
        maxWidth="min(38rem, 92%)"
        paddingX="space50"
        paddingY="space40"
        borderRadius="borderRadius40"
        backgroundColor={agent ? "colorBackgroundPrimaryWeakest" : "colorBackground"}
        borderStyle="solid"
        borderWidth="borderWidth10"
        borderColor={agent ? "colorBorderPrimaryWeaker" : "colorBorderWeaker"}
        color="colorText"
        fontSize="fontSize30"
        lineHeight="lineHeight30"
        overflowWrap="anywhere"
        whiteSpace="pre-wrap"
        lang={language || undefined}
      >
        {children}
      </Box>
    </Box>
  );
}
