import { QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import { Theme } from "@twilio-paste/core/theme";
import { type ReactNode, useMemo } from "react";
import { createMemoryRouter, type RouteObject, RouterProvider } from "react-router";

import { createConsole } from "@/app/console";
import { createQueryClient } from "@/app/queryClient";
import { OperatorContext } from "@/shared/operator/OperatorContext";
import type { Role } from "@/shared/operator/role";

/** A part of a page with everything around it that it needs. */
export function show(part: ReactNode, path = "/", role: Role = "admin") {
  const element = <As role={role}>{part}</As>;
  return showRoutes([{ path: "*", element, HydrateFallback: () => null }], path);
}

function As({ role, children }: { readonly role: Role; readonly children: ReactNode }) {
  const operator = useMemo(() => ({ name: "ana", role }), [role]);
  return <OperatorContext.Provider value={operator}>{children}</OperatorContext.Provider>;
}

/** The whole console at an address. */
export function showConsole(path: string) {
  const { client, router } = createConsole((table) => createMemoryRouter(table, { initialEntries: [path] }));
  return { client, router, ...wrap(client, router) };
}

function showRoutes(table: RouteObject[], path: string) {
  const client = createQueryClient(() => undefined);
  const router = createMemoryRouter(table, { initialEntries: [path] });
  return { client, router, ...wrap(client, router) };
}

function wrap(client: ReturnType<typeof createQueryClient>, router: ReturnType<typeof createMemoryRouter>) {
  return render(
    <Theme.Provider theme="twilio" disableAnimations>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </Theme.Provider>,
  );
}
