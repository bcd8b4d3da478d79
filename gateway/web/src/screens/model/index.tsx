import { Page } from "../../parts/Page.tsx";
import { en } from "../../strings/en.ts";

export default function Model() {
  return <Page title={en.titles.model} />;
}
