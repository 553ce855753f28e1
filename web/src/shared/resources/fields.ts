import { checkJson, formatJson } from "@/shared/format/json";
import { fill, text } from "@/texts";

import type { Choice } from "../ui/Field";

/** One field of a form over a resource. Its name is the field's place in the body: `configuration.url`. */
export interface FieldSpec {
  readonly name: string;
  readonly label: string;
  readonly help?: string;
  /** `list` is one item per line; `switch` is yes or no. */
  readonly kind: "text" | "area" | "select" | "json" | "list" | "switch";
  readonly choices?: readonly Choice[];
  readonly required?: boolean;
  readonly maxLength?: number;
  readonly pattern?: RegExp;
  readonly patternFault?: string;
  readonly limitBytes?: number;
  /** Only when creating, or only when editing. */
  readonly only?: "create" | "edit";
  readonly when?: (values: Values) => boolean;
  /** Only steers the form: it is not sent. */
  readonly local?: boolean;
}

/** What a form holds: text for every field; a switch is `true` or empty. */
export type Values = Readonly<Record<string, string>>;
export type Row = Readonly<Record<string, unknown>> & { readonly sid: string };

/** What is at a dotted place of a row. */
export function at(row: Readonly<Record<string, unknown>>, path: string): unknown {
  return path.split(".").reduce<unknown>((it, name) => {
    return typeof it === "object" && it !== null ? (it as Readonly<Record<string, unknown>>)[name] : undefined;
  }, row);
}

/** Text at a dotted place; empty when there is none. */
export function textAt(row: Readonly<Record<string, unknown>>, path: string): string {
  const value = at(row, path);
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

/** The fields of a form for a new row, or for changing `row`. */
export const fieldsFor = (fields: readonly FieldSpec[], row: Row | null): readonly FieldSpec[] =>
  fields.filter(({ only }) => only === undefined || only === (row ? "edit" : "create"));

export function valuesOf(fields: readonly FieldSpec[], row: Row | null): Values {
  return Object.fromEntries(
    fields.map((field) => [field.name, row ? shown(field, at(row, field.name)) : initial(field)]),
  );
}

function initial({ kind, choices }: FieldSpec): string {
  if (kind === "select") return choices?.[0]?.value ?? "";
  return kind === "json" ? "{}" : "";
}

function shown({ kind }: FieldSpec, value: unknown): string {
  if (kind === "json") return formatJson(value);
  if (kind === "list") return Array.isArray(value) ? value.join("\n") : "";
  if (kind === "switch") return value === true ? "true" : "";
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** What is wrong with a field's value, for the reader; null when nothing is. */
export function faultOf(field: FieldSpec, value: string): string | null {
  const { kind, required = false, maxLength, pattern, patternFault, limitBytes = 16_384 } = field;
  if (kind === "json") return checkJson(value, limitBytes).fault;
  const trimmed = value.trim();
  if (trimmed === "") return required ? text.forms.required : null;
  if (maxLength !== undefined && trimmed.length > maxLength) return fill(text.forms.tooLong, { limit: maxLength });
  return pattern && !pattern.test(trimmed) ? (patternFault ?? text.forms.badForm) : null;
}

export const visible = (fields: readonly FieldSpec[], values: Values): readonly FieldSpec[] =>
  fields.filter(({ when }) => when?.(values) ?? true);

/** The body to send: for a new row all that is filled in, otherwise what differs from before. */
export function bodyOf(fields: readonly FieldSpec[], values: Values, before: Values | null): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const field of visible(fields, values)) {
    if (field.local) continue;
    const value = values[field.name] ?? "";
    const changed = before ? value !== before[field.name] : value.trim() !== "" || field.kind === "switch";
    if (changed) put(body, field.name, sent(field, value));
  }
  return body;
}

function sent({ kind, limitBytes = 16_384 }: FieldSpec, value: string): unknown {
  switch (kind) {
    case "json":
      return checkJson(value, limitBytes).value;
    case "list":
      return value
        .split(/[\n,]/)
        .map((it) => it.trim())
        .filter(Boolean);
    case "switch":
      return value === "true";
    default:
      return value.trim();
  }
}

function put(body: Record<string, unknown>, path: string, value: unknown): void {
  const names = path.split(".");
  const last = names.pop() ?? path;
  let it = body;
  for (const name of names) it = (it[name] ??= {}) as Record<string, unknown>;
  it[last] = value;
}
