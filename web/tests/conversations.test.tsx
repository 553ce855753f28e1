import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";

import { createQueryClient } from "@/app/queryClient";
import type { Message } from "@/features/conversations/api/conversation";
import { conversationKeys } from "@/features/conversations/api/keys";
import { ConversationList } from "@/features/conversations/ConversationList";
import { ConversationView } from "@/features/conversations/ConversationView";
import { CreateConversation } from "@/features/conversations/CreateConversation";
import { applyConversationEvent } from "@/features/conversations/liveConversations";
import { messagesInOrder } from "@/features/conversations/messagePages";

import { gate, problem, withPlatform } from "./platform";
import { show } from "./show";

const platform = withPlatform();
const CH = "CH00000000000000000000000000000001";

const conversation = (changes: object = {}) => ({
  sid: CH,
  friendlyName: "Order 4711",
  uniqueName: null,
  state: "active",
  dateCreated: "2026-11-22T08:00:00Z",
  dateUpdated: null,
  ...changes,
});
const message = (index: number, changes: Partial<Message> = {}): Message => ({
  sid: `IM${String(index)}`,
  index,
  author: "+15551230000",
  body: `message ${String(index)}`,
  dateCreated: "2026-11-22T09:00:00Z",
  participantSid: null,
  contentSid: null,
  media: [],
  delivery: null,
  ...changes,
});
const page = (items: readonly unknown[], nextCursor: string | null = null) => ({ body: { items, nextCursor } });
const LIST = "GET /api/conversations?limit=20";
const MESSAGES = `GET /api/conversations/${CH}/messages?limit=50&order=desc`;

test("while the list loads it says so, then shows its rows", async () => {
  const answer = gate();
  platform().on(LIST, { ...page([conversation()]), after: answer.opened });
  show(<ConversationList create={null} />);
  expect(screen.getByRole("table")).toHaveAttribute("aria-busy", "true");
  expect(screen.getByText("Loading")).toBeInTheDocument();
  answer.open();
  expect(await screen.findByRole("link", { name: "Order 4711" })).toHaveAttribute("href", `/conversations/${CH}`);
  expect(screen.getByRole("table")).toHaveAttribute("aria-busy", "false");
});

test("an empty list says what to do next", async () => {
  platform().on(LIST, page([]));
  show(<ConversationList create={<button>New conversation</button>} />);
  expect(await screen.findByText("No conversation yet")).toBeInTheDocument();
  expect(screen.getByRole("button", { name: "New conversation" })).toBeInTheDocument();
});

test("a failed list says what happened and can be tried again", async () => {
  platform().on(LIST, problem(400, "The query cannot be used."), page([conversation()]));
  show(<ConversationList create={null} />);
  expect(await screen.findByText("The query cannot be used.")).toBeInTheDocument();
  await userEvent.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByRole("link", { name: "Order 4711" })).toBeInTheDocument();
});

test("filter and page live in the address", async () => {
  platform().on(
    "GET /api/conversations?limit=20&state=closed&cursor=abc",
    page([conversation({ state: "closed" })], "next+page"),
  );
  const { router } = show(<ConversationList create={null} />, "/conversations?state=closed&cursor=abc");
  expect(await screen.findByRole("link", { name: "Order 4711" })).toBeInTheDocument();
  expect(screen.getByRole("link", { name: "Next" })).toHaveAttribute(
    "href",
    "/conversations?state=closed&cursor=next%2Bpage",
  );
  platform().on("GET /api/conversations?limit=20&state=inactive", page([]));
  await userEvent.selectOptions(screen.getByRole("combobox", { name: "State" }), "inactive");
  expect(router.state.location.search).toBe("?state=inactive");
});

test("a state the address makes up is no filter", async () => {
  platform().on(LIST, page([conversation()]));
  show(<ConversationList create={null} />, "/conversations?state=%3Cscript%3E");
  expect(await screen.findByRole("link", { name: "Order 4711" })).toBeInTheDocument();
});

test("a page that is gone leads back to the first", async () => {
  platform().refuse("GET /api/conversations?limit=20&cursor=old", 400, "`cursor` is not one this list gave out");
  show(<ConversationList create={null} />, "/conversations?cursor=old");
  expect(await screen.findByText("Nothing on this page")).toBeInTheDocument();
  expect(screen.getAllByRole("link", { name: "First page" })[0]).toHaveAttribute("href", "/conversations");
});

test("a conversation without a name is not sent", async () => {
  show(<CreateConversation onCreated={vi.fn()} onClose={vi.fn()} />);
  await userEvent.click(await screen.findByRole("button", { name: "Create conversation" }));
  expect(screen.getByText("Give the conversation a name.")).toBeInTheDocument();
  expect(platform().asked).toEqual([]);
});

