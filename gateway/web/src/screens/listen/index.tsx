import { Page } from "../../parts/Page.tsx";
import { en } from "../../strings/en.ts";

export default function Listen() {
  return <Page title={en.titles.listen} />;
}
