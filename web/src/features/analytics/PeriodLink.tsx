import { TextLink } from "@/shared/ui/links";
import { fill, text } from "@/texts";

/** A period that leads to its calls. */
export function PeriodLink({ to, children }: { readonly to: string; readonly children: string }) {
  return (
    <TextLink to={to} aria-label={fill(text.analytics.pick, { period: children })}>
      {children}
    </TextLink>
  );
}
