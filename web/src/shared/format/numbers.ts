import { locale, text } from "@/texts";

const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const oneDecimal = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });

export const formatCount = (value: number): string => whole.format(value);

/** A mean or score with one decimal; a dash when there is none. */
export function formatScore(value: number | null): string {
  return value === null ? text.noValueMark : oneDecimal.format(value);
}

/** A share given in percent (0 to 100). */
export function formatPercent(pct: number | null): string {
  return pct === null ? text.noValueMark : percent.format(pct / 100);
}

const usd = new Intl.NumberFormat(locale, { style: "currency", currency: "USD", maximumSignificantDigits: 3 });

/** Money in US dollars; models cost fractions of a cent, so three digits that say something are kept. */
export const formatUsd = (value: number): string => usd.format(value);

/** A file's size in kilobytes or megabytes. */
export const formatBytes = (bytes: number): string =>
  bytes < 1_000_000 ? `${whole.format(Math.ceil(bytes / 1000))} kB` : `${oneDecimal.format(bytes / 1_000_000)} MB`;

export const formatMilliseconds = (ms: number): string => `${whole.format(ms)} ms`;
