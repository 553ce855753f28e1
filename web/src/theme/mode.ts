import { useSyncExternalStore } from "react";

export type Mode = "light" | "dark";

const STORED_AS = "crosschannel.theme";
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

/** The theme in use: what was chosen here before, otherwise what the system prefers. */
export function currentMode(): Mode {
  const chosen = readChoice();
  return chosen ?? (dark.matches ? "dark" : "light");
}

/** Chooses a theme; the system's own choice again follows the system. */
export function chooseMode(mode: Mode): void {
  const system: Mode = dark.matches ? "dark" : "light";
  try {
    if (mode === system) localStorage.removeItem(STORED_AS);
    else localStorage.setItem(STORED_AS, mode);
  } catch {
    // Storage may be forbidden: the choice then lasts as long as the page.
    unstored = mode;
  }
  notify();
}

let unstored: Mode | null = null;

function readChoice(): Mode | null {
  try {
    const stored = localStorage.getItem(STORED_AS);
    return stored === "light" || stored === "dark" ? stored : unstored;
  } catch {
    return unstored;
  }
}

function notify(): void {
  applyMode();
  listeners.forEach((listener) => listener());
}

/** Puts the theme on the document, for what lies outside of React. */
export function applyMode(): void {
  document.documentElement.dataset["theme"] = currentMode();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Follows the system and the other tabs for as long as the page lives. */
export function startMode(): void {
  applyMode();
  dark.addEventListener("change", notify);
  window.addEventListener("storage", notify);
}

export const useMode = (): Mode => useSyncExternalStore(subscribe, currentMode);
