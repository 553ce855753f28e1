import { text } from "@/texts";

/** Why a call ended, in words; a reason this console does not know shows as it is. */
export function reasonText(reason: string | null): string {
  if (!reason) return text.noValueMark;
  return (text.calls.reasons as Readonly<Record<string, string>>)[reason] ?? reason;
}

export function directionText(direction: string): string {
  return (text.calls.directions as Readonly<Record<string, string>>)[direction] ?? (direction || text.noValueMark);
}
