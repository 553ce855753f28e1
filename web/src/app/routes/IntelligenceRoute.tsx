import { Box } from "@twilio-paste/core/box";
import { useParams } from "react-router";

import { DeadLetters } from "@/features/intelligence/DeadLetters";
import { Events } from "@/features/intelligence/Events";
import { IntakeState } from "@/features/intelligence/IntakeState";
import { Reconcile } from "@/features/intelligence/Reconcile";
import { Results } from "@/features/intelligence/Results";
import { useMay } from "@/shared/operator/OperatorContext";
import { EmptyNotice } from "@/shared/ui/notices";
import { PageHeader } from "@/shared/ui/PageHeader";
import { TabLinks } from "@/shared/ui/TabLinks";
import { text } from "@/texts";

const words = text.intelligence;
const TABS = [
  { key: "events", label: words.events, to: "/intelligence" },
  { key: "results", label: words.results, to: "/intelligence/results" },
  { key: "dead-letters", label: words.deadLetters, to: "/intelligence/dead-letters" },
];

/** What Conversational Intelligence reported: events, results, dead letters. */
export function IntelligenceRoute() {
  const { tab = "events" } = useParams();
  const supervises = useMay("supervisor");
  return (
    <>
      <PageHeader title={words.title} lead={words.lead} actions={supervises ? <Reconcile /> : null} />
      <Box marginBottom="space80">
        <IntakeState />
      </Box>
      <TabLinks label={words.tabs} tabs={TABS} current={tab} />
      {tab === "results" ? (
        <Results />
      ) : !supervises ? (
        <EmptyNotice title={words.forbidden} detail={words.forbiddenDetail} />
      ) : tab === "dead-letters" ? (
        <DeadLetters />
      ) : (
        <Events />
      )}
    </>
  );
}
