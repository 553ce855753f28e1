import { useQuery } from "@tanstack/react-query";
import { Badge } from "@twilio-paste/core/badge";
import { Box } from "@twilio-paste/core/box";
import { SkeletonLoader } from "@twilio-paste/core/skeleton-loader";

import { hasStatus } from "@/shared/api/apiError";
import { formatScore } from "@/shared/format/numbers";
import { formatCaller } from "@/shared/format/phones";
import { Facts } from "@/shared/ui/Facts";
import { TextLink } from "@/shared/ui/links";
import { Moment } from "@/shared/ui/Moment";
import { EmptyNotice, ErrorNotice } from "@/shared/ui/notices";
import { text } from "@/texts";

import { type Customer, customerOptions } from "./api/getCustomer";

const words = text.conversations.customer;

/** Who the conversation is with: Segment's traits, their calls, what was found in them. */
export function CustomerPanel({ address }: { readonly address: string }) {
  const customer = useQuery(customerOptions(address));
  if (customer.data) return <Known customer={customer.data} address={address} />;
  if (hasStatus(customer.error, 404)) return <EmptyNotice detail={words.none} />;
  if (customer.isError) {
    return (
      <ErrorNotice
        what={words.what}
        error={customer.error}
        onRetry={() => void customer.refetch()}
        retrying={customer.isFetching}
      />
    );
  }
  return <SkeletonLoader height="size20" />;
}

function Known({ customer, address }: { readonly customer: Customer; readonly address: string }) {
  const traits = Object.entries(customer.traits).filter(([, value]) =>
    ["string", "number", "boolean"].includes(typeof value),
  );
  const findings = customer.calls.flatMap(({ evidence }) => evidence?.findings ?? []);
  return (
    <Box display="flex" flexDirection="column" rowGap="space50">
      <Box color="colorText" fontSize="fontSize30" lineHeight="lineHeight30" fontWeight="fontWeightSemibold">
        {formatCaller(address)}
      </Box>
      {traits.length > 0 ? (
        <Facts
          facts={traits
            .slice(0, 10)
            .map(([name, value]) => ({ label: name.replaceAll("_", " "), value: String(value) }))}
        />
      ) : (
        <Box color="colorTextWeak" fontSize="fontSize30" lineHeight="lineHeight30">
          {words.noTraits}
        </Box>
      )}
      {findings.length > 0 ? (
        <Box
          as="ul"
          aria-label={words.findings}
          margin="space0"
          paddingLeft="space50"
          color="colorText"
          fontSize="fontSize20"
          lineHeight="lineHeight20"
        >
          {findings.slice(0, 5).map(({ category, severity, evidence }) => (
            <li key={`${category} ${evidence}`}>
              {category} {Math.round(severity)}: “{evidence}”
            </li>
          ))}
        </Box>
      ) : null}
      <Box
        as="ul"
        aria-label={words.calls}
        margin="space0"
        padding="space0"
        listStyleType="none"
        display="flex"
        flexDirection="column"
        rowGap="space20"
        fontSize="fontSize30"
        lineHeight="lineHeight30"
        color="colorText"
      >
        {customer.calls.slice(0, 6).map((call) => (
          <Box as="li" key={call.key} display="flex" flexWrap="wrap" columnGap="space30" alignItems="center">
            {call.call_sid ? (
              <TextLink to={`/calls/${encodeURIComponent(call.call_sid)}`}>
                <Moment at={call.started_at} />
              </TextLink>
            ) : (
              <Moment at={call.started_at} />
            )}
            <span>
              {text.calls.csat} {formatScore(call.csat)}
            </span>
            {call.legal_risk_band === "high" ? (
              <Badge as="span" variant="error">
                {words.highRisk}
              </Badge>
            ) : null}
          </Box>
        ))}
      </Box>
    </Box>
  );
}
