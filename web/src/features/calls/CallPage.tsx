import { Badge } from "@twilio-paste/core/badge";
import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { SkeletonLoader } from "@twilio-paste/core/skeleton-loader";

import { hasStatus } from "@/shared/api/apiError";
import { formatCaller } from "@/shared/format/phones";
import { useMay } from "@/shared/operator/OperatorContext";
import { download } from "@/shared/ui/download";
import { ErrorNotice, WithCode } from "@/shared/ui/notices";
import { NotFoundNotice } from "@/shared/ui/NotFoundNotice";
import { PageHeader } from "@/shared/ui/PageHeader";
import { Section } from "@/shared/ui/Section";
import { fill, text } from "@/texts";

import type { CallDetail } from "./api/call";
import { useCall } from "./api/getCall";
import { useResult } from "./api/getResult";
import { CallActions } from "./CallActions";
import { CallEvents } from "./CallEvents";
import { CallFacts } from "./CallFacts";
import { heardParts } from "./heard";
import { PastCallView } from "./PastCall";
import { Scores } from "./Scores";
import { Transcript } from "./Transcript";
import { useCallStream } from "./useCallStream";

/** One call, live or past. */
export function CallPage({ callSid }: { readonly callSid: string }) {
  const call = useCall(callSid);
  if (call.data) return <KnownCall call={call.data} />;
  if (hasStatus(call.error, 404)) return <ForgottenCall callSid={callSid} />;
  return (
    <>
      <PageHeader title={text.calls.titlePlain} />
      {call.isError ? (
        <ErrorNotice
          what={text.calls.call}
          error={call.error}
          onRetry={() => void call.refetch()}
          retrying={call.isFetching}
        />
      ) : (
        <CallSkeleton />
      )}
    </>
  );
}

/** The relay keeps the latest calls only; older ones may still have scores. */
function ForgottenCall({ callSid }: { readonly callSid: string }) {
  const result = useResult(callSid);
  if (result.isPending) return <CallSkeleton />;
  if (result.data) return <PastCallView callSid={callSid} />;
  return <NotFoundNotice title={text.calls.notFound} detail={fill(text.calls.notFoundDetail, { sid: callSid })} />;
}

function KnownCall({ call }: { readonly call: CallDetail }) {
  const live = call.state === "live";
  const mayAct = useMay("agent");
  useCallStream(live);
  return (
    <>
      <PageHeader
        title={fill(text.calls.title, { caller: formatCaller(call.caller) })}
        mark={<StateBadge state={call.state} />}
        actions={
          <Button variant="secondary" size="small" onClick={() => downloadCall(call)}>
            {text.calls.download}
          </Button>
        }
      />
      <Box display="flex" flexDirection="column" rowGap="space80">
        <Section title={text.calls.details}>
          <CallFacts call={call} />
          {live ? null : (
            <Box marginTop="space50" color="colorTextWeak" fontSize="fontSize30" lineHeight="lineHeight30">
              <WithCode words={fill(text.calls.replayHint, { sid: call.call_sid })} />
            </Box>
          )}
        </Section>
        {live && mayAct ? (
          <Section title={text.calls.desk.title}>
            <CallActions call={call} />
          </Section>
        ) : null}
        {live ? null : (
          <Section title={text.calls.scores.title}>
            <Scores callSid={call.call_sid} />
          </Section>
        )}
        <Section title={text.calls.transcript} aside={<Legend call={call} />}>
          <Transcript call={call} transcript={call.transcript} announced />
        </Section>
        {call.events.length > 0 ? (
          <Section title={text.calls.events}>
            <CallEvents events={call.events} />
          </Section>
        ) : null}
      </Box>
    </>
  );
}

function downloadCall(call: CallDetail): void {
  download(`${call.call_sid}.json`, new Blob([JSON.stringify(call, null, 2)], { type: "application/json" }));
}

/** What dimmed words and milliseconds mean, where there are some. */
function Legend({ call: { transcript } }: { readonly call: CallDetail }) {
  const unheard = transcript.some((turn) => heardParts(turn).unheard !== "");
  const measured = transcript.some((turn) => Object.keys(turn.latency).length > 0);
  return [unheard ? text.calls.heardLegend : "", measured ? text.calls.latency.legend : ""].join(" ").trim();
}

function StateBadge({ state }: Pick<CallDetail, "state">) {
  return state === "live" ? (
    <Badge as="span" variant="success">
      {text.calls.stateLive}
    </Badge>
  ) : (
    <Badge as="span" variant="neutral">
      {text.calls.stateEnded}
    </Badge>
  );
}

function CallSkeleton() {
  return (
    <Box display="flex" flexDirection="column" rowGap="space60" aria-busy="true">
      <SkeletonLoader height="sizeSquare170" />
      <SkeletonLoader height="sizeSquare110" width="60%" />
      <Box alignSelf="flex-end" width="60%">
        <SkeletonLoader height="sizeSquare110" />
      </Box>
    </Box>
  );
}
