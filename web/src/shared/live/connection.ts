import { type Frame, parseFrame } from "./frames";

export type LiveStatus = "connecting" | "connected" | "reconnecting" | "offline";

/** The part of WebSocket the connection needs. */
export type Socket = Pick<WebSocket, "send" | "close" | "addEventListener">;

export interface LiveEvents {
  /** A change to apply; frames arrive once each, in order. */
  readonly onFrame: (frame: Frame) => void;
  /** Frames begin now; what was read before this moment may lack a change. */
  readonly onBegin: () => void;
  /** Changes were missed: everything shown has to be read again. */
  readonly onMissed: () => void;
  /** The handshake failed or the server ended it for its policy: the session may be over. */
  readonly onRefused: () => void;
  readonly onStatus: (status: LiveStatus) => void;
}

export interface LiveEnvironment {
  readonly openSocket: () => Socket;
  readonly isOnline: () => boolean;
  /** 0 to 1, for the jitter. */
  readonly random: () => number;
}

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15_000;
// RFC 6455, 7.4.1: what the server closes with when the session has ended.
const POLICY_VIOLATION = 1008;

/** Delay before the next attempt: doubles up to 15 s; half of it is chance, so that consoles do not return all at once. */
export function reconnectDelayMs(attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
  return ceiling / 2 + (ceiling / 2) * random;
}

/**
 * The console's one WebSocket: keeps it open, and resumes after the last frame seen. The server answers a resume with
 * the frames in between, or with `resync` when it no longer has them.
 */
export class LiveConnection {
  readonly #events: LiveEvents;
  readonly #environment: LiveEnvironment;
  #socket: Socket | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #attempt = 0;
  #lastSeq: number | null = null;
  #closed = false;

  constructor(events: LiveEvents, environment: LiveEnvironment) {
    this.#events = events;
    this.#environment = environment;
  }

  open(): void {
    this.#events.onStatus("connecting");
    this.#connect();
  }

  /** Ends the connection for good. */
  close(): void {
    this.#closed = true;
    this.#cancelTimer();
    this.#socket?.close();
    this.#socket = null;
  }

  /** Tries at once instead of waiting; called when the network or the page comes back. */
  hurry(): void {
    if (this.#closed || this.#socket) return;
    this.#cancelTimer();
    this.#attempt = 0;
    this.#connect();
  }

  #connect(): void {
    const socket = this.#environment.openSocket();
    let opened = false;
    this.#socket = socket;
    socket.addEventListener("open", () => {
      opened = true;
      if (this.#lastSeq !== null) socket.send(JSON.stringify({ after: this.#lastSeq }));
      this.#events.onStatus("connected");
    });
    socket.addEventListener("message", ({ data }) => {
      const frame = parseFrame(data);
      if (!frame || this.#socket !== socket) return;
      this.#attempt = 0;
      this.#receive(frame);
    });
    socket.addEventListener("close", ({ code }) => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#retry();
      if (!opened || code === POLICY_VIOLATION) this.#events.onRefused();
    });
  }

  #receive(frame: Frame): void {
    switch (frame.topic) {
      case "hello":
        return this.#begin(frame.seq);
      case "resync":
        this.#lastSeq = frame.seq;
        return this.#events.onMissed();
      case "health":
        // A state and not an event: every connection gets it again, under a number that says nothing about the rest.
        return this.#events.onFrame(frame);
      default:
        if (frame.seq <= (this.#lastSeq ?? 0)) return;
        this.#lastSeq = frame.seq;
        this.#events.onFrame(frame);
    }
  }

  /** The first greeting says where we come in; later ones say nothing, since the server resumes after what we have. */
  #begin(seq: number): void {
    if (this.#lastSeq !== null) return;
    this.#lastSeq = seq;
    // The server waits a moment for a resume before it starts: this ends the wait.
    this.#socket?.send(JSON.stringify({ after: seq }));
    this.#events.onBegin();
  }

  #retry(): void {
    if (this.#closed) return;
    this.#events.onStatus(this.#environment.isOnline() ? "reconnecting" : "offline");
    const delayMs = reconnectDelayMs(this.#attempt, this.#environment.random());
    this.#attempt += 1;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#connect();
    }, delayMs);
  }

  #cancelTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
