import { Box } from "@twilio-paste/core/box";

import { Alerts } from "@/app/Alerts";
import { LiveCalls } from "@/features/calls/LiveCalls";
import { RecentCalls } from "@/features/calls/RecentCalls";
import { TodayConversations } from "@/features/conversations/TodayConversations";
import { ServiceStates } from "@/features/health/ServiceStates";
import { SummaryTiles } from "@/features/signals/SummaryTiles";
import { TodayLine } from "@/features/signals/TodayLine";
import { PageHeader } from "@/shared/ui/PageHeader";
import { Section } from "@/shared/ui/Section";
import { text } from "@/texts";

/** What happens now, and how the day has gone. */
export function OverviewRoute() {
  return (
    <>
      <PageHeader title={text.overview.title} />
      <Box display="flex" flexDirection="column" rowGap="space90">
        <Section title={text.overview.today} aside={<TodayLine />}>
          <SummaryTiles conversations={<TodayConversations />} />
        </Section>
        <Box
          display="grid"
          gridTemplateColumns={["minmax(0, 1fr)", "minmax(0, 1fr)", "minmax(0, 1fr) 16rem"]}
          columnGap="space70"
          rowGap="space90"
        >
          <Box display="flex" flexDirection="column" rowGap="space90" minWidth="0">
            <LiveCalls />
            <RecentCalls />
          </Box>
          <Box display="flex" flexDirection="column" rowGap="space90" minWidth="0">
            <Alerts />
            <ServiceStates />
          </Box>
        </Box>
      </Box>
    </>
  );
}
