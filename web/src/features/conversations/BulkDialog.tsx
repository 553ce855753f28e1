import { useQueryClient } from "@tanstack/react-query";
import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { Modal, ModalBody, ModalFooter, ModalFooterActions, ModalHeader, ModalHeading } from "@twilio-paste/core/modal";
import { useUID } from "@twilio-paste/core/uid-library";
import { type ReactNode, useEffect, useRef } from "react";
import * as v from "valibot";

import { ApiError } from "@/shared/api/apiError";
import { ConfirmDialog } from "@/shared/ui/ConfirmDialog";
import { ErrorNotice } from "@/shared/ui/notices";
import { fill, plural, text } from "@/texts";

import {
  type BulkRequest,
  confirmationSchema,
  isOver,
  useBulkFailures,
  useBulkJob,
  useCancelBulk,
  useStartBulk,
} from "./api/bulk";
import { conversationKeys } from "./api/keys";

const words = text.conversations.bulk;

interface BulkDialogProps {
  readonly request: BulkRequest;
  readonly onClose: () => void;
}

/** Asks the service what would change, asks the person, and shows the work's progress and what it could not do. */
export function BulkDialog({ request, onClose }: BulkDialogProps) {
  const start = useStartBulk();
  const begun = useRef(false);
  useEffect(() => {
    if (begun.current) return;
    begun.current = true;
    // Without a confirmation nothing changes: the answer says how many it is about.
    start.mutate(request);
  });
  if (start.data) return <Progress id={start.data.id} onClose={onClose} />;
  const { action } = request;
  const asked = start.error instanceof ApiError ? v.safeParse(confirmationSchema, start.error.body) : null;
  if (start.isError && !asked?.success) {
    return (
      <Frame title={words.titles[action]} onClose={onClose}>
        <ErrorNotice what={words.what} error={start.error} onRetry={() => start.mutate(request)} />
      </Frame>
    );
  }
  // Tags can be taken away again: nothing is asked.
  if (!asked?.success || action === "tag") {
    return (
      <Frame title={words.titles[action]} onClose={onClose}>
        {words.counting}
      </Frame>
    );
  }
  const { count, confirmation } = asked.output;
  return (
    <ConfirmDialog
      title={words.titles[action]}
      detail={plural(words.details[action], count)}
      submit={words[action]}
      failed={words.failed}
      error={null}
      pending={start.isPending}
      typed={String(count)}
      onConfirm={() => start.mutate({ ...request, confirmation })}
      onClose={onClose}
    />
  );
}

function Progress({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const job = useBulkJob(id);
  const cancel = useCancelBulk(id);
  const client = useQueryClient();
  const over = isOver(job.data);
  const failures = useBulkFailures(id, over && (job.data?.failed ?? 0) > 0);
  useEffect(() => {
    if (over) void client.invalidateQueries({ queryKey: conversationKeys.lists });
  }, [client, over]);
  const { total = 0, done = 0, failed = 0 } = job.data ?? {};
  return (
    <Frame title={over ? words.over : words.running} onClose={onClose}>
      <progress className="wide" value={done + failed} max={Math.max(1, total)} aria-label={words.progress} />
      <Box role="status" color="colorText" fontSize="fontSize30" lineHeight="lineHeight30" marginTop="space30">
        {fill(words.progressOf, { done, total })}
        {failed > 0 ? ` ${plural(words.failures, failed)}` : ""}
      </Box>
      {failures.data && failures.data.items.length > 0 ? (
        <Box
          as="ul"
          aria-label={words.failedOnes}
          color="colorText"
          fontSize="fontSize20"
          lineHeight="lineHeight20"
          maxHeight="size20"
          overflowY="auto"
          tabIndex={0}
        >
          {failures.data.items.map(({ sid, detail }) => (
            <li key={sid}>
              {sid}: {detail}
            </li>
          ))}
        </Box>
      ) : null}
      {over ? null : (
        <Box marginTop="space50">
          <Button variant="secondary" size="small" loading={cancel.isPending} onClick={() => cancel.mutate()}>
            {words.cancel}
          </Button>
        </Box>
      )}
    </Frame>
  );
}

interface FrameProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: NonNullable<ReactNode>;
}

function Frame({ title, onClose, children }: FrameProps) {
  const id = useUID();
  return (
    <Modal ariaLabelledby={id} isOpen onDismiss={onClose} size="default">
      <ModalHeader i18nDismissLabel={text.dialog.close}>
        <ModalHeading as="h2" id={id}>
          {title}
        </ModalHeading>
      </ModalHeader>
      <ModalBody>{children}</ModalBody>
      <ModalFooter>
        <ModalFooterActions>
          <Button variant="secondary" onClick={onClose}>
            {text.dialog.close}
          </Button>
        </ModalFooterActions>
      </ModalFooter>
    </Modal>
  );
}
