import { text } from "@/texts";

import { ButtonLink } from "./links";
import { EmptyNotice } from "./notices";
import { PageHeader } from "./PageHeader";

interface NotFoundNoticeProps {
  readonly title: string;
  readonly detail: string;
  readonly back?: { readonly to: string; readonly label: string };
}

const OVERVIEW = { to: "/", label: text.errors.toOverview };

/** The page for something that is not there, with a way on. */
export function NotFoundNotice({ title, detail, back = OVERVIEW }: NotFoundNoticeProps) {
  return (
    <>
      <PageHeader title={title} />
      <EmptyNotice detail={detail} action={<ButtonLink to={back.to}>{back.label}</ButtonLink>} />
    </>
  );
}
