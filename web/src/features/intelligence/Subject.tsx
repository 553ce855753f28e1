import { TextLink } from "@/shared/ui/links";
import { Sid } from "@/shared/ui/Sid";
import { text } from "@/texts";

interface SubjectProps {
  readonly of: {
    readonly call_sid: string | null;
    readonly conversation_sid: string | null;
    readonly transcript_sid: string | null;
  };
}

/** What a report is about; leads to its call or conversation. */
export function Subject({ of: { call_sid, conversation_sid, transcript_sid } }: SubjectProps) {
  const name = transcript_sid ?? conversation_sid ?? call_sid;
  if (!name) return <>{text.noValueMark}</>;
  const shown = <Sid>{name}</Sid>;
  if (call_sid) return <TextLink to={`/calls/${encodeURIComponent(call_sid)}`}>{shown}</TextLink>;
  if (conversation_sid?.startsWith("CH")) {
    return <TextLink to={`/conversations/${encodeURIComponent(conversation_sid)}`}>{shown}</TextLink>;
  }
  return shown;
}
