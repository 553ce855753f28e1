import { useRef, useState } from "react";

import { type NewMessage, useCreateMessage } from "./api/createMessage";

/** A message that is not at Twilio yet: on its way, or refused for `error`. */
export interface Outgoing {
  readonly id: number;
  readonly message: NewMessage;
  readonly error: unknown;
}

/** Messages until they have arrived. One that was refused stays, to be sent again or taken away. */
export function useOutbox(sid: string) {
  const create = useCreateMessage(sid);
  const next = useRef(0);
  const [outgoing, setOutgoing] = useState<readonly Outgoing[]>([]);
  const discard = (id: number): void => setOutgoing((all) => all.filter((it) => it.id !== id));
  const deliver = async (id: number, message: NewMessage): Promise<void> => {
    try {
      await create.mutateAsync(message);
      discard(id);
    } catch (error) {
      setOutgoing((all) => all.map((it) => (it.id === id ? { ...it, error } : it)));
    }
  };
  return {
    outgoing,
    pending: create.isPending,
    discard,
    send: (message: NewMessage): void => {
      const id = next.current++;
      setOutgoing((all) => [...all, { id, message, error: null }]);
      void deliver(id, message);
    },
    retry: ({ id, message }: Outgoing): void => {
      setOutgoing((all) => all.map((it) => (it.id === id ? { ...it, error: null } : it)));
      void deliver(id, message);
    },
  };
}

export type Outbox = ReturnType<typeof useOutbox>;
