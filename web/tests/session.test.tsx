import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test, vi } from "vitest";

import { gate, problem, withPlatform } from "./platform";
import { showConsole } from "./show";

const platform = withPlatform();
const OPERATOR = { body: { name: "ana", role: "admin" } };
const NOBODY = problem(401, "Nobody is signed in.");
const LIST = "GET /api/conversations?limit=20";

/** Stands in for the live socket, which these tests do not open. */
class SilentSocket extends EventTarget {
  send(): void {}
  close(): void {}
}

beforeEach(() => {
  vi.stubGlobal("WebSocket", SilentSocket);
  platform().on(LIST, { body: { items: [], nextCursor: null } });
});

test("the token of the link signs in and leaves the address at once", async () => {
  const answer = gate();
  platform().on("POST /api/session", { ...OPERATOR, after: answer.opened });
  const { router } = showConsole("/sign-in?token=s3cret&next=%2Fconversations");
  await waitFor(() =>
    expect(platform().asked).toEqual([{ method: "POST", path: "/api/session", body: { token: "s3cret" } }]),
  );
  expect(router.state.location.search).toBe("?next=%2Fconversations");
  answer.open();
  expect(await screen.findByRole("heading", { name: "Conversations" })).toBeInTheDocument();
});

test("a wrong token is said to be wrong, and is not left in the address either", async () => {
  platform().on("POST /api/session", problem(401, "No."));
  const { router } = showConsole("/sign-in?token=wrong");
  expect(await screen.findByText(/This token is not valid/)).toBeInTheDocument();
  expect(router.state.location.search).toBe("");
});

test("after too many attempts the form says how long to wait and sends nothing", async () => {
  platform().on("POST /api/session", problem(429, "Too many.", { "Retry-After": "273" }));
  showConsole("/sign-in");
  await userEvent.type(await screen.findByLabelText(/Token/), "guess{Enter}");
  expect(await screen.findByText(/Try again in 4:3/)).toBeInTheDocument();
  const button = screen.getByRole("button", { name: "Sign in" });
  await waitFor(() => expect(button).toBeDisabled());
  expect(platform().asked).toHaveLength(1);
});

test("an empty token is not sent", async () => {
  showConsole("/sign-in");
  await userEvent.click(await screen.findByRole("button", { name: "Sign in" }));
  expect(screen.getByText("Paste your token first.")).toBeInTheDocument();
  expect(platform().asked).toEqual([]);
});

test("who is not signed in signs in and comes back to the same page", async () => {
  platform().on("GET /api/session", NOBODY);
  platform().on("POST /api/session", OPERATOR);
  const { router } = showConsole("/conversations");
  await userEvent.type(await screen.findByLabelText(/Token/), "good{Enter}");
  expect(await screen.findByRole("heading", { name: "Conversations" })).toBeInTheDocument();
  expect(router.state.location.pathname).toBe("/conversations");
});

test("a session that ends while working asks to sign in over the page, which keeps what was chosen", async () => {
  platform().on("GET /api/session", OPERATOR);
  platform().on("GET /api/conversations?limit=20&state=closed", NOBODY);
  const { router } = showConsole("/conversations");
  await userEvent.selectOptions(await screen.findByRole("combobox", { name: "State" }), "closed");
  expect(await screen.findByRole("heading", { name: "Sign in" })).toBeInTheDocument();
  expect(router.state.location.search).toBe("?state=closed");
  platform().on("GET /api/conversations?limit=20&state=closed", { body: { items: [], nextCursor: null } });
  platform().on("POST /api/session", OPERATOR);
  await userEvent.type(screen.getByLabelText(/Token/), "again{Enter}");
  await waitFor(() => expect(screen.queryByRole("heading", { name: "Sign in" })).not.toBeInTheDocument());
  expect(await screen.findByText("No conversation matches")).toBeInTheDocument();
});

test("another operator who signs in over the page sees nothing of it", async () => {
  const reload = vi.fn();
  vi.stubGlobal("location", { ...window.location, reload });
  platform().on("GET /api/session", OPERATOR);
  platform().on("GET /api/conversations?limit=20&state=closed", NOBODY);
  showConsole("/conversations");
  await userEvent.selectOptions(await screen.findByRole("combobox", { name: "State" }), "closed");
  platform().on("POST /api/session", { body: { name: "bea", role: "admin" } });
  await userEvent.type(await screen.findByLabelText(/Token/), "other{Enter}");
  await waitFor(() => expect(reload).toHaveBeenCalledOnce());
});

test("signing out ends the session and forgets what was read", async () => {
  platform().on("GET /api/session", OPERATOR);
  platform().on("DELETE /api/session", { status: 204 });
  const { client } = showConsole("/conversations");
  await userEvent.click(await screen.findByRole("button", { name: "Sign out" }));
  expect(await screen.findByRole("heading", { name: "Sign in" })).toBeInTheDocument();
  await waitFor(() => expect(client.getQueryCache().getAll()).toEqual([]));
});

test("viewers are not offered what they may not do", async () => {
  platform().on("GET /api/session", { body: { name: "vi", role: "viewer" } });
  showConsole("/conversations");
  expect(await screen.findByText("No conversation yet")).toBeInTheDocument();
  expect(screen.queryByRole("button", { name: "New conversation" })).not.toBeInTheDocument();
});

test("a platform that does not answer is said so, with a way to try again", async () => {
  platform().on("GET /api/session", problem(500, "Something went wrong here. It has been logged."), OPERATOR);
  showConsole("/conversations");
  await userEvent.click(await screen.findByRole("button", { name: "Try again" }));
  expect(await screen.findByRole("heading", { name: "Conversations" })).toBeInTheDocument();
});

test("an address without a page says so inside the console", async () => {
  platform().on("GET /api/session", OPERATOR);
  showConsole("/no/such/page");
  expect(await screen.findByRole("heading", { name: "Page not found", level: 1 })).toBeInTheDocument();
  expect(screen.getByRole("navigation", { name: "Main navigation" })).toBeInTheDocument();
});
