import { SkeletonLoader } from "@twilio-paste/core/skeleton-loader";

import { ErrorNotice } from "@/shared/ui/notices";
import { text } from "@/texts";

import type { Call } from "./api/call";
import { useCall } from "./api/getCall";
import { Transcript } from "./Transcript";

/** The transcript of one live call, small. */
export function LiveTranscript({ call }: { readonly call: Call }) {
  const detail = useCall(call.call_sid);
  if (detail.data) return <Transcript call={call} transcript={detail.data.transcript} announced={false} compact />;
  if (detail.isError) {
    return (
      <ErrorNotice
        what={text.calls.transcript}
        error={detail.error}
        onRetry={() => void detail.refetch()}
        retrying={detail.isFetching}
      />
    );
  }
  return <SkeletonLoader height="sizeIcon20" />;
}
