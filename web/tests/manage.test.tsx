import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";

import { rolesSpec, servicesSpec, usersSpec } from "@/features/services/specs";
import { checkJson } from "@/shared/format/json";
import { bodyOf, faultOf, type FieldSpec, valuesOf } from "@/shared/resources/fields";
import { DocumentForm } from "@/shared/resources/DocumentForm";
import { ResourceList } from "@/shared/resources/ResourceList";
import { Toasts } from "@/shared/ui/toasts";

import { gate, problem, withPlatform } from "./platform";
import { show } from "./show";

const platform = withPlatform();
const USERS = "GET /api/users?limit=50";
const ANA = {
  sid: "US1",
  identity: "ana",
  friendlyName: "Ana",
  attributes: { a: 1 },
  dateCreated: "2026-11-22T08:00:00Z",
};
const page = (...items: readonly object[]) => ({ body: { items, nextCursor: null } });

const FIELDS: readonly FieldSpec[] = [
  { name: "how", label: "How", kind: "select", choices: [{ value: "a", label: "A" }], local: true },
  { name: "name", label: "Name", kind: "text", required: true, maxLength: 5 },
  { name: "configuration.url", label: "URL", kind: "text", pattern: /^https:/, patternFault: "No." },
  { name: "configuration.filters", label: "Events", kind: "list" },
  { name: "attributes", label: "Attributes", kind: "json" },
  { name: "hidden", label: "Hidden", kind: "text", when: (values) => values["name"] === "show" },
];

test("a new row's body holds what was filled in, nested by its name; what steers the form is not sent", () => {
  const values = {
    how: "a",
    name: " Ana ",
    "configuration.url": "https://x",
    "configuration.filters": "a\nb, c",
    attributes: "",
    hidden: "x",
  };
  expect(bodyOf(FIELDS, values, null)).toEqual({
    name: "Ana",
    configuration: { url: "https://x", filters: ["a", "b", "c"] },
  });
});

test("a changed row's body holds only what differs, taking away included", () => {
  const before = valuesOf(FIELDS, { sid: "X", name: "Ana", configuration: { url: "https://x" }, attributes: { a: 1 } });
  const values = { ...before, "configuration.url": "", attributes: '{"a":2}' };
  expect(bodyOf(FIELDS, values, before)).toEqual({ configuration: { url: "" }, attributes: { a: 2 } });
});

test("faults of fields: missing, too long, of the wrong form", () => {
  const [, name, url] = FIELDS;
  if (!name || !url) throw new Error("no fields");
  expect([faultOf(name, ""), faultOf(name, "123456"), faultOf(url, "ftp:"), faultOf(url, "")]).toEqual([
    "This is needed.",
    "Use at most 5 characters.",
    "No.",
    null,
  ]);
});

test("JSON says where it is wrong, must be an object, and counts its bytes without white space", () => {
  expect(checkJson('{\n  "a": 1,\n}', 99).fault).toBe("Not valid JSON at line 3, column 1.");
  expect(checkJson("[1]", 99).fault).toMatch(/has to be a JSON object/);
  expect(checkJson('{ "ä": 1 }', 99)).toMatchObject({ fault: null, bytes: 8 });
  expect(checkJson('{"a":"12345"}', 8).fault).toMatch(/at most 8/);
  expect(checkJson(" ", 8).value).toEqual({});
});

test("a user is created, and the list is read again", async () => {
  platform().on(USERS, page(), page(ANA));
  platform().on("POST /api/users", { status: 201, body: ANA });
  show(
    <Toasts>
      <ResourceList spec={usersSpec("")} />
    </Toasts>,
  );
  await userEvent.click(await screen.findByRole("button", { name: "New user" }));
  const dialog = await screen.findByRole("dialog");
  await userEvent.click(within(dialog).getByRole("button", { name: "Create" }));
  expect(within(dialog).getByText("This is needed.")).toBeInTheDocument();
  await userEvent.type(within(dialog).getByLabelText(/Identity/), "ana");
  await userEvent.click(screen.getByRole("button", { name: "Create" }));
  expect(await screen.findByText("ana was created.")).toBeInTheDocument();
  expect(await screen.findByRole("cell", { name: "ana" })).toBeInTheDocument();
  expect(platform().asked.find(({ method }) => method === "POST")?.body).toEqual({ identity: "ana", attributes: {} });
});

