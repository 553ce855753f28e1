import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { afterEach, beforeEach } from "vitest";

export interface Answer {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The answer leaves when this resolves. */
  readonly after?: Promise<void>;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

/** A platform on loopback: answers what it was told to, and remembers what it was asked. */
export class Platform {
  readonly asked: Asked[] = [];
  readonly #answers = new Map<string, Answer[]>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      void this.#serve(request, response);
    });
  }

  /** What `GET /path` and the like get from now on; of several answers each is given once, the last one for ever. */
  on(call: string, ...answers: readonly Answer[]): void {
    this.#answers.set(call, [...answers]);
  }

  refuse(call: string, status: number, detail: string, headers: Readonly<Record<string, string>> = {}): void {
    this.on(call, problem(status, detail, headers));
  }

  askedFor(path: string): readonly Asked[] {
    return this.asked.filter((call) => call.path === path);
  }

  /** The latest thing it was asked to change. A page reads again whenever it likes: what it read last says nothing. */
  get changed(): Asked | undefined {
    return this.asked.findLast(({ method }) => method !== "GET");
  }

  async open(): Promise<string> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, "127.0.0.1", resolve);
    });
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status = 200, body, headers = {}, after } = await this.#receive(request);
    await after;
    response.writeHead(status, { "Content-Type": "application/json", ...headers });
    response.end(body === undefined ? "" : JSON.stringify(body));
  }

  async #receive(request: IncomingMessage): Promise<Answer> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const { method = "", url: path = "" } = request;
    this.asked.push({ method, path, body: text === "" ? null : JSON.parse(text) });
    const left = this.#answers.get(`${method} ${path}`) ?? [];
    return (left.length > 1 ? left.shift() : left[0]) ?? problem(404, `${method} ${path} has no answer in this test`);
  }
}

/** Something to wait for, and what ends the wait. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  const door = new EventEmitter();
  const opened = once(door, "open").then(() => undefined);
  return { opened, open: () => door.emit("open") };
}

export function problem(status: number, detail: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, body: { type: "about:blank", title: "Refused", status, detail, code: status }, headers };
}

/** A fresh platform for every test of a file; the page's requests go to it. */
export function withPlatform(): () => Platform {
  const ownFetch = globalThis.fetch;
  let platform: Platform;
  beforeEach(async () => {
    platform = new Platform();
    const origin = await platform.open();
    globalThis.fetch = (input, init) => ownFetch(typeof input === "string" ? origin + input : input, init);
  });
  afterEach(() => {
    globalThis.fetch = ownFetch;
    platform.close();
  });
  return () => platform;
}
