import { Page } from "../../parts/Page.tsx";
import { en } from "../../strings/en.ts";

export default function Console() {
  return <Page title={en.titles.console} />;
}