test("what the service finds wrong stands at its field", async () => {
  platform().on(USERS, page());
  platform().on("POST /api/users", {
    status: 400,
    body: { detail: "The body cannot be used.", code: 400, errors: [{ field: "identity", reason: "Taken." }] },
  });
  show(<ResourceList spec={usersSpec("")} />);
  await userEvent.click(await screen.findByRole("button", { name: "New user" }));
  await userEvent.type(await screen.findByLabelText(/Identity/), "ana");
  await userEvent.click(screen.getByRole("button", { name: "Create" }));
  expect(await screen.findByText("Taken.")).toBeInTheDocument();
  expect(screen.getByLabelText(/Identity/)).toHaveValue("ana");
});

test("only what was changed is sent, to the service that was chosen", async () => {
  platform().on("GET /api/users?serviceSid=IS1&limit=50", page(ANA));
  platform().on("PUT /api/users/US1?serviceSid=IS1", { body: { ...ANA, friendlyName: "Ana B" } });
  show(<ResourceList spec={usersSpec("IS1")} />);
  await userEvent.click(await screen.findByRole("button", { name: "Edit ana" }));
  await userEvent.type(await screen.findByLabelText(/^Name/), " B");
  await userEvent.click(screen.getByRole("button", { name: "Save" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
  expect(platform().asked.find(({ method }) => method === "PUT")?.body).toEqual({ friendlyName: "Ana B" });
});

test("a deleted row is gone at once and comes back when it could not be deleted", async () => {
  const answer = gate();
  platform().on(
    "GET /api/roles?limit=50",
    page({ sid: "RL1", friendlyName: "guest", type: "service", permissions: ["a"] }),
  );
  platform().on("DELETE /api/roles/RL1", { ...problem(409, "The role is in use."), after: answer.opened });
  show(<ResourceList spec={rolesSpec("")} />);
  await userEvent.click(await screen.findByRole("button", { name: "Delete guest" }));
  await userEvent.click(within(await screen.findByRole("dialog")).getByRole("button", { name: "Delete" }));
  await waitFor(() => expect(screen.queryByRole("cell", { name: "guest" })).not.toBeInTheDocument());
  answer.open();
  expect(await screen.findByText(/The role is in use/)).toBeInTheDocument();
  expect(screen.getByText("guest", { selector: "td" })).toBeInTheDocument();
});

test("a service goes only after its name was typed", async () => {
  platform().on("GET /api/services?limit=50", page({ sid: "IS1", friendlyName: "Shop" }));
  platform().on("DELETE /api/services/IS1", { status: 204 });
  show(<ResourceList spec={servicesSpec} />);
  await userEvent.click(await screen.findByRole("button", { name: "Delete Shop" }));
  const dialog = await screen.findByRole("dialog");
  const button = within(dialog).getByRole("button", { name: "Delete" });
  expect(button).toBeDisabled();
  await userEvent.type(within(dialog).getByLabelText("Type Shop to confirm"), "Shop");
  await userEvent.click(button);
  await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
});

test("who may not write is not offered to", async () => {
  platform().on(USERS, page(ANA));
  show(<ResourceList spec={usersSpec("")} />, "/", "agent");
  await screen.findByRole("cell", { name: "ana" });
  expect(screen.queryByRole("button")).not.toBeInTheDocument();
});

test("a document's form sends only what was changed, and says when nothing was", async () => {
  platform().on("GET /api/account", { body: { configuration: { defaultInactiveTimer: "PT1H" } } });
  platform().on("PUT /api/account", { body: {} });
  const fields: readonly FieldSpec[] = [
    { name: "configuration.defaultInactiveTimer", label: "Timer", kind: "text", pattern: /^P/ },
  ];
  show(
    <Toasts>
      <DocumentForm path="/api/account" what="The account" fields={fields} write="admin" />
    </Toasts>,
  );
  await userEvent.click(await screen.findByRole("button", { name: "Save" }));
  expect(await screen.findByText("Nothing was changed.")).toBeInTheDocument();
  await userEvent.clear(screen.getByLabelText("Timer"));
  await userEvent.type(screen.getByLabelText("Timer"), "P1D{Enter}");
  await waitFor(() =>
    expect(platform().changed).toMatchObject({
      method: "PUT",
      body: { configuration: { defaultInactiveTimer: "P1D" } },
    }),
  );
});
