import { Page } from "../../parts/Page.tsx";
import { en } from "../../strings/en.ts";

export default function Analytics() {
  return <Page title={en.titles.analytics} />;
}
