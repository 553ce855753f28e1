import { Anchor, type AnchorProps } from "@twilio-paste/core/anchor";
import { Box } from "@twilio-paste/core/box";
import type { MouseEvent, ReactNode } from "react";
import { type To, useHref, useLinkClickHandler } from "react-router";

interface Target {
  readonly to: To;
  /** Kept in the history entry, not in the address. */
  readonly state?: unknown;
}

interface LinkProps {
  readonly href: string;
  readonly onClick: (event: MouseEvent<HTMLAnchorElement>) => void;
}

/** What makes an anchor of any component a link inside the console. */
export function useLinkProps({ to, state }: Target): LinkProps {
  return { href: useHref(to), onClick: useLinkClickHandler<HTMLAnchorElement>(to, { state }) };
}

/** A link in a text or a table. */
export function TextLink({ to, state, ...rest }: Target & Omit<AnchorProps, "href" | "onClick">) {
  return <Anchor {...rest} {...useLinkProps({ to, state })} />;
}

interface ButtonLinkProps extends Target {
  readonly children: ReactNode;
}

/** A link that looks like a small secondary button; Paste's own adds an arrow that means "elsewhere". */
export function ButtonLink({ to, state, children }: ButtonLinkProps) {
  return (
    <Box
      as="a"
      {...useLinkProps({ to, state })}
      display="inline-block"
      paddingX="space40"
      paddingY="space20"
      borderRadius="borderRadius30"
      backgroundColor="colorBackgroundBody"
      boxShadow="shadowBorder"
      color="colorText"
      fontSize="fontSize30"
      lineHeight="lineHeight20"
      fontWeight="fontWeightSemibold"
      textDecoration="none"
      outline="none"
      _hover={{ boxShadow: "shadowBorderPrimaryStrong", color: "colorTextLinkStronger" }}
      _focusVisible={{ boxShadow: "shadowFocus" }}
    >
      {children}
    </Box>
  );
}
