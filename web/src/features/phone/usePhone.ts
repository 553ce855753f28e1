import { useEffect, useReducer, useRef } from "react";

import { text } from "@/texts";

import { NO_CALL, type PhoneCall, phoneAfter } from "./phoneCall";
import { parsePhoneEvent } from "./phoneEvents";

const PARTIAL_EVERY_MS = 200;

export interface Dial {
  readonly language: string;
  readonly from: string;
}

export interface Phone {
  readonly call: PhoneCall;
  readonly dial: (how: Dial) => void;
  /** Words so far while typing or speaking; the first of them interrupts the agent. */
  readonly partial: (words: string) => void;
  readonly say: (words: string) => void;
  readonly press: (digits: string) => void;
  readonly send: (type: "interrupt" | "drop" | "hangup") => void;
}

/** A phone line to the agent through the sandbox: one socket is one call. It hangs up when the page is left. */
export function usePhone(): Phone {
  const [call, tell] = useReducer(phoneAfter, NO_CALL);
  const socket = useRef<WebSocket | null>(null);
  const lastPartial = useRef(0);
  useEffect(() => () => socket.current?.close(), []);

  const send = (frame: Readonly<Record<string, string>>): void => {
    if (socket.current?.readyState === WebSocket.OPEN) socket.current.send(JSON.stringify(frame));
  };
  const dial = ({ language, from }: Dial): void => {
    socket.current?.close();
    const line = new WebSocket(lineAddress(window.location));
    let opened = false;
    socket.current = line;
    tell({ type: "dialing", callSid: "", from, to: "" });
    line.addEventListener("open", () => {
      opened = true;
      line.send(JSON.stringify({ type: "dial", ...(language ? { language } : {}), ...(from ? { from } : {}) }));
    });
    line.addEventListener("message", ({ data }) => {
      const event = parsePhoneEvent(data);
      if (event && socket.current === line) tell(event);
    });
    line.addEventListener("close", () => {
      if (socket.current === line) tell({ type: "lost", text: opened ? text.phone.lost : text.phone.refused });
    });
  };
  const partial = (words: string): void => {
    const now = Date.now();
    if (words.trim() === "" || now - lastPartial.current < PARTIAL_EVERY_MS) return;
    lastPartial.current = now;
    send({ type: "partial", text: words });
  };
  const say = (words: string): void => {
    lastPartial.current = 0;
    send({ type: "say", text: words });
    tell({ type: "said", text: words });
  };
  return {
    call,
    dial,
    partial,
    say,
    press: (digits) => send({ type: "dtmf", digits }),
    send: (type) => send({ type }),
  };
}

function lineAddress({ protocol, host }: Location): string {
  return `${protocol === "https:" ? "wss" : "ws"}://${host}/svc/sandbox/control/phone`;
}
