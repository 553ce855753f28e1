import { Box } from "@twilio-paste/core/box";
import type { To } from "react-router";

import { useLinkProps } from "./links";

export interface Tab {
  readonly key: string;
  readonly label: string;
  readonly to: To;
}

interface TabLinksProps {
  readonly label: string;
  readonly tabs: readonly Tab[];
  readonly current: string;
}

/** The parts of a page, each with an address of its own. Scrolls sideways where there is no room. */
export function TabLinks({ label, tabs, current }: TabLinksProps) {
  return (
    <Box
      as="nav"
      aria-label={label}
      marginBottom="space70"
      overflowX="auto"
      borderBottomStyle="solid"
      borderBottomWidth="borderWidth10"
      borderBottomColor="colorBorderWeaker"
    >
      <Box as="ul" margin="space0" padding="space0" listStyleType="none" display="flex" columnGap="space60">
        {tabs.map((tab) => (
          <Box as="li" key={tab.key} flexShrink={0}>
            <TabLink to={tab.to} label={tab.label} current={tab.key === current} />
          </Box>
        ))}
      </Box>
    </Box>
  );
}

function TabLink({ to, label, current }: { readonly to: To; readonly label: string; readonly current: boolean }) {
  return (
    <Box
      as="a"
      {...useLinkProps({ to })}
      aria-current={current ? "page" : undefined}
      display="block"
      paddingY="space30"
      borderBottomStyle="solid"
      borderBottomWidth="borderWidth20"
      borderBottomColor={current ? "colorBorderPrimary" : "transparent"}
      color={current ? "colorTextLink" : "colorTextWeak"}
      fontSize="fontSize30"
      lineHeight="lineHeight30"
      fontWeight="fontWeightSemibold"
      textDecoration="none"
      outline="none"
      _hover={{ color: "colorTextLink" }}
      _focusVisible={{ boxShadow: "shadowFocusInset" }}
    >
      {label}
    </Box>
  );
}
