// Which voices there are, and what is missing for the others.

import type { Provider, Voice } from "../../../gen/voicearena/tts/v1/tts_pb.js";
import { TtsService } from "../../../gen/voicearena/tts/v1/tts_service_pb.js";
import { apiKey } from "../../app/keys.ts";
import { useUrlState } from "../../app/url_state.ts";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { Measured } from "../../format/Measured.tsx";
import { ABSENT, count } from "../../format/number.ts";
import { Command } from "../../parts/Copy.tsx";
import { Empty } from "../../parts/Empty.tsx";
import { List } from "../../parts/List.tsx";
import { Loaded } from "../../parts/Loaded.tsx";
import { NeedsKey } from "../../parts/NeedsKey.tsx";
import { Section } from "../../parts/Page.tsx";
import { Select } from "../../parts/Select.tsx";
import { type Column, Table } from "../../parts/Table.tsx";
import { call } from "../../rpc/client.ts";
import { usePages } from "../../rpc/pages.ts";
import { useQuery } from "../../rpc/query.ts";
import { texts } from "../../strings/console.ts";
import { voiceName } from "../../words/voice.ts";
import { settingsOf } from "./settings_of.ts";
import "./console.css";

const { voices } = texts;
const DEFAULTS = { tab: "account", provider: "" };

const PROVIDER_COLUMNS: Column<Provider>[] = [
  { id: "name", heading: voices.provider, cell: (provider) => provider.displayName },
  {
    id: "state",
    heading: voices.state,
    cell: (provider) => (provider.available ? voices.available : voices.unavailable),
  },
  { id: "where", heading: voices.where, cell: (provider) => (provider.local ? voices.local : voices.remote) },
  { id: "streaming", heading: voices.streaming, cell: (provider) => (provider.streaming ? voices.yes : voices.no) },
  { id: "parameters", heading: voices.parameters, cell: (provider) => provider.parameters.join(", ") },
  { id: "text", heading: voices.text, numeric: true, cell: (provider) => count(provider.maxTextCharacters) },
  { id: "concurrency", heading: voices.atATime, numeric: true, cell: (provider) => count(provider.maxConcurrency) },
];

const VOICE_COLUMNS: Column<Voice>[] = [
  { id: "name", heading: voices.voice, cell: (voice) => <bdi>{voice.displayName || voice.voiceId}</bdi> },
  {
    id: "id",
    heading: voices.id,
    cell: (voice) => (
      <code>
        {voice.provider}:{voice.voiceId}
      </code>
    ),
  },
  { id: "languages", heading: voices.languages, cell: (voice) => voice.languages.join(", ") || voices.unknown },
  {
    id: "model",
    heading: voices.model,
    cell: (voice) => <Measured text={voice.modelId || ABSENT} reason={voices.noModel} />,
  },
  { id: "rate", heading: voices.rate, numeric: true, cell: (voice) => `${count(voice.sampleRateHz)} Hz` },
];

export function Providers() {
  return apiKey.value ? <Available /> : <NeedsKey />;
}

function Available() {
  const [state, change] = useUrlState(DEFAULTS);
  const providers = useQuery((signal) => call(TtsService.method.listProviders, {}, { signal }), []);
  const list = usePages(
    async (pageToken, signal) => {
      const request = { provider: state.provider, pageToken, pageSize: 50 };
      const page = await call(TtsService.method.listVoices, request, { signal });
      return { rows: page.voices, nextPageToken: page.nextPageToken };
    },
    [state.provider],
  );
  const isFirstLoad = !providers.value && providers.loading;
  const available = providers.value?.providers.filter((provider) => provider.available) ?? [];
  return (
    <>
      <Section title={voices.providers} actions={<CopyAs method={TtsService.method.listProviders} request={{}} />}>
        <Loaded query={providers}>
          {(found) => (
            <>
              <Table
                caption={voices.providersCaption}
                columns={PROVIDER_COLUMNS}
                rows={found.providers}
                rowKey={(provider) => provider.id}
                rowClass={(provider) => (provider.available ? undefined : "muted")}
              />
              <Missing providers={found.providers.filter((provider) => !provider.available)} />
            </>
          )}
        </Loaded>
      </Section>
      {/* After the list above it, whose length is not known before. */}
      {!isFirstLoad && (
        <Section
          title={voices.voices}
          actions={
            <>
              <Select
                label={voices.provider}
                value={state.provider}
                choices={[
                  { value: "", label: voices.all },
                  ...available.map((provider) => ({ value: provider.id, label: provider.displayName })),
                ]}
                onChange={(provider) => change({ provider })}
              />
              <CopyAs
                method={TtsService.method.listVoices}
                request={{ provider: state.provider, pageSize: 50 }}
                cli={state.provider ? ["voices", "--provider", state.provider] : ["voices"]}
              />
            </>
          }
        >
          <List pages={list} empty={<Empty title={voices.empty} text={voices.emptyText} command="arena doctor" />}>
            {(rows) => <Table caption={voices.voicesCaption} columns={VOICE_COLUMNS} rows={rows} rowKey={voiceName} />}
          </List>
        </Section>
      )}
    </>
  );
}

function Missing({ providers }: { providers: Provider[] }) {
  if (providers.length === 0) {
    return null;
  }
  return (
    <>
      <h3>{voices.missing}</h3>
      <p>{voices.missingLead}</p>
      <dl class="facts">
        {providers.map((provider) => {
          const reason = provider.unavailableReason ?? "";
          const [setting] = settingsOf(reason);
          return [
            <dt key={`${provider.id}-name`}>{provider.displayName}</dt>,
            <dd key={`${provider.id}-reason`}>
              {reason}
              {setting && <Command text={`echo '${setting}=...' >> .env`} />}
            </dd>,
          ];
        })}
      </dl>
    </>
  );
}
