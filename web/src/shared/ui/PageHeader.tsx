import { Box } from "@twilio-paste/core/box";
import { type ReactNode, useEffect, useRef } from "react";
import { useLocation } from "react-router";

import { fill, text } from "@/texts";

import { PageHeading } from "./PageHeading";

interface PageHeaderProps {
  readonly title: string;
  /** Beside the title, such as a state. */
  readonly mark?: ReactNode;
  readonly lead?: ReactNode;
  /** At the right: what can be done on this page. */
  readonly actions?: ReactNode;
}

/** The page's title, in the document and as its h1; takes the focus after a navigation, so that it is announced. */
export function PageHeader({ title, mark, lead, actions }: PageHeaderProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { key } = useLocation();
  const arrived = useRef(key === "default");
  useDocumentTitle(title);
  useEffect(() => {
    if (!arrived.current) heading.current?.focus({ preventScroll: true });
    arrived.current = true;
  }, []);
  return (
    <Box display="flex" flexWrap="wrap" columnGap="space60" rowGap="space50" alignItems="center" marginBottom="space70">
      <Box flex="1 1 20rem" minWidth="0">
        <Box display="flex" flexWrap="wrap" alignItems="center" columnGap="space40" rowGap="space20">
          <PageHeading ref={heading}>{title}</PageHeading>
          {mark}
        </Box>
        {lead ? (
          <Box color="colorTextWeak" fontSize="fontSize30" lineHeight="lineHeight30" marginTop="space20">
            {lead}
          </Box>
        ) : null}
      </Box>
      {actions}
    </Box>
  );
}

export function useDocumentTitle(page: string): void {
  useEffect(() => {
    document.title = fill(text.pageTitle, { page });
  }, [page]);
}
