import { Box } from "@twilio-paste/core/box";

import { useMay } from "@/shared/operator/OperatorContext";
import { Moment } from "@/shared/ui/Moment";
import { EmptyNotice } from "@/shared/ui/notices";
import { type Column, RowsTable } from "@/shared/ui/RowsTable";
import { Section } from "@/shared/ui/Section";
import { text } from "@/texts";

import { type SeenRequest, useRequests } from "./api/sandbox";
import { FaultBook } from "./FaultBook";
import { PaceForm } from "./PaceForm";

const words = text.settings;

const COLUMNS: readonly Column<SeenRequest>[] = [
  { key: "at", header: words.at, width: "14%", cell: ({ at }) => <Moment at={at} /> },
  { key: "product", header: words.product, width: "16%", cell: ({ product }) => product },
  { key: "request", header: words.request, width: "70%", cell: ({ method, path }) => `${method} ${path}` },
];

/** The sandbox's desk: pace, faults, what it was asked. `running` is whether health knows a sandbox. */
export function SandboxDesk({ running }: { readonly running: boolean }) {
  const mayControl = useMay("admin");
  if (!mayControl) return null;
  return (
    <Section title={words.sandbox}>
      {running ? (
        <Box display="flex" flexDirection="column" rowGap="space80">
          <Box color="colorTextWeak" fontSize="fontSize30" lineHeight="lineHeight30">
            {words.sandboxDetail}
          </Box>
          <Section title={words.model}>
            <PaceForm />
          </Section>
          <Section title={words.faults}>
            <FaultBook />
          </Section>
          <Section title={words.requests}>
            <Requests />
          </Section>
        </Box>
      ) : (
        <EmptyNotice title={words.sandboxOff} detail={words.sandboxOffDetail} />
      )}
    </Section>
  );
}

function Requests() {
  const requests = useRequests();
  return (
    <RowsTable
      what={words.requestsWhat}
      columns={COLUMNS}
      query={requests}
      rows={requests.data?.items ?? []}
      rowKey={(it) => `${it.at ?? ""} ${it.method} ${it.path}`}
      empty={{ title: words.requestsEmpty, detail: words.requestsEmptyDetail }}
    />
  );
}
