import { Badge } from "@twilio-paste/core/badge";
import { Box } from "@twilio-paste/core/box";
import { SkeletonLoader } from "@twilio-paste/core/skeleton-loader";
import { ErrorIcon } from "@twilio-paste/icons/esm/ErrorIcon";
import { SuccessIcon } from "@twilio-paste/icons/esm/SuccessIcon";
import { WarningIcon } from "@twilio-paste/icons/esm/WarningIcon";

import type { ReactNode } from "react";

import { EmptyNotice, ErrorNotice } from "@/shared/ui/notices";
import { Section } from "@/shared/ui/Section";
import { plural, text } from "@/texts";

import { type ServiceHealth, useHealth } from "./api/getHealth";

const USUAL_SERVICES = 5;

/** Whether each service is ready, and why not. */
export function ServiceStates() {
  const health = useHealth();
  return (
    <Section title={text.health.title} mark={health.data ? <Overall services={health.data} /> : null}>
      {health.data ? (
        <States services={health.data} />
      ) : health.isError ? (
        <ErrorNotice
          what={text.health.what}
          error={health.error}
          onRetry={() => void health.refetch()}
          retrying={health.isFetching}
        />
      ) : (
        <StatesSkeleton />
      )}
    </Section>
  );
}

function Overall({ services }: { readonly services: readonly ServiceHealth[] }) {
  const notReady = services.filter(({ state }) => state !== "ready").length;
  return (
    <Box role="status">
      <Badge as="span" variant={notReady === 0 ? "success" : "error"}>
        {notReady === 0 ? text.health.allReady : plural(text.health.notReady, notReady)}
      </Badge>
    </Box>
  );
}

function States({ services }: { readonly services: readonly ServiceHealth[] }) {
  if (services.length === 0) return <EmptyNotice title={text.health.empty} detail={text.health.emptyDetail} />;
  return (
    <Frame>
      {services.map(({ name, state, detail }) => (
        <Row key={name}>
          <Box display="flex" alignItems="center" justifyContent="space-between" columnGap="space40">
            <Box minWidth="0" overflowWrap="anywhere">
              {(text.health.names as Readonly<Record<string, string>>)[name] ?? name}
            </Box>
            <State state={state} />
          </Box>
          {detail && state !== "ready" ? (
            <Box
              color="colorTextWeak"
              fontSize="fontSize20"
              lineHeight="lineHeight20"
              marginTop="space10"
              overflowWrap="anywhere"
            >
              {detail}
            </Box>
          ) : null}
        </Row>
      ))}
    </Frame>
  );
}

const MARKS = {
  ready: { Icon: SuccessIcon, color: "colorTextIconSuccess" },
  not_ready: { Icon: WarningIcon, color: "colorTextIconWarning" },
  down: { Icon: ErrorIcon, color: "colorTextIconError" },
} as const;

function State({ state }: Pick<ServiceHealth, "state">) {
  const { Icon, color } = MARKS[state === "ready" || state === "down" ? state : "not_ready"];
  return (
    <Box flexShrink={0} display="flex" alignItems="center" columnGap="space20" color={color}>
      <Icon decorative size="sizeIcon10" />
      <Box as="span" color="colorText">
        {(text.health.states as Readonly<Record<string, string>>)[state] ?? state}
      </Box>
    </Box>
  );
}

function StatesSkeleton() {
  return (
    <Frame>
      {Array.from({ length: USUAL_SERVICES }, (_, position) => (
        <Row key={position}>
          <SkeletonLoader height="sizeIcon20" />
        </Row>
      ))}
    </Frame>
  );
}

function Frame({ children }: { readonly children: ReactNode }) {
  return (
    <Box
      as="ul"
      margin="space0"
      padding="space0"
      listStyleType="none"
      borderRadius="borderRadius30"
      borderStyle="solid"
      borderWidth="borderWidth10"
      borderColor="colorBorderWeaker"
      color="colorText"
      fontSize="fontSize30"
      lineHeight="lineHeight30"
    >
      {children}
    </Box>
  );
}

function Row({ children }: { readonly children: ReactNode }) {
  return (
    <Box
      as="li"
      paddingX="space50"
      paddingY="space40"
      borderBottomStyle="solid"
      borderBottomWidth="borderWidth10"
      borderBottomColor="colorBorderWeaker"
      _last={{ borderBottomWidth: "borderWidth0" }}
    >
      {children}
    </Box>
  );
}
