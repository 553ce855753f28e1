import { createContext, useContext } from "react";

import type { LiveStatus } from "./connection";

export const LiveStatusContext = createContext<LiveStatus>("connecting");

export const useLiveStatus = (): LiveStatus => useContext(LiveStatusContext);

const POLL_MS = 10_000;

/** How often lists poll: not at all while changes arrive by themselves. */
export function usePollInterval(): number | false {
  return useLiveStatus() === "connected" ? false : POLL_MS;
}
