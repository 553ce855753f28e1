import { Box } from "@twilio-paste/core/box";
import { ErrorIcon } from "@twilio-paste/icons/esm/ErrorIcon";
import { SuccessIcon } from "@twilio-paste/icons/esm/SuccessIcon";
import { WarningIcon } from "@twilio-paste/icons/esm/WarningIcon";

import { type PastFilter, usePastCalls } from "@/features/calls/api/listPastCalls";
import { useHealth } from "@/features/health/api/getHealth";
import { useStatus } from "@/features/intelligence/api/lists";
import { TextLink } from "@/shared/ui/links";
import { Section } from "@/shared/ui/Section";
import { fill, plural, text } from "@/texts";

const words = text.alerts;

interface Alert {
  readonly key: string;
  readonly bad: boolean;
  readonly words: string;
  readonly to: string;
}

/** What needs somebody's attention now, each leading to where it can be dealt with. */
export function Alerts() {
  const alerts = useAlerts();
  return (
    <Section title={words.title}>
      <Box
        as="ul"
        margin="space0"
        padding="space0"
        listStyleType="none"
        display="flex"
        flexDirection="column"
        rowGap="space30"
        color="colorText"
        fontSize="fontSize30"
        lineHeight="lineHeight30"
      >
        {alerts.length === 0 ? (
          <Box as="li" display="flex" columnGap="space30" alignItems="center" color="colorTextWeak">
            <SuccessIcon decorative size="sizeIcon20" color="colorTextIconSuccess" />
            {words.none}
          </Box>
        ) : (
          alerts.map((alert) => (
            <Box as="li" key={alert.key} display="flex" columnGap="space30" alignItems="center">
              {alert.bad ? (
                <ErrorIcon decorative size="sizeIcon20" color="colorTextIconError" />
              ) : (
                <WarningIcon decorative size="sizeIcon20" color="colorTextIconWarning" />
              )}
              <TextLink to={alert.to}>{alert.words}</TextLink>
            </Box>
          ))
        )}
      </Box>
    </Section>
  );
}

function useAlerts(): readonly Alert[] {
  const health = useHealth();
  const intake = useStatus();
  const risky = usePastCalls(riskyToday(), null);
  const names = text.health.names as Readonly<Record<string, string>>;
  const down = (health.data ?? []).filter(({ state }) => state !== "ready");
  const deadLetters = intake.data?.dead_letters ?? 0;
  const riskyCalls = risky.data?.items.length ?? 0;
  return [
    ...down.map(({ name, state }) => ({
      key: name,
      bad: state === "down",
      words: fill(words.notReady, { name: names[name] ?? name }),
      to: "/settings",
    })),
    ...(deadLetters > 0
      ? [{ key: "dead", bad: true, words: plural(words.deadLetters, deadLetters), to: "/intelligence/dead-letters" }]
      : []),
    ...(riskyCalls > 0
      ? [
          {
            key: "risk",
            bad: false,
            words: plural(words.risky, riskyCalls),
            to: `/calls?signal=high_risk&from=${today()}`,
          },
        ]
      : []),
  ];
}

/** The viewer's own date, as `yyyy-MM-dd`. */
const today = (): string => new Date().toLocaleDateString("sv");

const riskyToday = (): PastFilter => ({
  from: today(),
  to: "",
  language: "",
  channel: "",
  agent: "",
  direction: "",
  signal: "high_risk",
  finding: "",
  caller: "",
  serviceSid: "",
});
