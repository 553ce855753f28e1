/** The filters that the charts and the list of calls have in common. */
const PASSED_ON = ["language", "channel", "agent", "direction", "serviceSid"] as const;

/** The viewer's own time zone. */
export const HERE = new Intl.DateTimeFormat().resolvedOptions().timeZone;

type Values = Readonly<Record<string, string>>;

const passedOn = (values: Values): readonly [string, string][] =>
  PASSED_ON.flatMap((name) => (values[name] ? [[name, values[name]] as [string, string]] : []));

/** The calls behind a bucket, with the filters of the charts. */
export function callsLink(values: Values, from: string, to: string): string {
  const query = new URLSearchParams([...passedOn(values), ["from", from]]);
  if (to !== "") query.set("to", to);
  return `/calls?${query.toString()}`;
}

/** The rows behind all charts as a file made by the service, which notes who took it. */
export function exportLink(values: Values): string {
  const query = new URLSearchParams([...passedOn(values), ["tz", values["tz"] || HERE]]);
  for (const name of ["from", "to"]) if (values[name]) query.set(name, values[name]);
  return `/svc/analytics/api/export.csv?${query.toString()}`;
}
