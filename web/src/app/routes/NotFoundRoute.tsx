import { NotFoundNotice } from "@/shared/ui/NotFoundNotice";
import { text } from "@/texts";

export function NotFoundRoute() {
  return <NotFoundNotice title={text.notFound.title} detail={text.notFound.detail} />;
}
