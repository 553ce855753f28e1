import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { LiveConnection, type LiveStatus, reconnectDelayMs, type Socket } from "@/shared/live/connection";

/** A socket whose other end is the test; remembers what was sent. */
class FakeSocket extends EventTarget implements Socket {
  readonly sent: string[] = [];
  closed = false;

  send(data: string): void {
    this.sent.push(data);
  }

  close(): void {
    this.closed = true;
  }

  opens(): this {
    this.dispatchEvent(new Event("open"));
    return this;
  }

  says(frame: unknown): this {
    this.dispatchEvent(
      new MessageEvent("message", { data: typeof frame === "string" ? frame : JSON.stringify(frame) }),
    );
    return this;
  }

  ends(code = 1006): void {
    this.dispatchEvent(new CloseEvent("close", { code }));
  }
}

class Console {
  readonly sockets: FakeSocket[] = [];
  readonly seen: number[] = [];
  readonly statuses: LiveStatus[] = [];
  begun = 0;
  missed = 0;
  refused = 0;
  online = true;
  readonly connection = new LiveConnection(
    {
      onFrame: ({ seq }) => this.seen.push(seq),
      onBegin: () => (this.begun += 1),
      onMissed: () => (this.missed += 1),
      onRefused: () => (this.refused += 1),
      onStatus: (status) => this.statuses.push(status),
    },
    {
      openSocket: () => {
        const socket = new FakeSocket();
        this.sockets.push(socket);
        return socket;
      },
      isOnline: () => this.online,
      random: () => 1,
    },
  );

  socket(): FakeSocket {
    const last = this.sockets.at(-1);
    if (!last) throw new Error("no socket was opened");
    return last;
  }
}

const frame = (seq: number, topic = "calls") => ({ seq, topic, data: {} });
let it: Console;

beforeEach(() => {
  vi.useFakeTimers();
  it = new Console();
  it.connection.open();
});
afterEach(() => {
  it.connection.close();
  vi.useRealTimers();
});

test("the first greeting says where the feed begins", () => {
  it.socket().opens().says(frame(41, "hello"));
  expect(it.begun).toBe(1);
  expect(it.socket().sent).toEqual(['{"after":41}']);
  expect(it.statuses).toEqual(["connecting", "connected"]);
});

test("after a lost connection it resumes behind the last frame seen", () => {
  it.socket().opens().says(frame(41, "hello")).says(frame(42)).says(frame(43));
  it.socket().ends();
  expect(it.statuses.at(-1)).toBe("reconnecting");
  vi.advanceTimersByTime(500);
  it.socket().opens();
  expect(it.sockets).toHaveLength(2);
  expect(it.socket().sent).toEqual(['{"after":43}']);
});

test("a greeting with a later number does not hide the frames in between", () => {
  it.socket().opens().says(frame(41, "hello")).ends();
  vi.advanceTimersByTime(500);
  it.socket().opens().says(frame(44, "hello")).says(frame(42)).says(frame(43)).says(frame(44));
  expect(it.seen).toEqual([42, 43, 44]);
  expect(it.begun).toBe(1);
});

test("the health state that every connection gets does not hide frames either", () => {
  it.socket().opens().says(frame(41, "hello")).ends();
  vi.advanceTimersByTime(500);
  it.socket().opens().says(frame(43, "health")).says(frame(42)).says(frame(43));
  expect(it.seen).toEqual([43, 42, 43]);
});

test("a frame that comes twice is applied once", () => {
  it.socket().opens().says(frame(41, "hello")).says(frame(42)).says(frame(42));
  expect(it.seen).toEqual([42]);
});

test("resync reads everything again and goes on from its number, also a smaller one", () => {
  it.socket().opens().says(frame(900, "hello")).says(frame(5, "resync")).says(frame(6));
  expect(it.missed).toBe(1);
  expect(it.seen).toEqual([6]);
});

test("what is no frame is skipped", () => {
  it.socket().opens().says(frame(41, "hello")).says("no json").says({ topic: "calls" }).says(frame(42));
  expect(it.seen).toEqual([42]);
});

test("a refused handshake and an ended session ask whether the operator is still signed in", () => {
  it.socket().ends();
  expect(it.refused).toBe(1);
  vi.advanceTimersByTime(500);
  it.socket().opens().says(frame(1, "hello")).ends(1008);
  expect(it.refused).toBe(2);
});

test("a server that restarts is no reason to ask that", () => {
  it.socket().opens().says(frame(1, "hello")).ends(1012);
  expect(it.refused).toBe(0);
});

test("attempts get rarer while nothing answers, and frequent again once something did", () => {
  it.socket().ends();
  vi.advanceTimersByTime(500);
  it.socket().ends();
  vi.advanceTimersByTime(999);
  expect(it.sockets).toHaveLength(2);
  vi.advanceTimersByTime(1);
  expect(it.sockets).toHaveLength(3);
  it.socket().opens().says(frame(1, "hello")).ends();
  vi.advanceTimersByTime(500);
  expect(it.sockets).toHaveLength(4);
});

test("the delay is at most 15 seconds, and half of it is chance", () => {
  expect(reconnectDelayMs(0, 0)).toBe(250);
  expect(reconnectDelayMs(0, 1)).toBe(500);
  expect(reconnectDelayMs(50, 0)).toBe(7500);
  expect(reconnectDelayMs(50, 1)).toBe(15_000);
});

test("when the network is back it does not wait", () => {
  it.online = false;
  it.socket().ends();
  expect(it.statuses.at(-1)).toBe("offline");
  it.connection.hurry();
  expect(it.sockets).toHaveLength(2);
  it.connection.hurry();
  expect(it.sockets).toHaveLength(2);
});

test("a closed connection stays closed", () => {
  const socket = it.socket().opens();
  it.connection.close();
  socket.ends();
  it.connection.hurry();
  vi.advanceTimersByTime(60_000);
  expect(it.sockets).toHaveLength(1);
  expect(socket.closed).toBe(true);
});
