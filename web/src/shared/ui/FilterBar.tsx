import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { FilterIcon } from "@twilio-paste/icons/esm/FilterIcon";
import { CloseIcon } from "@twilio-paste/icons/esm/CloseIcon";
import { ScreenReaderOnly } from "@twilio-paste/core/screen-reader-only";
import { type ReactNode, useState } from "react";

import { fill, text } from "@/texts";

import { useHasTableRoom } from "./useMediaQuery";

export interface Chip {
  readonly key: string;
  /** Such as "State: closed". */
  readonly label: string;
  readonly onRemove: () => void;
}

interface FilterBarProps {
  readonly label: string;
  readonly chips: readonly Chip[];
  readonly onClear: () => void;
  readonly children: ReactNode;
}

/** The filters of a list, and under them those in use, each to be taken away. Folded up where room is short. */
export function FilterBar({ label, chips, onClear, children }: FilterBarProps) {
  const hasRoom = useHasTableRoom();
  const [open, setOpen] = useState(false);
  return (
    <Box as="section" aria-label={label} display="flex" flexDirection="column" rowGap="space40" marginBottom="space50">
      {hasRoom ? null : (
        <Box>
          <Button variant="secondary" size="small" aria-expanded={open} onClick={() => setOpen(!open)}>
            <FilterIcon decorative />
            {open ? text.filters.hide : text.filters.show}
          </Button>
        </Box>
      )}
      <Box
        display={hasRoom || open ? "grid" : "none"}
        gridTemplateColumns="repeat(auto-fill, minmax(min(10.5rem, 100%), 1fr))"
        columnGap="space40"
        rowGap="space40"
        alignItems="start"
      >
        {children}
      </Box>
      {chips.length > 0 ? (
        <Box display="flex" flexWrap="wrap" alignItems="center" columnGap="space30" rowGap="space20">
          {chips.map((chip) => (
            <FilterChip key={chip.key} label={chip.label} onRemove={chip.onRemove} />
          ))}
          <Button variant="link" onClick={onClear}>
            {text.filters.clear}
          </Button>
        </Box>
      ) : null}
    </Box>
  );
}

function FilterChip({ label, onRemove }: Omit<Chip, "key">) {
  return (
    <Box
      as="button"
      type="button"
      onClick={onRemove}
      display="inline-flex"
      alignItems="center"
      columnGap="space20"
      paddingX="space40"
      paddingY="space10"
      borderStyle="solid"
      borderWidth="borderWidth10"
      borderColor="colorBorderPrimaryWeaker"
      borderRadius="borderRadiusPill"
      backgroundColor="colorBackgroundPrimaryWeakest"
      color="colorTextLink"
      fontFamily="inherit"
      fontSize="fontSize20"
      lineHeight="lineHeight20"
      fontWeight="fontWeightSemibold"
      cursor="pointer"
      outline="none"
      maxWidth="100%"
      overflowWrap="anywhere"
      _hover={{ borderColor: "colorBorderPrimary" }}
      _focusVisible={{ boxShadow: "shadowFocus" }}
    >
      <ScreenReaderOnly>{fill(text.filters.remove, { filter: label })}</ScreenReaderOnly>
      <span aria-hidden="true">{label}</span>
      <CloseIcon decorative size="sizeIcon10" />
    </Box>
  );
}
