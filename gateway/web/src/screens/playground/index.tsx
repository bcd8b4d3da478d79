// The playground: hear voices speak a text, or evaluate a recording.

import { useUrlState } from "../../app/url_state.ts";
import { Page } from "../../parts/Page.tsx";
import { Tabs } from "../../parts/Tabs.tsx";
import { en } from "../../strings/en.ts";
import { playground as text } from "../../strings/playground.ts";
import { Evaluate } from "./Evaluate.tsx";
import { Speak } from "./Speak.tsx";
import "./playground.css";

const TABS = [
  { value: "speak", label: text.tabs.speak },
  { value: "evaluate", label: text.tabs.evaluate },
];
const DEFAULTS = { tab: "speak", text: "", voices: "" };

export default function Playground() {
  const [state, change] = useUrlState(DEFAULTS);
  return (
    <Page title={en.titles.playground} lead={text.lead}>
      <Tabs label={text.tabs.label} tabs={TABS} value={state.tab} onChange={(tab) => change({ tab }, "push")}>
        {state.tab === "evaluate" ? <Evaluate /> : <Speak text={state.text} voices={state.voices} change={change} />}
      </Tabs>
    </Page>
  );
}
