/** Returns the name of a voice in texts, URLs and commands. */
export function voiceName({ provider, voiceId }: { provider: string; voiceId: string }): string {
  return `${provider}:${voiceId}`;
}
