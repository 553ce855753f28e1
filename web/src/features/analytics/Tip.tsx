import { Box } from "@twilio-paste/core/box";

/** What a point says when the pointer or the arrow keys are on it. */
export function Tip({ title, lines }: { readonly title: string; readonly lines: readonly string[] }) {
  return (
    <Box
      padding="space40"
      borderRadius="borderRadius30"
      backgroundColor="colorBackgroundBody"
      boxShadow="shadow"
      color="colorText"
      fontSize="fontSize20"
      lineHeight="lineHeight20"
    >
      <Box fontWeight="fontWeightSemibold" marginBottom="space10">
        {title}
      </Box>
      {lines.map((line) => (
        <div key={line}>{line}</div>
      ))}
    </Box>
  );
}
