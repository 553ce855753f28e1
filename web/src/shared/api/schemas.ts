import * as v from "valibot";

// Services leave out or null what they do not know: one spelling of "unknown" inside the console.
export const textOrEmpty = v.nullish(v.string(), "");
export const textOrNull = v.nullish(v.string(), null);
export const numberOrNull = v.nullish(v.number(), null);
export const numberOrZero = v.nullish(v.number(), 0);

/** A page of a list: `{items, nextCursor}`. */
export function pageOf<Item extends v.GenericSchema>(item: Item) {
  return v.object({ items: v.array(item), nextCursor: textOrNull });
}
