import { Page } from "../../parts/Page.tsx";
import { en } from "../../strings/en.ts";

export default function Playground() {
  return <Page title={en.titles.playground} />;
}
