import { Badge } from "@twilio-paste/core/badge";
import { Box } from "@twilio-paste/core/box";
import { SkeletonLoader } from "@twilio-paste/core/skeleton-loader";

import { hasStatus } from "@/shared/api/apiError";
import { formatCaller } from "@/shared/format/phones";
import { ErrorNotice } from "@/shared/ui/notices";
import { NotFoundNotice } from "@/shared/ui/NotFoundNotice";
import { PageHeader } from "@/shared/ui/PageHeader";
import { Section } from "@/shared/ui/Section";
import { fill, text } from "@/texts";

import type { CallDetail } from "./api/call";
import { useCall } from "./api/getCall";
import { CallFacts } from "./CallFacts";
import { heardParts } from "./heard";
import { Transcript } from "./Transcript";

/** One call, live or past. */
export function CallPage({ callSid }: { readonly callSid: string }) {
  const call = useCall(callSid);
  if (call.data) return <KnownCall call={call.data} />;
  if (hasStatus(call.error, 404)) {
    return <NotFoundNotice title={text.calls.notFound} detail={fill(text.calls.notFoundDetail, { sid: callSid })} />;
  }
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

function KnownCall({ call }: { readonly call: CallDetail }) {
  return (
    <>
      <PageHeader
        title={fill(text.calls.title, { caller: formatCaller(call.caller) })}
        mark={<StateBadge state={call.state} />}
      />
      <Box display="flex" flexDirection="column" rowGap="space80">
        <Section title={text.calls.details}>
          <CallFacts call={call} />
        </Section>
        <Section title={text.calls.transcript} aside={<Legend call={call} />}>
          <Transcript call={call} transcript={call.transcript} announced />
        </Section>
      </Box>
    </>
  );
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
