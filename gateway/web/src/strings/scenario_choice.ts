// The texts of the lists of categories and languages.

export const scenarioChoice = { category: "Category", language: "Language", any: "Any" };
