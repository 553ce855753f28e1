import { Button } from "@twilio-paste/core/button";
import { Box } from "@twilio-paste/core/box";
import { useState } from "react";
import * as v from "valibot";

import { AreaField, TextField } from "@/shared/ui/Field";
import { FormDialog } from "@/shared/ui/FormDialog";
import { text } from "@/texts";

import type { NewMessage } from "./api/createMessage";

const words = text.conversations.templates;
const CONTENT_SID = /^HX[0-9a-fA-F]{32}$/;
const variablesSchema = v.record(v.string(), v.string());
type Template = NonNullable<NewMessage["template"]>;

interface TemplatesProps {
  /** Takes a saved reply into the message that is being written. */
  readonly onReply: (reply: string) => void;
  readonly onTemplate: (template: Template) => void;
}

/** Words that are at hand: saved replies, and the account's content templates by their SID. */
export function Templates({ onReply, onTemplate }: TemplatesProps) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button variant="secondary" size="small" onClick={() => setOpen(true)}>
        {words.open}
      </Button>
      {open ? (
        <TemplatesDialog
          onReply={(reply) => {
            setOpen(false);
            onReply(reply);
          }}
          onTemplate={(template) => {
            setOpen(false);
            onTemplate(template);
          }}
          onClose={() => setOpen(false)}
        />
      ) : null}
    </>
  );
}

function TemplatesDialog({ onReply, onTemplate, onClose }: TemplatesProps & { readonly onClose: () => void }) {
  const [contentSid, setContentSid] = useState("");
  const [variables, setVariables] = useState("");
  const [checked, setChecked] = useState(false);
  const known = CONTENT_SID.test(contentSid.trim());
  const contentVariables = parseVariables(variables);
  return (
    <FormDialog
      title={words.title}
      submit={words.submit}
      failed={words.title}
      error={null}
      pending={false}
      onSubmit={() => {
        setChecked(true);
        if (known && contentVariables) onTemplate({ contentSid: contentSid.trim(), contentVariables });
      }}
      onClose={onClose}
    >
      <Box as="ul" aria-label={words.saved} margin="space0" padding="space0" listStyleType="none">
        {Object.entries(words.replies).map(([key, reply]) => (
          <Box as="li" key={key} marginBottom="space30">
            <Button variant="link" onClick={() => onReply(reply)}>
              {reply}
            </Button>
          </Box>
        ))}
      </Box>
      <TextField
        label={words.sid}
        help={words.sidHelp}
        fault={checked && !known ? words.sidFault : null}
        value={contentSid}
        onChange={setContentSid}
      />
      <AreaField
        label={words.variables}
        help={words.variablesHelp}
        fault={checked && !contentVariables ? words.variablesFault : null}
        value={variables}
        onChange={setVariables}
      />
    </FormDialog>
  );
}

/** The template's variables; null for anything but a JSON object of texts. */
function parseVariables(typed: string): Readonly<Record<string, string>> | null {
  if (typed.trim() === "") return {};
  try {
    const parsed = v.safeParse(variablesSchema, JSON.parse(typed));
    return parsed.success ? parsed.output : null;
  } catch {
    return null;
  }
}
