import { Box } from "@twilio-paste/core/box";

import { useHealth } from "@/features/health/api/getHealth";
import { ServiceStates } from "@/features/health/ServiceStates";
import { ConfigurationCheck } from "@/features/settings/ConfigurationCheck";
import { SandboxDesk } from "@/features/settings/SandboxDesk";
import { PageHeader } from "@/shared/ui/PageHeader";
import { text } from "@/texts";

/** Health, configuration and the sandbox. */
export function SettingsRoute() {
  const sandbox = useHealth().data?.find(({ name }) => name === "sandbox");
  return (
    <>
      <PageHeader title={text.settings.title} lead={text.settings.lead} />
      <Box display="flex" flexDirection="column" rowGap="space90">
        <ServiceStates />
        <ConfigurationCheck />
        <SandboxDesk running={sandbox !== undefined && sandbox.state !== "down"} />
      </Box>
    </>
  );
}
