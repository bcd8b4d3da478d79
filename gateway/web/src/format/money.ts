// Prices in US dollars. They reach from fractions of a cent for a character to hundreds for an experiment.

import { ABSENT, type Maybe, numberFormat } from "./number.ts";

/** English text is spoken at about 900 characters a minute: 150 words of 6 characters with the space. */
const CHARACTERS_PER_MINUTE = 900;

/** Writes an amount with cents, and with two digits that count if it is smaller than that: $12.50, $0.0042. */
export function dollars(value: Maybe<number>): string {
  if (value === null || value === undefined || !Number.isFinite(value)) {
    return ABSENT;
  }
  const currency = { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol" } as const;
  const small = value !== 0 && Math.abs(value) < 0.1;
  return numberFormat(small ? { ...currency, maximumSignificantDigits: 2 } : currency).format(value);
}

/** Writes a price for 1,000 characters of text. Zero is a voice that runs on the machine itself. */
export function perThousandCharacters(value: Maybe<number>): string {
  const text = dollars(value);
  return text === ABSENT ? ABSENT : `${text} / 1,000 characters`;
}

/** Writes about what a minute of speech costs at a price for 1,000 characters. */
export function perMinute(perThousand: Maybe<number>): string {
  const text = dollars(
    perThousand === null || perThousand === undefined ? perThousand : (perThousand * CHARACTERS_PER_MINUTE) / 1000,
  );
  return text === ABSENT ? ABSENT : `${text} / min`;
}
