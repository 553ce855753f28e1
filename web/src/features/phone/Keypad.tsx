import { Box } from "@twilio-paste/core/box";

import { text } from "@/texts";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"] as const;

/** The keys of a telephone. */
export function Keypad({ disabled, onPress }: { readonly disabled: boolean; readonly onPress: (key: string) => void }) {
  return (
    <Box
      role="group"
      aria-label={text.phone.keypad}
      display="grid"
      gridTemplateColumns="repeat(3, 1fr)"
      columnGap="space30"
      rowGap="space30"
      maxWidth="14rem"
    >
      {KEYS.map((key) => (
        <Box
          as="button"
          type="button"
          key={key}
          disabled={disabled}
          onClick={() => onPress(key)}
          height="2.75rem"
          borderStyle="solid"
          borderWidth="borderWidth10"
          borderColor="colorBorderWeak"
          borderRadius="borderRadius30"
          backgroundColor="colorBackgroundBody"
          color="colorText"
          fontFamily="inherit"
          fontSize="fontSize50"
          fontWeight="fontWeightSemibold"
          cursor="pointer"
          outline="none"
          _hover={{ borderColor: "colorBorderPrimary", color: "colorTextLink" }}
          _focusVisible={{ boxShadow: "shadowFocus" }}
          _disabled={{ color: "colorTextWeaker", borderColor: "colorBorderWeaker", cursor: "not-allowed" }}
        >
          {key}
        </Box>
      ))}
    </Box>
  );
}
