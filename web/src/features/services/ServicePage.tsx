import { hasStatus } from "@/shared/api/apiError";
import { DocumentForm, useDocument } from "@/shared/resources/DocumentForm";
import { textAt } from "@/shared/resources/fields";
import { ButtonLink, TextLink } from "@/shared/ui/links";
import { NotFoundNotice } from "@/shared/ui/NotFoundNotice";
import { PageHeader } from "@/shared/ui/PageHeader";
import { Sid } from "@/shared/ui/Sid";
import { fill, text } from "@/texts";
import { Box } from "@twilio-paste/core/box";

import { SERVICE_FIELDS } from "./configurationFields";

const words = text.services;

/** One service and its configuration. */
export function ServicePage({ sid }: { readonly sid: string }) {
  const path = `/api/services/${encodeURIComponent(sid)}`;
  const service = useDocument(path);
  if (hasStatus(service.error, 404) || hasStatus(service.error, 400)) {
    return (
      <NotFoundNotice
        title={words.notFound}
        detail={fill(words.notFoundDetail, { sid })}
        back={{ to: "/services", label: words.back }}
      />
    );
  }
  const name = service.data ? textAt(service.data, "friendlyName") : "";
  return (
    <>
      <Box
        as="nav"
        aria-label={text.conversations.breadcrumb}
        marginBottom="space30"
        fontSize="fontSize30"
        lineHeight="lineHeight30"
      >
        <TextLink to="/services">{words.back}</TextLink>
      </Box>
      <PageHeader
        title={name || words.service}
        lead={<Sid>{sid}</Sid>}
        actions={
          <ButtonLink to={`/conversations?serviceSid=${encodeURIComponent(sid)}`}>{words.conversations}</ButtonLink>
        }
      />
      <DocumentForm path={path} what={words.service} fields={SERVICE_FIELDS} write="admin" />
    </>
  );
}
