// What an experiment will take, before it is created: speech, money, time, votes, and the smallest difference that its
// texts can show.

// As services/experiments/verdict/power.py has it; a test compares them. By number of texts: the mean difference, in
// units of the standard deviation of the differences, that is found with 80% power at p <= 0.05.
const DETECTABLE_DZ: Record<number, number> = {
  6: 1.8,
  7: 1.33,
  8: 1.19,
  9: 1.09,
  10: 1.01,
  11: 0.94,
  12: 0.89,
  13: 0.85,
  14: 0.81,
  15: 0.77,
  16: 0.75,
  17: 0.72,
  18: 0.7,
  19: 0.68,
  20: 0.66,
};

// English speech has about 15 characters a second.
const CHARACTERS_PER_SECOND = 15;
// A request takes this long beside the speech itself, and a voice on this machine speaks about 20 times faster than real
// time. Hosted ones are slower.
const REQUEST_SECONDS = 0.3;
const LOCAL_SECONDS_PER_SECOND = 0.05;
const HOSTED_SECONDS_PER_SECOND = 0.3;
// The models that listen take about this long for each recording, one after the other: `make demo` takes 76 s for 24.
const LISTENING_SECONDS_PER_TRIAL = 2;
const LISTENING_SECONDS_PER_SECOND = 0.2;

export interface EstimatedVoice {
  provider: string;
  name: string;
  /** US dollars for 1,000 characters, undefined if the catalogue has none. */
  price: number | undefined;
  /** Whether it runs on the installation. */
  local: boolean;
  /** The number of requests that its provider takes at a time. */
  concurrency: number;
}

export interface Plan {
  voices: readonly EstimatedVoice[];
  prompts: readonly string[];
  repeats: number;
  /** 0 unless people judge. */
  votesPerPair: number;
  /** Whether models listen to the trials. The profile `latency` needs none. */
  listens: boolean;
  /** Whether the evidence is the number of listeners, and not the texts. */
  byListeners: boolean;
}

export interface Estimate {
  trials: number;
  characters: number;
  /** US dollars of the voices whose price is known. */
  dollars: number;
  unknownPrices: string[];
  seconds: number;
  votes: number;
  differentPrompts: number;
  byListeners: boolean;
  /** In standard deviations. Undefined if no difference can be found, and if listeners are the evidence. */
  detectable: number | undefined;
}

/** Returns the texts of a field with one text per line. */
export function promptsOf(lines: string): string[] {
  return lines
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

/** Returns the smallest difference in standard deviations that this many different texts can show. */
export function detectableDz(prompts: number): number | undefined {
  return DETECTABLE_DZ[prompts];
}

export function estimate(plan: Plan): Estimate {
  const { voices, prompts, repeats, votesPerPair, listens, byListeners } = plan;
  const characters = prompts.reduce((sum, prompt) => sum + [...prompt].length, 0) * repeats;
  const speech = characters / CHARACTERS_PER_SECOND;
  const speaking = new Map<string, number>();
  for (const voice of voices) {
    const pace = voice.local ? LOCAL_SECONDS_PER_SECOND : HOSTED_SECONDS_PER_SECOND;
    const work = (prompts.length * repeats * REQUEST_SECONDS + speech * pace) / Math.max(1, voice.concurrency);
    speaking.set(voice.provider, (speaking.get(voice.provider) ?? 0) + work);
  }
  const trials = voices.length * prompts.length * repeats;
  const listening = listens
    ? trials * LISTENING_SECONDS_PER_TRIAL + speech * voices.length * LISTENING_SECONDS_PER_SECOND
    : 0;
  const pairs = (voices.length * (voices.length - 1)) / 2;
  const differentPrompts = new Set(prompts).size;
  const paid = voices.filter((voice) => !voice.local);
  return {
    trials,
    characters: characters * voices.length,
    dollars: paid.reduce((sum, voice) => sum + ((voice.price ?? 0) * characters) / 1000, 0),
    unknownPrices: paid.filter((voice) => voice.price === undefined).map((voice) => voice.name),
    // Recordings are listened to while others are still made.
    seconds: Math.max(listening, ...speaking.values()),
    votes: pairs * prompts.length * votesPerPair,
    differentPrompts,
    byListeners,
    detectable: byListeners ? undefined : detectableDz(differentPrompts),
  };
}
