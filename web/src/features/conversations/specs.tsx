import { Badge } from "@twilio-paste/core/badge";
import { Box } from "@twilio-paste/core/box";

import { type FieldSpec, type Row, textAt } from "@/shared/resources/fields";
import type { ResourceSpec } from "@/shared/resources/spec";
import { Moment } from "@/shared/ui/Moment";
import { text } from "@/texts";

import type { Conversation } from "./api/conversation";
import { ChannelMark } from "./ChannelMark";

const words = text.conversations.parts;
const NAME_LIMIT = 256;
const ROLE = { pattern: /^RL[0-9a-fA-F]{32}$/, patternFault: text.services.rolePattern };
const URL = { pattern: /^https?:\/\/[^\s/]+/, patternFault: text.services.urlPattern };
const under = ({ sid, chatServiceSid }: Conversation, part: string, ofService: boolean) => ({
  path: `/api/conversations/${encodeURIComponent(sid)}/${part}`,
  ...(ofService && chatServiceSid ? { query: { serviceSid: chatServiceSid } } : {}),
});

const byAddress = (values: Readonly<Record<string, string>>): boolean => values["how"] === "address";
/** Who takes part. A person is either a chat user or has an address; the form asks which. */
export const participantsSpec = (
  conversation: Conversation,
  readOnly: string | null,
  ofService: boolean,
): ResourceSpec => ({
  ...under(conversation, "participants", ofService),
  one: words.participant,
  many: words.participants,
  empty: words.participantsEmpty,
  readOnly,
  write: "agent",
  remove: "agent",
  nameOf: (row) => textAt(row, "identity") || textAt(row, "messagingBinding.address") || row.sid,
  columns: [
    {
      key: "who",
      header: words.who,
      width: "36%",
      cell: (row) => (
        <Box display="flex" alignItems="center" columnGap="space30">
          <ChannelMark channel={textAt(row, "messagingBinding.type") || "chat"} />
          {textAt(row, "identity") || textAt(row, "messagingBinding.address") || row.sid}
        </Box>
      ),
    },
    {
      key: "proxy",
      header: words.proxy,
      width: "22%",
      cell: (row) => textAt(row, "messagingBinding.proxyAddress") || text.noValueMark,
      wideOnly: true,
    },
    {
      key: "read",
      header: words.lastRead,
      width: "12%",
      cell: (row) => textAt(row, "lastReadMessageIndex") || text.noValueMark,
    },
    {
      key: "joined",
      header: words.joined,
      width: "14%",
      cell: (row) => <Moment at={textAt(row, "dateCreated") || null} />,
      wideOnly: true,
    },
  ],
  fields: [
    {
      name: "how",
      label: words.how,
      kind: "select",
      only: "create",
      local: true,
      choices: [
        { value: "identity", label: words.byIdentity },
        { value: "address", label: words.byAddress },
      ],
    },
    {
      name: "identity",
      label: words.identity,
      kind: "text",
      required: true,
      maxLength: NAME_LIMIT,
      only: "create",
      when: (values) => !byAddress(values),
    },
    {
      name: "messagingBinding.address",
      label: words.address,
      help: words.addressHelp,
      kind: "text",
      required: true,
      maxLength: NAME_LIMIT,
      only: "create",
      when: byAddress,
    },
    {
      name: "messagingBinding.proxyAddress",
      label: words.proxy,
      help: words.proxyHelp,
      kind: "text",
      maxLength: NAME_LIMIT,
      only: "create",
      when: byAddress,
    },
    { name: "roleSid", label: text.services.role, kind: "text", ...ROLE },
    { name: "attributes", label: text.services.attributes, kind: "json", limitBytes: 4096 },
  ],
});

const goesTo =
  (...targets: readonly string[]) =>
  (values: Readonly<Record<string, string>>) =>
    targets.includes(values["target"] ?? "");
/** Where a conversation's events go. */
export const webhooksSpec = (conversation: Conversation, ofService: boolean): ResourceSpec => ({
  ...under(conversation, "webhooks", ofService),
  one: words.webhook,
  many: words.webhooks,
  empty: words.webhooksEmpty,
  write: "admin",
  remove: "admin",
  nameOf: (row) => textAt(row, "configuration.url") || textAt(row, "configuration.flowSid") || row.sid,
  columns: [
    {
      key: "target",
      header: words.target,
      width: "15%",
      cell: (row) => (
        <Badge as="span" variant="neutral">
          {textAt(row, "target")}
        </Badge>
      ),
    },
    {
      key: "url",
      header: words.url,
      width: "40%",
      cell: (row: Row) => textAt(row, "configuration.url") || textAt(row, "configuration.flowSid") || text.noValueMark,
    },
    {
      key: "filters",
      header: words.events,
      width: "29%",
      cell: (row) => {
        const configuration = row["configuration"] as { filters?: unknown; triggers?: unknown } | null;
        const events = [configuration?.filters, configuration?.triggers].flatMap((it) => (Array.isArray(it) ? it : []));
        return events.length > 0 ? events.join(", ") : text.noValueMark;
      },
      wideOnly: true,
    },
  ],
  fields: [
    {
      name: "target",
      label: words.target,
      kind: "select",
      only: "create",
      choices: [
        { value: "webhook", label: words.targetWebhook },
        { value: "trigger", label: words.targetTrigger },
        { value: "studio", label: words.targetStudio },
      ],
    },
    {
      name: "configuration.url",
      label: words.url,
      kind: "text",
      required: true,
      ...URL,
      when: goesTo("webhook", "trigger", ""),
    },
    {
      name: "configuration.method",
      label: text.services.method,
      kind: "select",
      choices: ["POST", "GET"].map((value) => ({ value, label: value })),
      when: goesTo("webhook", "trigger", ""),
    },
    {
      name: "configuration.filters",
      label: words.events,
      kind: "list",
      help: words.eventsHelp,
      when: goesTo("webhook", ""),
    },
    {
      name: "configuration.triggers",
      label: words.triggers,
      kind: "list",
      help: words.triggersHelp,
      when: goesTo("trigger"),
    },
    {
      name: "configuration.flowSid",
      label: text.services.studioFlow,
      kind: "text",
      required: true,
      pattern: /^FW[0-9a-fA-F]{32}$/,
      patternFault: text.services.flowPattern,
      when: goesTo("studio"),
    },
  ],
});

const TIMER = { pattern: /^P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?$/, patternFault: text.services.timerPattern };

/** What can be changed about a conversation itself. */
export const SETTINGS_FIELDS: readonly FieldSpec[] = [
  { name: "friendlyName", label: text.conversations.name, kind: "text", maxLength: NAME_LIMIT },
  { name: "uniqueName", label: text.conversations.uniqueName, kind: "text", maxLength: NAME_LIMIT },
  {
    name: "state",
    label: text.conversations.state,
    help: words.stateHelp,
    kind: "select",
    choices: (["active", "inactive", "closed"] as const).map((value) => ({
      value,
      label: text.conversations.states[value],
    })),
  },
  { name: "timers.inactive", label: text.services.inactiveTimer, kind: "text", ...TIMER },
  { name: "timers.closed", label: text.services.closedTimer, kind: "text", ...TIMER },
  { name: "attributes", label: text.services.attributes, kind: "json", limitBytes: 16_384 },
];
