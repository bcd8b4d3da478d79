import { Page } from "../../parts/Page.tsx";
import { en } from "../../strings/en.ts";

export default function Battle() {
  return <Page title={en.titles.battle} />;
}
