// The texts of the checks before listening.

export const checks = {
  level: {
    title: "Level",
    text: "Play the noise. It is about as loud as the clips. Set a level at which you would listen to speech, then leave it.",
    noise: "the noise",
    done: "This level is right",
    stored: (date: string) => `Set on ${date}.`,
  },
  headphones: {
    title: "Headphones",
    text: "Put on headphones. You hear three bursts of noise. One has a faint tone in it. Say which. There are six rounds.",
    start: "Start the check",
    again: "Repeat the check",
    round: (round: number, rounds: number) => `Round ${round} of ${rounds}`,
    bursts: "the three bursts",
    which: "Which one has the tone?",
    choice: (interval: number) => `${interval}`,
    passed: (correct: number, rounds: number) => `${correct} of ${rounds} right: each ear hears its own channel.`,
    failed: (correct: number, rounds: number) =>
      `${correct} of ${rounds} right: probably loudspeakers, or one ear only. You can vote all the same.`,
  },
};
