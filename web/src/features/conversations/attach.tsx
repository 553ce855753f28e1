import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { AttachIcon } from "@twilio-paste/icons/esm/AttachIcon";
import { type DragEvent, useRef, useState } from "react";

import { text } from "@/texts";

const words = text.conversations.composer;

/** Chooses a file from the device. */
export function AttachButton({ onChoose }: { readonly onChoose: (file: File) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <Button variant="secondary" size="small" onClick={() => input.current?.click()}>
        <AttachIcon decorative />
        {words.attach}
      </Button>
      <Box
        as="input"
        ref={input}
        type="file"
        aria-label={words.attach}
        display="none"
        onChange={(event) => {
          const { files, value } = event.target as unknown as HTMLInputElement;
          const file = files?.[0];
          if (file) onChoose(file);
          // The same file can be chosen again.
          if (value && input.current) input.current.value = "";
        }}
      />
    </>
  );
}

const carriesFile = (event: DragEvent): boolean => event.dataTransfer.types.includes("Files");

/** Takes a file that is dragged onto a box; `over` while one hangs above it. */
export function useFileDrop(onDrop: (file: File) => void) {
  const [over, setOver] = useState(false);
  return {
    over,
    handlers: {
      onDragOver: (event: DragEvent): void => {
        if (!carriesFile(event)) return;
        event.preventDefault();
        setOver(true);
      },
      onDragLeave: (): void => setOver(false),
      onDrop: (event: DragEvent): void => {
        if (!carriesFile(event)) return;
        event.preventDefault();
        setOver(false);
        const file = event.dataTransfer.files[0];
        if (file) onDrop(file);
      },
    },
  };
}
