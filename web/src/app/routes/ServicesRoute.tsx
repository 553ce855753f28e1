import { Box } from "@twilio-paste/core/box";
import { useParams } from "react-router";

import { ACCOUNT_FIELDS } from "@/features/services/configurationFields";
import { ServiceChoice } from "@/features/services/ServiceChoice";
import { ServicePage } from "@/features/services/ServicePage";
import { addressesSpec, rolesSpec, servicesSpec, usersSpec } from "@/features/services/specs";
import { DocumentForm } from "@/shared/resources/DocumentForm";
import { ResourceList } from "@/shared/resources/ResourceList";
import { PageHeader } from "@/shared/ui/PageHeader";
import { TabLinks } from "@/shared/ui/TabLinks";
import { useFilters } from "@/shared/url/useFilters";
import { text } from "@/texts";

import { NotFoundRoute } from "./NotFoundRoute";

const words = text.services;
const TABS = ["list", "users", "roles", "addresses", "account"] as const;

/** Services, and the users, roles and addresses that belong to them; `/services/IS…` is one of them. */
export function ServicesRoute() {
  const { tab = "list" } = useParams();
  if (tab.startsWith("IS")) return <ServicePage key={tab} sid={tab} />;
  if (!TABS.some((known) => known === tab)) return <NotFoundRoute />;
  return (
    <>
      <PageHeader title={words.title} lead={words.lead} />
      <Tabs current={tab} />
      <Part key={tab} tab={tab} />
    </>
  );
}

function Tabs({ current }: { readonly current: string }) {
  const { values } = useFilters(["serviceSid"]);
  const query = values.serviceSid ? `?serviceSid=${encodeURIComponent(values.serviceSid)}` : "";
  const tabs = TABS.map((key) => ({
    key,
    label: words[key],
    to: `/services${key === "list" ? "" : `/${key}`}${query}`,
  }));
  return <TabLinks label={words.tabs} tabs={tabs} current={current} />;
}

function Part({ tab }: { readonly tab: string }) {
  const { values, set } = useFilters(["serviceSid"]);
  const choice = (
    <Box width="size30">
      <ServiceChoice value={values.serviceSid} onChange={(serviceSid) => set({ serviceSid })} />
    </Box>
  );
  switch (tab) {
    case "users":
      return <ResourceList spec={usersSpec(values.serviceSid)} aside={choice} />;
    case "roles":
      return <ResourceList spec={rolesSpec(values.serviceSid)} aside={choice} />;
    case "addresses":
      return <ResourceList spec={addressesSpec} />;
    case "account":
      return <DocumentForm path="/api/account" what={words.accountWhat} fields={ACCOUNT_FIELDS} write="admin" />;
    default:
      return <ResourceList spec={servicesSpec} />;
  }
}
