/** Returns the settings that a sentence of the API names, such as `CARTESIA_API_KEY`. */
export function settingsOf(reason: string): string[] {
  return [...new Set(reason.match(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g) ?? [])];
}
