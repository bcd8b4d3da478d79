// The language in which numbers and times are written. It is that of the texts of the page, because "1.234" inside an
// English sentence would be read as one and a bit. The visitor's region still decides, so en-GB has the day first.

const TEXT_LANGUAGE = "en";

/** Returns the first of the wanted locales that speaks the language of the texts. */
export function pickLocale(wanted: readonly string[], language: string = TEXT_LANGUAGE): string {
  return wanted.find((each) => each === language || each.startsWith(`${language}-`)) ?? language;
}

export const LOCALE = pickLocale(typeof navigator === "undefined" ? [] : (navigator.languages ?? []));
