// Words for a POSIX shell. Values can be anything that somebody else has written.

// Control characters, and characters that change the order in which a line is read. Pasted into a terminal, the first
// can end the paste and run the rest, and the second can show another command than the one that runs.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const DECEPTIVE = /[\0-\t\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;
const PLAIN = /^[\w@%+=:,./-]+$/;

/** Quotes a word so that a shell passes it on unchanged. */
export function shellWord(word: string): string {
  if (PLAIN.test(word)) {
    return word;
  }
  return DECEPTIVE.test(word) ? `"$(printf '${octal(word)}')"` : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Writes deceptive characters of JSON or Python source as `\uXXXX`. They occur in strings only. */
export function withVisibleEscapes(source: string): string {
  return source.replace(new RegExp(DECEPTIVE.source, "g"), (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

// Everything but letters, digits and spaces as bytes in octal, so that neither printf nor the shell reads a meaning into it.
function octal(word: string): string {
  let text = "";
  for (const byte of new TextEncoder().encode(word)) {
    const character = String.fromCharCode(byte);
    text += /[A-Za-z0-9 ]/.test(character) ? character : `\\${byte.toString(8).padStart(3, "0")}`;
  }
  return text;
}
