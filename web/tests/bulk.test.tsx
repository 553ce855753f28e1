import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";

import { applyFrame } from "@/app/LiveBridge";
import { ConversationList } from "@/features/conversations/ConversationList";

import { problem, withPlatform } from "./platform";
import { show } from "./show";

const platform = withPlatform();
const SIDS = ["CH1", "CH2"];
const UNHEARD = { numbers: { refresh: () => undefined }, lists: { refresh: () => undefined } };
const rows = SIDS.map((sid) => ({ sid, friendlyName: `Order ${sid}`, state: "active", attributes: { tags: ["vip"] } }));
const job = (changes: object) => ({ id: "J1", state: "running", total: 2, done: 0, failed: 0, ...changes });

function list(total: number, totalIsExact = true) {
  platform().on("GET /api/conversations?limit=20", { body: { items: rows, nextCursor: null, total, totalIsExact } });
  return show(<ConversationList create={null} />, "/conversations");
}

test("chosen conversations are tagged, and the live connection tells how far it is", async () => {
  platform().on("POST /api/bulk", { status: 202, body: job({}) });
  platform().on("GET /api/bulk/J1", { body: job({}) });
  const { client } = list(2);
  expect(await screen.findAllByText("vip")).toHaveLength(2);
  await userEvent.click(screen.getByRole("button", { name: "Select this page" }));
  await userEvent.click(screen.getByRole("button", { name: "Tag" }));
  const dialog = await screen.findByRole("dialog", { name: "Tag conversations" });
  await userEvent.type(within(dialog).getByLabelText(/Tags/), "late, gold,{Enter}");
  expect(await screen.findByText("0 of 2 done.")).toBeInTheDocument();
  expect(platform().changed?.body).toEqual({ action: "tag", sids: SIDS, tags: ["late", "gold"] });
  applyFrame(client, { seq: 1, topic: "jobs", data: job({ state: "done", done: 2 }) }, UNHEARD);
  expect(await screen.findByText("2 of 2 done.")).toBeInTheDocument();
});

test("closing everything that matches asks for the count the service found, and names what failed", async () => {
  platform().on(
    "POST /api/bulk",
    {
      status: 409,
      body: { ...(problem(409, "This would close 40.").body as object), count: 40, confirmation: "close-40-x" },
    },
    { status: 202, body: job({ total: 40 }) },
  );
  platform().on("GET /api/bulk/J1", { body: job({ state: "done", total: 40, done: 39, failed: 1 }) });
  platform().on("GET /api/bulk/J1/items?status=failed&limit=100", {
    body: { items: [{ sid: "CH7", status: "failed", detail: "It is gone." }], nextCursor: null },
  });
  list(40);
  await userEvent.click(await screen.findByRole("button", { name: "Select this page" }));
  await userEvent.click(screen.getByRole("button", { name: "Select all 40 that match" }));
  await userEvent.click(screen.getByRole("button", { name: "Close" }));
  await userEvent.type(await screen.findByRole("textbox", { name: /40/ }), "40{Enter}");
  expect(await screen.findByText("CH7: It is gone.")).toBeInTheDocument();
  expect(platform().changed?.body).toEqual({ action: "close", filter: {}, confirmation: "close-40-x" });
});

test("more than the service counted is said with a plus", async () => {
  list(10_000, false);
  expect(await screen.findByText("10,000+ conversations")).toBeInTheDocument();
});
