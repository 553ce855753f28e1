import { text } from "@/texts";

// The platform's languages' countries; how others group their digits is not guessed.
const GROUPS: readonly (readonly [RegExp, string])[] = [
  [/^\+1(\d{3})(\d{3})(\d{4})$/, "+1 $1 $2 $3"],
  [/^\+55(\d{2})(\d{4,5})(\d{4})$/, "+55 $1 $2 $3"],
  [/^\+34(\d{3})(\d{3})(\d{3})$/, "+34 $1 $2 $3"],
];

const NO_BREAK = "\u00a0";

const CHANNEL_ADDRESS = /^(?:[a-z]+:)?(\+\d{6,15})$/;

/** Whether this is how somebody outside is reached: a phone number, perhaps behind a channel's name. */
export const isAddress = (name: string): boolean => CHANNEL_ADDRESS.test(name);

/** A name as it reads: one that is only an address shows as its number. */
export const formatName = (name: string): string => {
  const number = CHANNEL_ADDRESS.exec(name)?.[1];
  return number ? formatCaller(number) : name;
};

/** A phone number in groups for reading; SIP addresses and the like stay as they are. */
export function formatCaller(address: string): string {
  if (address === "") return text.calls.unknownCaller;
  for (const [shape, groups] of GROUPS) {
    if (shape.test(address)) return address.replace(shape, groups).replaceAll(" ", NO_BREAK);
  }
  return address;
}
