import { Page } from "../../parts/Page.tsx";
import { en } from "../../strings/en.ts";

export default function Scenarios() {
  return <Page title={en.titles.scenarios} />;
}
