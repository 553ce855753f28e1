import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { useState } from "react";

import { useMay } from "@/shared/operator/OperatorContext";
import { fill, plural, text } from "@/texts";

import type { BulkAction, BulkRequest } from "./api/bulk";
import type { ConversationFilter } from "./api/listConversations";
import { BulkDialog } from "./BulkDialog";
import { TagDialog } from "./TagDialog";

const words = text.conversations.bulk;

interface BulkBarProps {
  /** The page's conversations. */
  readonly page: readonly string[];
  readonly selected: readonly string[];
  /** How many match the filter, where the service says so. */
  readonly total: number | null;
  readonly filter: ConversationFilter;
  readonly onSelect: (sids: readonly string[]) => void;
}

/** Selects the page or everything that matches, and tags, closes or deletes it. */
export function BulkBar({ page, selected, total, filter, onSelect }: BulkBarProps) {
  const mayDelete = useMay("supervisor");
  const [allMatching, setAllMatching] = useState(false);
  const [asking, setAsking] = useState<BulkRequest | null>(null);
  const [tagging, setTagging] = useState(false);
  if (page.length === 0) return null;
  const whole = selected.length === page.length;
  const everything = allMatching && whole;
  const ask = (action: BulkAction, tags?: readonly string[]): void => {
    setTagging(false);
    const { serviceSid, ...rest } = filter;
    const chosen = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== ""));
    setAsking({
      action,
      ...(tags ? { tags } : {}),
      ...(serviceSid ? { serviceSid } : {}),
      ...(everything ? { filter: chosen } : { sids: selected }),
    });
  };
  const close = (): void => {
    setAsking(null);
    setAllMatching(false);
    onSelect([]);
  };
  return (
    <Box
      display="flex"
      flexWrap="wrap"
      alignItems="center"
      columnGap="space40"
      rowGap="space30"
      minHeight="sizeSquare70"
    >
      <Button variant="link" onClick={() => onSelect(whole ? [] : page)}>
        {whole ? words.selectNone : words.selectPage}
      </Button>
      {selected.length > 0 ? (
        <>
          <Box role="status" color="colorText" fontSize="fontSize30" lineHeight="lineHeight30">
            {everything && total !== null
              ? fill(words.allSelected, { n: total })
              : plural(words.selected, selected.length)}
          </Box>
          {whole && !everything && total !== null && total > selected.length ? (
            <Button variant="link" onClick={() => setAllMatching(true)}>
              {fill(words.selectAll, { n: total })}
            </Button>
          ) : null}
          <Button variant="secondary" size="small" onClick={() => setTagging(true)}>
            {words.tag}
          </Button>
          <Button variant="secondary" size="small" onClick={() => ask("close")}>
            {words.close}
          </Button>
          {mayDelete ? (
            <Button variant="destructive_secondary" size="small" onClick={() => ask("delete")}>
              {words.delete}
            </Button>
          ) : null}
        </>
      ) : null}
      {tagging ? <TagDialog onTags={(tags) => ask("tag", tags)} onClose={() => setTagging(false)} /> : null}
      {asking ? <BulkDialog request={asking} onClose={close} /> : null}
    </Box>
  );
}
