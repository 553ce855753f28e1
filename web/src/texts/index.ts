import { en } from "./en";

/** A catalogue of another language: the same keys, its own texts. */
export type Catalogue = Translated<typeof en>;
type Translated<Texts> = { readonly [Key in keyof Texts]: Texts[Key] extends string ? string : Translated<Texts[Key]> };
type PluralText = { readonly one: string; readonly other: string };

export const locale = "en";
export const text: Catalogue = en;

const numbers = new Intl.NumberFormat(locale);
const plurals = new Intl.PluralRules(locale);

/** The text with each `{name}` replaced; a name without a value stays visible, so that it is noticed. */
export function fill(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? numbers.format(value) : value;
  });
}

/** The form that goes with `n`, with `{n}` filled in. */
export function plural(forms: PluralText, n: number): string {
  return fill(plurals.select(n) === "one" ? forms.one : forms.other, { n });
}
