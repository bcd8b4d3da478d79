import { Page } from "../../parts/Page.tsx";
import { en } from "../../strings/en.ts";

export default function Evaluation() {
  return <Page title={en.titles.evaluation} />;
}
