import { Box } from "@twilio-paste/core/box";
import { useEffect, useRef } from "react";
import { useNavigate, useSearchParams } from "react-router";

import { Logo } from "@/shared/ui/Logo";
import { useDocumentTitle } from "@/shared/ui/PageHeader";
import { PageHeading } from "@/shared/ui/PageHeading";
import { text } from "@/texts";

import { useSignIn } from "./api/signIn";
import { returnPath, signInPath } from "./returnPath";
import { SignInForm } from "./SignInForm";

/** Signs in with the token of the printed link, or with a pasted one. */
export function SignInPage() {
  const navigate = useNavigate();
  const [params] = useSearchParams();
  const signIn = useSignIn();
  const token = params.get("token");
  const next = returnPath(params.get("next"));
  const used = useRef<string | null>(null);
  useDocumentTitle(text.signIn.title);

  const submit = (pasted: string): void => {
    signIn.mutate(pasted, { onSuccess: () => void navigate(next, { replace: true }) });
  };
  useEffect(() => {
    if (token === null || used.current === token) return;
    used.current = token;
    // First out of the address bar and the history, so that it is not left there even when signing in fails.
    void navigate(signInPath(next), { replace: true });
    submit(token);
  });

  return (
    <Box
      as="main"
      minHeight="100vh"
      display="flex"
      alignItems={["flex-start", "center"]}
      justifyContent="center"
      padding="space60"
      backgroundColor="colorBackgroundBody"
    >
      <Box width="100%" maxWidth="27rem" paddingY="space90">
        <Box marginBottom="space60">
          <Logo size="2.5rem" />
        </Box>
        <PageHeading>{text.signIn.title}</PageHeading>
        <Box
          color="colorTextWeak"
          fontSize="fontSize30"
          lineHeight="lineHeight30"
          marginTop="space20"
          marginBottom="space70"
        >
          {text.signIn.lead}
        </Box>
        <SignInForm error={signIn.error} pending={signIn.isPending} onSubmit={submit} />
      </Box>
    </Box>
  );
}
