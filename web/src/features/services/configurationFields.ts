import type { FieldSpec } from "@/shared/resources/fields";
import { text } from "@/texts";

const words = text.services;
const URL = { pattern: /^https?:\/\/[^\s/]+/, patternFault: words.urlPattern };
const ROLE = { pattern: /^RL[0-9a-fA-F]{32}$/, patternFault: words.rolePattern };
const TIMER = { pattern: /^P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?$/, patternFault: words.timerPattern };

const WEBHOOKS: readonly FieldSpec[] = [
  { name: "webhooks.postWebhookUrl", label: words.postUrl, kind: "text", ...URL },
  { name: "webhooks.preWebhookUrl", label: words.preUrl, kind: "text", ...URL },
  {
    name: "webhooks.method",
    label: words.method,
    kind: "select",
    choices: ["POST", "GET"].map((value) => ({ value, label: value })),
  },
  { name: "webhooks.filters", label: words.filters, kind: "list", help: words.onePerLine },
];

export const SERVICE_FIELDS: readonly FieldSpec[] = [
  { name: "configuration.defaultConversationCreatorRoleSid", label: words.creatorRole, kind: "text", ...ROLE },
  { name: "configuration.defaultConversationRoleSid", label: words.memberRole, kind: "text", ...ROLE },
  { name: "configuration.defaultChatServiceRoleSid", label: words.serviceRole, kind: "text", ...ROLE },
  { name: "configuration.reachabilityEnabled", label: words.reachability, kind: "switch" },
  ...WEBHOOKS,
];

export const ACCOUNT_FIELDS: readonly FieldSpec[] = [
  {
    name: "configuration.defaultChatServiceSid",
    label: words.defaultChat,
    kind: "text",
    pattern: /^IS[0-9a-fA-F]{32}$/,
    patternFault: words.servicePattern,
  },
  { name: "configuration.defaultInactiveTimer", label: words.inactiveTimer, kind: "text", ...TIMER },
  { name: "configuration.defaultClosedTimer", label: words.closedTimer, kind: "text", ...TIMER },
  ...WEBHOOKS,
];