test("a taken unique name is said at its field, and changing it takes that back", async () => {
  platform().on("POST /api/conversations", problem(409, "Another conversation already has this unique name."), {
    status: 201,
    body: conversation(),
  });
  const created = vi.fn();
  show(<CreateConversation onCreated={created} onClose={vi.fn()} />);
  await userEvent.type(await screen.findByRole("textbox", { name: /^Name/ }), "Order 4711");
  const unique = screen.getByRole("textbox", { name: /Unique name/ });
  const submit = screen.getByRole("button", { name: "Create conversation" });
  await userEvent.type(unique, "order-4711");
  await userEvent.click(submit);
  await waitFor(() => expect(unique).toHaveAccessibleDescription(/Another conversation has this unique name/));
  await userEvent.type(unique, "b");
  expect(unique).not.toHaveAccessibleDescription(/Another conversation/);
  await userEvent.click(submit);
  await waitFor(() => expect(created).toHaveBeenCalledOnce());
  expect(platform().changed?.body).toEqual({ friendlyName: "Order 4711", uniqueName: "order-4711b" });
});

test("messages read from the oldest to the newest, older pages before them", async () => {
  platform().on(`GET /api/conversations/${CH}`, { body: conversation() });
  platform().on(MESSAGES, page([message(4), message(3)], "older"));
  platform().on(`${MESSAGES}&cursor=older`, page([message(2), message(1)]));
  show(<ConversationView sid={CH} author="ana" />);
  const log = await screen.findByRole("log");
  await userEvent.click(await within(log).findByRole("button", { name: "Load earlier messages" }));
  await within(log).findByText("message 1");
  expect(
    within(log)
      .getAllByText(/^message/)
      .map((it) => it.textContent),
  ).toEqual(["message 1", "message 2", "message 3", "message 4"]);
});

test("a message is sent with Enter and appears once, also when its event comes", async () => {
  platform().on(`GET /api/conversations/${CH}`, { body: conversation() });
  platform().on(MESSAGES, page([]));
  platform().on(`POST /api/conversations/${CH}/messages`, {
    status: 201,
    body: message(7, { author: "ana", body: "On its way" }),
  });
  const { client } = show(<ConversationView sid={CH} author="ana" />);
  await screen.findByText("No message yet");
  await userEvent.type(screen.getByRole("textbox", { name: "Message" }), "On its way{Enter}");
  const log = screen.getByRole("log");
  await within(log).findByText("On its way");
  applyConversationEvent(client, {
    event_type: "onMessageAdded",
    conversation_sid: CH,
    sid: "IM7",
    payload: message(7, { author: "ana", body: "On its way" }),
  });
  await waitFor(() => expect(within(log).getAllByText("On its way")).toHaveLength(1));
  expect(platform().changed?.body).toEqual({ author: "ana", body: "On its way" });
  expect(screen.getByRole("textbox", { name: "Message" })).toHaveValue("");
});

test("a message that could not be sent stays in the list, to be sent again", async () => {
  platform().on(`GET /api/conversations/${CH}`, { body: conversation() });
  platform().on(MESSAGES, page([]));
  platform().on(`POST /api/conversations/${CH}/messages`, problem(503, "Twilio is not available."), {
    status: 201,
    body: message(8, { author: "ana", body: "Precious words" }),
  });
  show(<ConversationView sid={CH} author="ana" />);
  const field = await screen.findByRole("textbox", { name: "Message" });
  await userEvent.type(field, "Precious words{Enter}");
  expect(await screen.findByText("Twilio is not available.")).toBeInTheDocument();
  await userEvent.type(field, "What came next");
  await userEvent.click(screen.getByRole("button", { name: "Try again" }));
  await waitFor(() => expect(screen.queryByText(/Not sent|Sending/)).not.toBeInTheDocument());
  expect(within(screen.getByRole("log")).getAllByText("Precious words")).toHaveLength(1);
  expect(field).toHaveValue("What came next");
});

test("a message that could not be sent can be taken back into the composer", async () => {
  platform().on(`GET /api/conversations/${CH}`, { body: conversation() });
  platform().on(MESSAGES, page([]));
  platform().refuse(`POST /api/conversations/${CH}/messages`, 400, "The body is refused.");
  show(<ConversationView sid={CH} author="ana" />);
  const field = await screen.findByRole("textbox", { name: "Message" });
  await userEvent.type(field, "Precious words{Enter}");
  await userEvent.click(await screen.findByRole("button", { name: "Edit" }));
  expect(field).toHaveValue("Precious words");
  expect(screen.queryByText("The body is refused.")).not.toBeInTheDocument();
});

