import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { ScreenReaderOnly } from "@twilio-paste/core/screen-reader-only";
import { LogOutIcon } from "@twilio-paste/icons/esm/LogOutIcon";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";

import { useSession, useSignOut } from "@/features/session";
import { useMediaQuery } from "@/shared/ui/useMediaQuery";
import { fill, text } from "@/texts";

/** Who is signed in, and the way out. */
export function SignedIn() {
  const { name, role } = useSession();
  const hasRoom = useMediaQuery("(min-width: 48rem)");
  const client = useQueryClient();
  const navigate = useNavigate();
  const signOut = useSignOut();
  const leave = (): void =>
    signOut.mutate(undefined, {
      onSuccess: async () => {
        await navigate("/sign-in", { replace: true });
        client.clear();
      },
    });
  return (
    <>
      {hasRoom ? (
        <Box
          color="colorText"
          fontSize="fontSize30"
          lineHeight="lineHeight20"
          textAlign="right"
          title={fill(text.shell.signedInAs, { name, role })}
        >
          {name}
          <Box as="span" display="block" color="colorTextWeak" fontSize="fontSize20" lineHeight="lineHeight10">
            {role}
          </Box>
        </Box>
      ) : null}
      <Button
        variant={hasRoom ? "secondary" : "secondary_icon"}
        size={hasRoom ? "small" : "icon"}
        loading={signOut.isPending}
        onClick={leave}
      >
        <LogOutIcon decorative />
        {hasRoom ? text.shell.signOut : <ScreenReaderOnly>{text.shell.signOut}</ScreenReaderOnly>}
      </Button>
      <Box
        role="alert"
        display={signOut.isError ? "block" : "none"}
        position="fixed"
        bottom="space60"
        right="space60"
        zIndex="zIndex80"
        padding="space50"
        borderRadius="borderRadius30"
        backgroundColor="colorBackgroundBody"
        boxShadow="shadow"
        color="colorTextError"
        fontSize="fontSize30"
      >
        {signOut.isError ? text.shell.signOutFailed : ""}
      </Box>
    </>
  );
}
