import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { CloseIcon } from "@twilio-paste/icons/esm/CloseIcon";
import { DarkModeIcon } from "@twilio-paste/icons/esm/DarkModeIcon";
import { LightModeIcon } from "@twilio-paste/icons/esm/LightModeIcon";
import { MenuIcon } from "@twilio-paste/icons/esm/MenuIcon";
import { ScreenReaderOnly } from "@twilio-paste/core/screen-reader-only";

import { useLinkProps } from "@/shared/ui/links";
import { Logo } from "@/shared/ui/Logo";
import { text } from "@/texts";
import { chooseMode, useMode } from "@/theme/mode";

import { LiveIndicator } from "./LiveIndicator";
import { SignedIn } from "./SignedIn";

interface TopBarProps {
  /** The button that opens the navigation, where it is not always there. */
  readonly menu: { readonly open: boolean; readonly controls: string; readonly onToggle: () => void } | null;
}

/** Product, live connection, theme and sign-out. */
export function TopBar({ menu }: TopBarProps) {
  return (
    <Box
      as="header"
      position="sticky"
      top="0"
      zIndex="zIndex30"
      display="flex"
      alignItems="center"
      columnGap={["space30", "space50"]}
      height="3.75rem"
      flexShrink={0}
      paddingX={["space40", "space60"]}
      backgroundColor="colorBackgroundBody"
      borderBottomStyle="solid"
      borderBottomWidth="borderWidth10"
      borderBottomColor="colorBorderWeaker"
    >
      {menu ? (
        <Button
          variant="secondary_icon"
          size="icon"
          aria-expanded={menu.open}
          aria-controls={menu.controls}
          onClick={menu.onToggle}
        >
          {menu.open ? <CloseIcon decorative /> : <MenuIcon decorative />}
          <ScreenReaderOnly>{menu.open ? text.shell.closeNavigation : text.shell.openNavigation}</ScreenReaderOnly>
        </Button>
      ) : null}
      <Product />
      <Box flex="1" />
      <LiveIndicator />
      <ThemeToggle />
      <SignedIn />
    </Box>
  );
}

function Product() {
  return (
    <Box
      as="a"
      {...useLinkProps({ to: "/" })}
      display="flex"
      alignItems="center"
      columnGap="space30"
      color="colorText"
      fontSize="fontSize40"
      fontWeight="fontWeightBold"
      textDecoration="none"
      outline="none"
      borderRadius="borderRadius20"
      _focusVisible={{ boxShadow: "shadowFocus" }}
    >
      <Logo size="1.75rem" />
      {text.product}
    </Box>
  );
}

function ThemeToggle() {
  const dark = useMode() === "dark";
  return (
    <Button variant="secondary_icon" size="icon" onClick={() => chooseMode(dark ? "light" : "dark")}>
      {dark ? <LightModeIcon decorative /> : <DarkModeIcon decorative />}
      <ScreenReaderOnly>{dark ? text.shell.toLight : text.shell.toDark}</ScreenReaderOnly>
    </Button>
  );
}
