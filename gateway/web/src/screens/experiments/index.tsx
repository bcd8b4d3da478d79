import { Page } from "../../parts/Page.tsx";
import { en } from "../../strings/en.ts";

export default function Experiments() {
  return <Page title={en.titles.experiments} />;
}
