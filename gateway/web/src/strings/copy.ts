// The texts of "copy as".

export const copyTexts = {
  button: "Copy as",
  languages: { curl: "curl", grpcurl: "grpcurl", python: "Python", cli: "arena command" },
  copied: (language: string) => `Copied as ${language}`,
  failed: "This can't be copied while the server can't be reached.",
  refusedTitle: (language: string) => `Copy as ${language}`,
  refused: "The browser did not allow copying. Select the text and copy it.",
  text: "The text to copy",
};
