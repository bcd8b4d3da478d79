import { Page } from "../../parts/Page.tsx";
import { en } from "../../strings/en.ts";

export default function Leaderboard() {
  return <Page title={en.titles.leaderboard} />;
}
