import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { Callout, CalloutHeading, CalloutText } from "@twilio-paste/core/callout";
import { useRevalidator, useRouteError } from "react-router";

import { ApiError } from "@/shared/api/apiError";
import { describeError } from "@/shared/api/describeError";
import { ButtonLink } from "@/shared/ui/links";
import { PageHeader } from "@/shared/ui/PageHeader";
import { text } from "@/texts";

/** In place of a page that failed; the shell around it goes on. */
export function RouteError() {
  const error = useRouteError();
  return (
    <>
      <PageHeader title={text.errors.page} />
      <Box role="alert">
        <Callout variant="error">
          <CalloutHeading as="h2">{text.errors.page}</CalloutHeading>
          <CalloutText>{explain(error)}</CalloutText>
          <Box display="flex" columnGap="space40" marginTop="space50">
            <Button variant="primary" size="small" onClick={() => window.location.reload()}>
              {text.errors.reload}
            </Button>
            <ButtonLink to="/">{text.errors.toOverview}</ButtonLink>
          </Box>
        </Callout>
      </Box>
    </>
  );
}

/** When not even the shell could be shown, for instance because the platform does not answer. */
export function RootError() {
  const error = useRouteError();
  const { revalidate, state } = useRevalidator();
  const retry = (): void => {
    if (error instanceof ApiError) void revalidate();
    else window.location.reload();
  };
  return (
    <Box as="main" minHeight="100vh" padding="space70" backgroundColor="colorBackgroundBody">
      <Box maxWidth="size50" marginX="auto" marginTop="space160">
        <PageHeader title={text.product} />
        <Box role="alert">
          <Callout variant="error">
            <CalloutHeading as="h2">{text.errors.page}</CalloutHeading>
            <CalloutText>{explain(error)}</CalloutText>
            <Box marginTop="space50">
              <Button variant="primary" size="small" onClick={retry} loading={state === "loading"}>
                {text.errors.retry}
              </Button>
            </Box>
          </Callout>
        </Box>
      </Box>
    </Box>
  );
}

function explain(error: unknown): string {
  if (error instanceof ApiError) return describeError(error);
  return isMissingChunk(error) ? text.errors.stale : text.errors.pageDetail;
}

/** A page's file is gone when the console was built anew while this tab was open. */
function isMissingChunk(error: unknown): boolean {
  return error instanceof TypeError && /dynamically imported module|importing a module script/i.test(error.message);
}
