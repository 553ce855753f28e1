import { useRef, useState } from "react";

import { TextField } from "@/shared/ui/Field";
import { FormDialog } from "@/shared/ui/FormDialog";
import { text } from "@/texts";

const words = text.conversations.bulk;

interface TagDialogProps {
  readonly onTags: (tags: readonly string[]) => void;
  readonly onClose: () => void;
}

/** Asks which tags the chosen conversations get. */
export function TagDialog({ onTags, onClose }: TagDialogProps) {
  const field = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState("");
  const tags = typed
    .split(",")
    .map((tag) => tag.trim())
    .filter(Boolean);
  return (
    <FormDialog
      title={words.titles.tag}
      submit={words.tag}
      failed={words.failed}
      error={null}
      pending={false}
      disabled={tags.length === 0}
      initialFocusRef={field}
      onSubmit={() => {
        if (tags.length > 0) onTags(tags);
      }}
      onClose={onClose}
    >
      <TextField ref={field} label={words.tags} help={words.tagsHelp} value={typed} onChange={setTyped} required />
    </FormDialog>
  );
}
