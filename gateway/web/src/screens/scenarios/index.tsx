// Scenarios: the list, one of them with its battles, and the form that adds or changes one.

import { useUrlState } from "../../app/url_state.ts";
import { Form } from "./Form.tsx";
import { List } from "./List.tsx";
import { One } from "./One.tsx";
import { DEFAULTS } from "./state.ts";
import "./scenarios.css";

export default function Scenarios() {
  const [state, change] = useUrlState(DEFAULTS);
  // What is open changes the heading, so the Back button leads to what was there before.
  const open = (id: string, view = "") => change({ id, view }, "push");
  if (state.view === "new") {
    return <Form key="new" onDone={open} onCancel={() => open("")} />;
  }
  if (state.id !== "") {
    return <One key={state.id} id={state.id} isEdited={state.view === "edit"} open={open} />;
  }
  return <List state={state} change={change} open={open} />;
}
