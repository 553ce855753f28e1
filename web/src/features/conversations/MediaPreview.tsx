import { Box } from "@twilio-paste/core/box";
import { FileIcon } from "@twilio-paste/icons/esm/FileIcon";

import { formatBytes } from "@/shared/format/numbers";
import { text } from "@/texts";

import type { Media } from "./api/conversation";
import { mediaPath } from "./api/messages";

/** A message's file: a picture shows, anything else is a link to it. */
export function MediaPreview({ sid, media }: { readonly sid: string; readonly media: Media }) {
  const path = mediaPath(sid, media.sid);
  const name = media.filename || text.conversations.file;
  const picture = /^image\/(png|jpeg|gif|webp|avif)$/.test(media.contentType);
  return (
    <Box
      as="a"
      href={path}
      target="_blank"
      rel="noopener"
      display="inline-flex"
      alignItems="center"
      columnGap="space20"
      marginTop="space20"
      color="colorTextLink"
      fontSize="fontSize20"
      lineHeight="lineHeight20"
      borderRadius="borderRadius20"
      outline="none"
      _focusVisible={{ boxShadow: "shadowFocus" }}
    >
      {picture ? (
        <img className="preview" src={path} alt={name} loading="lazy" />
      ) : (
        <>
          <FileIcon decorative size="sizeIcon20" />
          {name}
          {media.size === null ? "" : `, ${formatBytes(media.size)}`}
        </>
      )}
    </Box>
  );
}
