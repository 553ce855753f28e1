import { locale } from "@/texts";

const names = new Intl.DisplayNames([locale], { type: "language", languageDisplay: "standard", style: "short" });

/** `Portuguese (Brazil)` for `pt-BR`; the tag itself when it is no language tag. */
export function formatLanguage(tag: string): string {
  try {
    return names.of(tag) ?? tag;
  } catch {
    return tag;
  }
}