test("a saved reply is taken into the message; a content template is sent by its SID", async () => {
  platform().on(`GET /api/conversations/${CH}`, { body: conversation() });
  platform().on(MESSAGES, page([]));
  platform().on(`POST /api/conversations/${CH}/messages`, { status: 201, body: message(9, { body: "Hello Ana" }) });
  show(<ConversationView sid={CH} author="ana" />);
  await userEvent.click(await screen.findByRole("button", { name: "Templates" }));
  await userEvent.click(await screen.findByRole("button", { name: /Could you send me your order number/ }));
  expect(screen.getByRole("textbox", { name: "Message" })).toHaveValue("Could you send me your order number, please?");
  await userEvent.click(screen.getByRole("button", { name: "Templates" }));
  await userEvent.type(await screen.findByLabelText(/content template/), "HX12{Enter}");
  expect(await screen.findByText(/is HX and 32/)).toBeInTheDocument();
  const contentSid = `HX${"1".repeat(32)}`;
  await userEvent.clear(screen.getByLabelText(/content template/));
  await userEvent.click(screen.getByLabelText(/Its variables/));
  await userEvent.paste('{"1": "Ana"}');
  await userEvent.type(screen.getByLabelText(/content template/), `${contentSid}{Enter}`);
  await screen.findByText("Hello Ana");
  expect(platform().changed?.body).toEqual({ author: "ana", contentSid, contentVariables: { "1": "Ana" } });
});

test("a closed conversation cannot be written in and says why", async () => {
  platform().on(`GET /api/conversations/${CH}`, { body: conversation({ state: "closed" }) });
  platform().on(MESSAGES, page([]));
  show(<ConversationView sid={CH} author="ana" />);
  expect(await screen.findByText(/This conversation is closed/)).toBeInTheDocument();
  expect(screen.queryByRole("textbox")).not.toBeInTheDocument();
});

test("a conversation that does not exist is a page of its own", async () => {
  platform().refuse("GET /api/conversations/CHnope", 404, "Twilio knows nothing under this address.");
  show(<ConversationView sid="CHnope" author="ana" />);
  expect(await screen.findByRole("heading", { name: "Conversation not found", level: 1 })).toBeInTheDocument();
  expect(document.title).toBe("Conversation not found · Crosschannel");
});

test("names and messages are shown as text, whatever they hold", async () => {
  const attack = "<img src=x onerror=alert(1)>";
  platform().on(`GET /api/conversations/${CH}`, { body: conversation({ friendlyName: attack }) });
  platform().on(MESSAGES, page([message(1, { body: attack })]));
  const { container } = show(<ConversationView sid={CH} author="ana" />);
  expect(await within(await screen.findByRole("log")).findByText(attack)).toBeInTheDocument();
  expect(container.querySelector("img")).toBeNull();
});

function cachedMessages(items: readonly Message[]) {
  const client = createQueryClient(() => undefined);
  client.setQueryData(conversationKeys.messages(CH), { pages: [{ items, nextCursor: null }], pageParams: [null] });
  const shown = () =>
    messagesInOrder(
      client.getQueryData<{ pages: { items: Message[]; nextCursor: null }[] }>(conversationKeys.messages(CH))?.pages ??
        [],
    );
  return { client, shown };
}
const webhook = {
  MessageSid: "IM2",
  Index: "2",
  Body: "by webhook",
  Author: "+1555",
  DateCreated: "2026-11-22T09:30:00Z",
};

test("a webhook's message is added without reading anything", () => {
  const { client, shown } = cachedMessages([message(1)]);
  applyConversationEvent(client, { event_type: "onMessageAdded", conversation_sid: CH, sid: "IM2", payload: webhook });
  expect(shown().map(({ index, body }) => [index, body])).toEqual([
    [1, "message 1"],
    [2, "by webhook"],
  ]);
});

test("the webhook about our own message takes nothing away that the answer said", () => {
  const delivery = { sent: "all", delivered: "none", read: "none", failed: "none", undelivered: "none" };
  const { client, shown } = cachedMessages([message(2, { delivery })]);
  applyConversationEvent(client, { event_type: "onMessageAdded", conversation_sid: CH, sid: "IM2", payload: webhook });
  expect(shown()).toHaveLength(1);
  expect(shown()[0]?.delivery).toEqual(delivery);
});

test("a removed message goes", () => {
  const { client, shown } = cachedMessages([message(1), message(2)]);
  applyConversationEvent(client, { event_type: "onMessageRemoved", conversation_sid: CH, sid: "IM1", payload: {} });
  expect(shown().map(({ sid }) => sid)).toEqual(["IM2"]);
});

test("a message with media is read again, since its event does not say enough", () => {
  const { client } = cachedMessages([message(1)]);
  applyConversationEvent(client, {
    event_type: "onMessageAdded",
    conversation_sid: CH,
    sid: "IM2",
    payload: { ...webhook, Media: "[]" },
  });
  expect(client.getQueryState(conversationKeys.messages(CH))?.isInvalidated).toBe(true);
});
