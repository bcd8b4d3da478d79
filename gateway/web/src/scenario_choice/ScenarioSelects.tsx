import { Select } from "../parts/Select.tsx";
import { useQuery } from "../rpc/query.ts";
import { scenarioChoice as texts } from "../strings/scenario_choice.ts";
import "./scenario_choice.css";
import { categoryName, choicesOf, languageName, loadChoices } from "./choices.ts";

interface ScenarioSelectsProps {
  category: string;
  language: string;
  onChange: (change: { category?: string; language?: string }) => void;
}

/** Chooses a category and a language of scenarios. Without the lists, what a link chose still holds. */
export function ScenarioSelects({ category, language, onChange }: ScenarioSelectsProps) {
  const { value } = useQuery(loadChoices, []);
  return (
    <div class="scenario-selects">
      <Select
        label={texts.category}
        value={category}
        choices={choicesOf(texts.any, value?.categories ?? [], category, categoryName)}
        onChange={(chosen) => onChange({ category: chosen })}
      />
      <Select
        label={texts.language}
        value={language}
        choices={choicesOf(texts.any, value?.languages ?? [], language, languageName)}
        onChange={(chosen) => onChange({ language: chosen })}
      />
    </div>
  );
}
