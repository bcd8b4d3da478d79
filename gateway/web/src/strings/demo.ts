// The texts of the banner over demo data.

export const demoTexts = {
  title: "This is demo data",
  text: (captured: string) =>
    `The server can't be reached. You see an arena as it was on ${captured}; nothing can be changed or voted on. ` +
    "The page returns to the server by itself.",
  command: "make up",
  back: "The server is back. This is live data again.",
  refused: "This is demo data, which can't be changed",
  unvotable: "This battle is demo data. You can hear it, and vote in others once the server is back.",
  missing: "The demo data does not have this",
};
