import { Badge, type BadgeProps } from "@twilio-paste/core/badge";

import { text } from "@/texts";

const VARIANTS: Readonly<Record<string, BadgeProps["variant"]>> = {
  active: "success",
  inactive: "warning",
  closed: "neutral",
};

/** A conversation's state in words and colour; a state Twilio adds later shows as it is. */
export function StateBadge({ state }: { readonly state: string }) {
  if (!state) return <>{text.noValueMark}</>;
  return (
    <Badge as="span" variant={VARIANTS[state] ?? "neutral"}>
      {(text.conversations.states as Readonly<Record<string, string>>)[state] ?? state}
    </Badge>
  );
}
