import { Badge } from "@twilio-paste/core/badge";
import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { SkeletonLoader } from "@twilio-paste/core/skeleton-loader";

import { useMay } from "@/shared/operator/OperatorContext";
import { EmptyNotice, ErrorNotice, WithCode } from "@/shared/ui/notices";
import { type Column, RowsTable } from "@/shared/ui/RowsTable";
import { Section } from "@/shared/ui/Section";
import { text } from "@/texts";

import { type Finding, type Item, useConfiguration } from "./api/configuration";

const words = text.settings;
const VARIANTS = { ok: "success", note: "warning", fault: "error" } as const;

const COLUMNS: readonly Column<Item>[] = [
  { key: "name", header: words.name, width: "38%", cell: ({ name }) => <Code>{name}</Code> },
  {
    key: "value",
    header: words.value,
    width: "62%",
    cell: ({ value, secret }) =>
      value === null ? (
        <Box as="span" color="colorTextWeak">
          {words.unset}
        </Box>
      ) : (
        <Box as="span" display="inline-flex" flexWrap="wrap" alignItems="center" columnGap="space30">
          <Code>{value}</Code>
          {secret ? (
            <Badge as="span" variant="neutral">
              {words.secret}
            </Badge>
          ) : null}
        </Box>
      ),
  },
];

/** What `doctor` says, and the configuration the services read. For administrators. */
export function ConfigurationCheck() {
  const mayRead = useMay("admin");
  const configuration = useConfiguration(mayRead);
  if (!mayRead) return <EmptyNotice detail={words.admins} />;
  return (
    <>
      <Section
        title={words.check}
        aside={
          <Button
            variant="secondary"
            size="small"
            loading={configuration.isFetching}
            onClick={() => void configuration.refetch()}
          >
            {words.checkAgain}
          </Button>
        }
      >
        {configuration.data ? (
          <Findings findings={configuration.data.findings} />
        ) : configuration.isError ? (
          <ErrorNotice
            what={words.checkWhat}
            error={configuration.error}
            onRetry={() => void configuration.refetch()}
            retrying={configuration.isFetching}
          />
        ) : (
          <SkeletonLoader height="size20" />
        )}
      </Section>
      <Section title={words.configuration} aside={words.configurationDetail}>
        <RowsTable
          what={words.configuration}
          columns={COLUMNS}
          query={configuration}
          rows={configuration.data?.items ?? []}
          rowKey={({ name }) => name}
          empty={{ title: words.configuration, detail: words.configurationEmpty }}
          skeletonRows={8}
        />
      </Section>
    </>
  );
}

function Findings({ findings }: { readonly findings: readonly Finding[] }) {
  if (findings.length === 0) return <EmptyNotice detail={words.checkEmpty} />;
  return (
    <Box
      as="ul"
      aria-label={words.check}
      margin="space0"
      padding="space0"
      listStyleType="none"
      display="flex"
      flexDirection="column"
      rowGap="space30"
    >
      {findings.map(({ level, what, advice }) => (
        <Box
          as="li"
          key={what}
          display="grid"
          gridTemplateColumns="6rem minmax(0, 1fr)"
          columnGap="space40"
          color="colorText"
          fontSize="fontSize30"
          lineHeight="lineHeight30"
        >
          <Box>
            <Badge as="span" variant={VARIANTS[level]}>
              {words.levels[level]}
            </Badge>
          </Box>
          <Box minWidth="0" overflowWrap="anywhere">
            {what}
            {advice ? (
              <Box color="colorTextWeak" fontSize="fontSize20" lineHeight="lineHeight20">
                <WithCode words={advice} />
              </Box>
            ) : null}
          </Box>
        </Box>
      ))}
    </Box>
  );
}

function Code({ children }: { readonly children: string }) {
  return (
    <Box as="code" fontFamily="fontFamilyCode" fontSize="fontSize20" overflowWrap="anywhere">
      {children}
    </Box>
  );
}
