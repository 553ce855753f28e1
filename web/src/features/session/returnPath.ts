/** The sign-in address that leads back to `from` afterwards. */
export function signInPath(from: string): string {
  return from === "/" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(from)}`;
}

/** Where to go after signing in: a path of this console and nothing else, so that a link cannot lead away. */
export function returnPath(next: string | null): string {
  const base = "http://console.invalid";
  if (next === null || !next.startsWith("/")) return "/";
  const target = new URL(next, base);
  const leads = target.origin === base && target.pathname !== "/sign-in";
  return leads ? target.pathname + target.search + target.hash : "/";
}
