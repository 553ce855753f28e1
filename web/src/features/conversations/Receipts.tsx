import { Modal, ModalBody, ModalHeader, ModalHeading } from "@twilio-paste/core/modal";
import { useUID } from "@twilio-paste/core/uid-library";

import { Moment } from "@/shared/ui/Moment";
import { type Column, RowsTable } from "@/shared/ui/RowsTable";
import { Sid } from "@/shared/ui/Sid";
import { text } from "@/texts";

import type { Message } from "./api/conversation";
import { useReceipts } from "./api/messages";

const words = text.conversations.message;
interface Receipt {
  readonly sid: string;
  readonly participantSid: string;
  readonly status: string;
  readonly errorCode: number | null;
  readonly dateUpdated: string | null;
}

const COLUMNS: readonly Column<Receipt>[] = [
  {
    key: "participant",
    header: words.participant,
    width: "46%",
    cell: ({ participantSid }) => <Sid>{participantSid}</Sid>,
  },
  {
    key: "status",
    header: words.status,
    width: "30%",
    cell: ({ status, errorCode }) =>
      errorCode ? `${deliveryName(status)} (${String(errorCode)})` : deliveryName(status),
  },
  { key: "at", header: words.at, width: "24%", cell: ({ dateUpdated }) => <Moment at={dateUpdated} /> },
];

const deliveryName = (status: string): string =>
  (text.conversations.delivery as Readonly<Record<string, string>>)[status] ?? status;

interface ReceiptsProps {
  readonly sid: string;
  readonly message: Message;
  readonly onClose: () => void;
}

/** How far a message got with each participant outside chat. */
export function Receipts({ sid, message, onClose }: ReceiptsProps) {
  const id = useUID();
  const receipts = useReceipts(sid, message.sid, true);
  return (
    <Modal ariaLabelledby={id} isOpen onDismiss={onClose} size="wide">
      <ModalHeader i18nDismissLabel={text.dialog.close}>
        <ModalHeading as="h2" id={id}>
          {words.receipts}
        </ModalHeading>
      </ModalHeader>
      <ModalBody>
        <RowsTable
          what={words.receipts}
          columns={COLUMNS}
          query={receipts}
          rows={receipts.data?.items ?? []}
          rowKey={(receipt) => receipt.sid}
          empty={{ title: words.receiptsEmpty, detail: words.receiptsEmptyDetail }}
          skeletonRows={2}
        />
      </ModalBody>
    </Modal>
  );
}
