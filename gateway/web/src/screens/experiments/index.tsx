import { useRoute } from "preact-iso";
import { useUrlState } from "../../app/url_state.ts";
import { canReadPrivate } from "../../demo/state.ts";
import { NeedsKey } from "../../parts/NeedsKey.tsx";
import { Page } from "../../parts/Page.tsx";
import { en } from "../../strings/en.ts";
import { experiments as text } from "../../strings/experiments.ts";
import { Create } from "./Create.tsx";
import { Detail } from "./Detail.tsx";
import { List } from "./List.tsx";
import "./experiments.css";

// `model` is a list of voices to compare, as other screens link here.
const DEFAULTS = { new: "", model: "" };

export default function Experiments() {
  const { id } = useRoute().params;
  const [state] = useUrlState(DEFAULTS);
  if (!canReadPrivate.value) {
    return (
      <Page title={en.titles.experiments} lead={text.lead}>
        <NeedsKey text={text.needsKey} />
      </Page>
    );
  }
  if (id) {
    return <Detail key={id} id={id} />;
  }
  return state.new || state.model ? <Create models={state.model.split(",").filter(Boolean)} /> : <List />;
}
