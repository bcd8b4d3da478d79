// The texts of the screen behind a listening link.

export const listen = {
  title: "Listening test",
  lead: "Two voices speak the same text. Hear both to the end, then say which is better. Who speaks is never shown.",
  pair: (number: number, total: number) => `Pair ${number} of ${total}`,
  progress: (given: number, total: number) => `${given} of ${total} pairs judged`,
  recorded: (left: number) =>
    left === 0
      ? "Your vote is recorded."
      : `Your vote is recorded. ${left} ${left === 1 ? "pair is" : "pairs are"} left.`,
  noToken: "This page needs a listening link",
  noTokenText:
    "Open the link that you were sent. It begins with the address of this page and ends with 64 letters and digits.",
  badLink: "This link can't be used",
  thanks: "Thank you",
  thanksText: (votes: number) =>
    votes === 0
      ? "There is nothing left to listen to. Others have judged all pairs."
      : `You have judged ${votes} ${votes === 1 ? "pair" : "pairs"}. There is nothing left to listen to, and you can close this page.`,
  closed: (votes: number) =>
    votes === 0
      ? "This listening test is over. It takes no more votes."
      : `This listening test is over. You have judged ${votes} ${votes === 1 ? "pair" : "pairs"}. You can close this page.`,
  next: "Next pair",
};
