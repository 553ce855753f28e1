import { useSearchParams } from "react-router";

export interface Filters<Name extends string> {
  /** What the address says; empty text for what it does not. */
  readonly values: Readonly<Record<Name, string>>;
  /** Changes some; empty text takes one away. The list begins at its first page again. */
  readonly set: (changes: Partial<Record<Name, string>>) => void;
  readonly clear: () => void;
  /** The names in use. */
  readonly active: readonly Name[];
}

/** Filters that live in the address, so that a link shows the same. Other parts of the address stay. */
export function useFilters<const Name extends string>(names: readonly Name[]): Filters<Name> {
  const [params, setParams] = useSearchParams();
  const values = Object.fromEntries(names.map((name) => [name, params.get(name) ?? ""])) as Record<Name, string>;
  const set = (changes: Partial<Record<Name, string>>): void =>
    setParams(
      (before) => {
        const after = new URLSearchParams(before);
        after.delete("cursor");
        for (const [name, value] of Object.entries<string | undefined>(changes)) {
          if (value) after.set(name, value);
          else after.delete(name);
        }
        return after;
      },
      { replace: true, preventScrollReset: true },
    );
  const clear = (): void => set(Object.fromEntries(names.map((name) => [name, ""])) as Partial<Record<Name, string>>);
  return { values, set, clear, active: names.filter((name) => values[name] !== "") };
}
