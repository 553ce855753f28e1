import { Box } from "@twilio-paste/core/box";
import { Modal, ModalBody, ModalHeader, ModalHeading } from "@twilio-paste/core/modal";
import { useUID } from "@twilio-paste/core/uid-library";

import { fill, text } from "@/texts";

import { ENTRIES } from "./Navigation";

const words = text.keyboard;
const SECTIONS: readonly { readonly title: string; readonly keys: readonly (readonly [string, string])[] }[] = [
  {
    title: words.everywhere,
    keys: [
      ["?", words.help],
      ["Esc", words.escape],
      ...ENTRIES.map(({ letter, label }) => [`g ${letter}`, fill(words.goTo, { page: label })] as const),
    ],
  },
  {
    title: words.lists,
    keys: [
      ["j  k", words.move],
      ["Enter", words.open],
      ["x", words.select],
      ["e", words.close],
      ["/", words.search],
    ],
  },
  {
    title: words.writing,
    keys: [
      ["Enter", words.send],
      ["Shift Enter", words.newLine],
    ],
  },
];

/** Every key of the console. */
export function KeyboardHelp({ onClose }: { readonly onClose: () => void }) {
  const id = useUID();
  return (
    <Modal ariaLabelledby={id} isOpen onDismiss={onClose} size="default">
      <ModalHeader i18nDismissLabel={text.dialog.close}>
        <ModalHeading as="h2" id={id}>
          {words.title}
        </ModalHeading>
      </ModalHeader>
      <ModalBody>
        <Box display="flex" flexDirection="column" rowGap="space60">
          {SECTIONS.map(({ title, keys }) => (
            <Box key={title}>
              <Box
                as="h3"
                margin="space0"
                marginBottom="space30"
                fontSize="fontSize30"
                lineHeight="lineHeight30"
                fontWeight="fontWeightSemibold"
                color="colorText"
              >
                {title}
              </Box>
              <Box
                as="dl"
                margin="space0"
                display="grid"
                gridTemplateColumns={["1fr", "1fr 1fr"]}
                columnGap="space70"
                rowGap="space20"
                fontSize="fontSize30"
                lineHeight="lineHeight30"
                color="colorText"
              >
                {keys.map(([key, does]) => (
                  <Box key={key} display="flex" alignItems="center" columnGap="space40">
                    <Box as="dt" flexShrink={0} minWidth="5rem">
                      <Keys>{key}</Keys>
                    </Box>
                    <Box as="dd" margin="space0">
                      {does}
                    </Box>
                  </Box>
                ))}
              </Box>
            </Box>
          ))}
        </Box>
      </ModalBody>
    </Modal>
  );
}

function Keys({ children }: { readonly children: string }) {
  return (
    <>
      {children.split(/\s+/).map((key) => (
        <Box
          as="kbd"
          key={key}
          display="inline-block"
          marginRight="space20"
          paddingX="space20"
          borderRadius="borderRadius20"
          borderStyle="solid"
          borderWidth="borderWidth10"
          borderColor="colorBorderWeak"
          backgroundColor="colorBackground"
          fontFamily="fontFamilyCode"
          fontSize="fontSize20"
          lineHeight="lineHeight20"
        >
          {key}
        </Box>
      ))}
    </>
  );
}
