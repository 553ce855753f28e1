import { Badge } from "@twilio-paste/core/badge";

import { type Row, textAt } from "@/shared/resources/fields";
import type { ResourceSpec } from "@/shared/resources/spec";
import { TextLink } from "@/shared/ui/links";
import { Moment } from "@/shared/ui/Moment";
import type { Column } from "@/shared/ui/RowsTable";
import { Sid } from "@/shared/ui/Sid";
import { text } from "@/texts";

const words = text.services;
const NAME_LIMIT = 256;
const ROLE = { pattern: /^RL[0-9a-fA-F]{32}$/, patternFault: words.rolePattern };

const textColumn = (key: string, header: string, width: Column<Row>["width"]): Column<Row> => ({
  key,
  header,
  width,
  cell: (row) => textAt(row, key) || text.noValueMark,
});
const created: Column<Row> = {
  key: "created",
  header: words.created,
  width: "16%",
  cell: (row) => <Moment at={textAt(row, "dateCreated") || null} />,
  wideOnly: true,
};
const sidColumn: Column<Row> = {
  key: "sid",
  header: words.sid,
  width: "30%",
  cell: ({ sid }) => <Sid>{sid}</Sid>,
  wideOnly: true,
};

const typeName = (type: string): string => (words.types as Readonly<Record<string, string>>)[type] ?? type;
const typeChoices = (...types: readonly string[]) => types.map((value) => ({ value, label: typeName(value) }));
const inService = (serviceSid: string) => (serviceSid ? { query: { serviceSid } } : {});

export const servicesSpec: ResourceSpec = {
  path: "/api/services",
  one: words.nouns.service,
  many: words.list,
  empty: words.emptyServices,
  nameOf: (row) => textAt(row, "friendlyName") || row.sid,
  write: "admin",
  remove: "admin",
  editable: false,
  typedDelete: true,
  columns: [
    {
      key: "name",
      header: words.name,
      width: "36%",
      cell: (row) => (
        <TextLink to={`/services/${encodeURIComponent(row.sid)}`}>{textAt(row, "friendlyName") || row.sid}</TextLink>
      ),
    },
    sidColumn,
    created,
  ],
  fields: [{ name: "friendlyName", label: words.name, kind: "text", required: true, maxLength: NAME_LIMIT }],
};

export const usersSpec = (serviceSid: string): ResourceSpec => ({
  path: "/api/users",
  ...inService(serviceSid),
  one: words.nouns.user,
  many: words.users,
  empty: words.emptyUsers,
  nameOf: (row) => textAt(row, "identity") || row.sid,
  write: "admin",
  remove: "admin",
  columns: [
    textColumn("identity", words.identity, "26%"),
    textColumn("friendlyName", words.name, "22%"),
    {
      key: "online",
      header: words.online,
      width: "10%",
      cell: ({ isOnline }) => (isOnline === true ? words.yes : words.no),
      wideOnly: true,
    },
    created,
  ],
  fields: [
    { name: "identity", label: words.identity, kind: "text", required: true, maxLength: NAME_LIMIT, only: "create" },
    { name: "friendlyName", label: words.name, kind: "text", maxLength: NAME_LIMIT },
    { name: "roleSid", label: words.role, kind: "text", ...ROLE },
    { name: "attributes", label: words.attributes, kind: "json" },
  ],
});

export const rolesSpec = (serviceSid: string): ResourceSpec => ({
  path: "/api/roles",
  ...inService(serviceSid),
  one: words.nouns.role,
  many: words.roles,
  empty: words.emptyRoles,
  nameOf: (row) => textAt(row, "friendlyName") || row.sid,
  write: "admin",
  remove: "admin",
  columns: [
    textColumn("friendlyName", words.name, "24%"),
    {
      key: "type",
      header: words.type,
      width: "15%",
      cell: (row) => (
        <Badge as="span" variant="neutral">
          {typeName(textAt(row, "type"))}
        </Badge>
      ),
    },
    {
      key: "permissions",
      header: words.permissions,
      width: "45%",
      cell: ({ permissions }) => (Array.isArray(permissions) ? permissions.join(", ") : text.noValueMark),
      wideOnly: true,
    },
  ],
  fields: [
    { name: "friendlyName", label: words.name, kind: "text", required: true, maxLength: 64, only: "create" },
    {
      name: "type",
      label: words.type,
      kind: "select",
      choices: typeChoices("conversation", "service"),
      only: "create",
    },
    { name: "permissions", label: words.permissions, kind: "list", required: true, help: words.onePerLine },
  ],
});

const opens =
  (...kinds: readonly string[]) =>
  (values: Readonly<Record<string, string>>) =>
    values["autoCreation.enabled"] === "true" &&
    (kinds.length === 0 || kinds.includes(values["autoCreation.type"] ?? ""));

export const addressesSpec: ResourceSpec = {
  path: "/api/addresses",
  one: words.nouns.address,
  many: words.addresses,
  empty: words.emptyAddresses,
  nameOf: (row) => textAt(row, "address") || row.sid,
  write: "admin",
  remove: "admin",
  columns: [
    textColumn("address", words.address, "26%"),
    { key: "type", header: words.type, width: "14%", cell: (row) => typeName(textAt(row, "type")) },
    textColumn("friendlyName", words.name, "20%"),
    {
      key: "auto",
      header: words.autoCreation,
      width: "24%",
      cell: (row) => ((row["autoCreation"] as { enabled?: unknown } | null)?.enabled === true ? words.yes : words.no),
      wideOnly: true,
    },
  ],
  fields: [
    {
      name: "type",
      label: words.type,
      kind: "select",
      choices: typeChoices("sms", "whatsapp", "messenger", "rcs", "email"),
      only: "create",
    },
    { name: "address", label: words.address, kind: "text", required: true, maxLength: NAME_LIMIT, only: "create" },
    { name: "friendlyName", label: words.name, kind: "text", maxLength: NAME_LIMIT },
    {
      name: "addressCountry",
      label: words.country,
      kind: "text",
      pattern: /^[A-Z]{2}$/,
      patternFault: words.countryPattern,
      only: "create",
    },
    { name: "autoCreation.enabled", label: words.autoCreation, kind: "switch" },
    {
      name: "autoCreation.type",
      label: words.autoType,
      kind: "select",
      choices: typeChoices("default", "webhook", "studio"),
      when: opens(),
    },
    {
      name: "autoCreation.conversationServiceSid",
      label: words.conversationService,
      kind: "text",
      pattern: /^IS[0-9a-fA-F]{32}$/,
      patternFault: words.servicePattern,
      when: opens(),
    },
    {
      name: "autoCreation.webhookUrl",
      label: words.webhookUrl,
      kind: "text",
      required: true,
      pattern: /^https?:\/\/[^\s/]+/,
      patternFault: words.urlPattern,
      when: opens("webhook"),
    },
    {
      name: "autoCreation.studioFlowSid",
      label: words.studioFlow,
      kind: "text",
      required: true,
      pattern: /^FW[0-9a-fA-F]{32}$/,
      patternFault: words.flowPattern,
      when: opens("studio"),
    },
  ],
};
