import { differenceInSeconds, format, isToday, isYesterday, parseISO } from "date-fns";

import { text } from "@/texts";

/** An ISO 8601 time from a service; null when it is absent or not a time. */
export function parseTime(value: string | null): Date | null {
  if (value === null) return null;
  const time = parseISO(value);
  return Number.isNaN(time.getTime()) ? null : time;
}

/** `14:05:09` today, `Yesterday 14:05`, otherwise `3 Nov 14:05`, with the year when it is another one. */
export function formatMoment(time: Date, now: Date = new Date()): string {
  if (isToday(time)) return format(time, "HH:mm:ss");
  if (isYesterday(time)) return `${text.time.yesterday} ${format(time, "HH:mm")}`;
  return format(time, time.getFullYear() === now.getFullYear() ? "d MMM HH:mm" : "d MMM yyyy HH:mm");
}

/** The exact time in the viewer's zone, with the zone's offset. */
export const formatExact = (time: Date): string => format(time, "EEEE d MMMM yyyy, HH:mm:ss 'UTC'xxx");

/** `Sunday 22 November 2026` for a date without time, as `yyyy-MM-dd`. */
export function formatDay(day: string): string {
  const time = parseTime(day);
  return time ? format(time, "EEEE d MMMM yyyy") : day;
}

/** `0:07`, `12:34` or `1:02:03`; never negative, since the server's clock may be ahead of the viewer's. */
export function formatDuration(seconds: number): string {
  const total = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const tail = `${hours > 0 ? String(minutes).padStart(2, "0") : String(minutes)}:${String(rest).padStart(2, "0")}`;
  return hours > 0 ? `${String(hours)}:${tail}` : tail;
}

export const secondsBetween = (start: Date, end: Date): number => differenceInSeconds(end, start);
