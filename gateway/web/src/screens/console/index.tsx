import { useUrlState } from "../../app/url_state.ts";
import { Page } from "../../parts/Page.tsx";
import { Tabs } from "../../parts/Tabs.tsx";
import { texts } from "../../strings/console.ts";
import { en } from "../../strings/en.ts";
import { Account } from "./Account.tsx";
import { Keys } from "./Keys.tsx";
import { MeshStatus } from "./MeshStatus.tsx";
import { Providers } from "./Providers.tsx";
import { Webhooks } from "./Webhooks.tsx";

const TABS = { account: Account, keys: Keys, webhooks: Webhooks, voices: Providers, status: MeshStatus };
const CHOICES = Object.keys(TABS).map((tab) => ({ value: tab, label: texts.tabs[tab as keyof typeof TABS] }));
const DEFAULTS = { tab: "account" };

function isTab(name: string): name is keyof typeof TABS {
  return name in TABS;
}

export default function Console() {
  const [state, change] = useUrlState(DEFAULTS);
  const tab = isTab(state.tab) ? state.tab : "account";
  const Shown = TABS[tab];
  return (
    <Page title={en.titles.console}>
      <Tabs label={texts.tabsLabel} tabs={CHOICES} value={tab} onChange={(value) => change({ tab: value }, "push")}>
        <Shown />
      </Tabs>
    </Page>
  );
}
