import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { AuthService } from "../../../gen/voicearena/auth/v1/auth_service_pb.js";
import { type Battle, Battle_VoteSource, Battle_Winner } from "../../../gen/voicearena/elo/v1/battle_pb.js";
import { EloService } from "../../../gen/voicearena/elo/v1/elo_service_pb.js";
import type { Scenario } from "../../../gen/voicearena/elo/v1/scenario_pb.js";
import { ScenarioService } from "../../../gen/voicearena/elo/v1/scenario_service_pb.js";
import { apiKey } from "../../app/keys.ts";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { Measured, When } from "../../format/Measured.tsx";
import { count, percent } from "../../format/number.ts";
import { Button } from "../../parts/Button.tsx";
import { Confirm } from "../../parts/Confirm.tsx";
import { Copy } from "../../parts/Copy.tsx";
import { Empty } from "../../parts/Empty.tsx";
import { Loaded } from "../../parts/Loaded.tsx";
import { Loading } from "../../parts/Loading.tsx";
import { Page, Section } from "../../parts/Page.tsx";
import { announce } from "../../parts/Status.tsx";
import { type Column, Table } from "../../parts/Table.tsx";
import { useAction } from "../../rpc/action.ts";
import { call } from "../../rpc/client.ts";
import { useQuery } from "../../rpc/query.ts";
import { categoryName, languageName } from "../../scenario_choice/choices.ts";
import { scenarioStrings as text } from "../../strings/scenarios.ts";
import { Form } from "./Form.tsx";
import { difficultyLabel, States } from "./List.tsx";

interface OneProps {
  id: string;
  isEdited: boolean;
  open: (id: string, view?: string) => void;
}

/** A scenario with its latest battles. */
export function One({ id, isEdited, open }: OneProps) {
  const query = useQuery((signal) => call(ScenarioService.method.getScenario, { id }, { signal }), [id]);
  const me = useQuery(
    async (signal) => (apiKey.peek() ? (await call(AuthService.method.getCurrentDeveloper, {}, { signal })).id : ""),
    [],
  );
  const asks = useSignal(false);
  const archive = useAction(async () => {
    const archived = await call(ScenarioService.method.archiveScenario, { id });
    announce(text.isArchived(archived.name));
    query.reload();
  });
  const scenario = query.value?.scenario;
  const isMine = scenario !== undefined && scenario.developerId !== "" && scenario.developerId === me.value;
  // All actions come at once, so that none moves.
  const isReady = query.error !== undefined || (scenario !== undefined && !me.loading);
  if (isEdited && scenario && isMine) {
    return (
      <Form
        scenario={scenario}
        onDone={() => {
          query.reload();
          open(id);
        }}
        onCancel={() => open(id)}
      />
    );
  }
  return (
    <Page
      title={scenario?.name ?? text.title}
      lead={scenario && <States scenario={scenario} isMine={isMine} />}
      actions={
        isReady && (
          <>
            <Button onClick={() => open("")}>{text.back}</Button>
            <CopyAs method={ScenarioService.method.getScenario} request={{ id }} cli={["scenario", "show", id]} />
            {isMine && <Button onClick={() => open(id, "edit")}>{text.edit}</Button>}
            {isMine && !scenario.archived && (
              <Button
                kind="danger"
                onClick={() => {
                  asks.value = true;
                }}
              >
                {text.archive}
              </Button>
            )}
          </>
        )
      }
    >
      <Loaded query={query} loading={<Loading lines={16} />}>
        {(found) =>
          found.scenario && (
            <>
              <Text scenario={found.scenario} />
              <Facts scenario={found.scenario} by={byOf(found.scenario, isMine)} />
              <Section title={text.history}>
                <History id={id} battles={found.battles} />
              </Section>
            </>
          )
        }
      </Loaded>
      {asks.value && scenario && (
        <Confirm
          title={text.archiveTitle(scenario.name)}
          text={text.archiveText}
          verb={text.archive}
          action={archive}
          onClose={() => {
            asks.value = false;
          }}
        />
      )}
    </Page>
  );
}

function byOf(scenario: Scenario, isMine: boolean): string {
  if (scenario.developerId === "") {
    return text.by.installation;
  }
  return isMine ? text.by.you : text.by.other;
}

function Text({ scenario }: { scenario: Scenario }) {
  return (
    <div class="scenario-text">
      {scenario.awaitsApproval && <p class="scenario-note">{text.awaitsText}</p>}
      {scenario.archived && <p class="scenario-note">{text.archivedText}</p>}
      <h2>{text.text}</h2>
      <blockquote dir="auto" lang={scenario.language}>
        {scenario.groundTruthTranscript}
      </blockquote>
      <p>
        <Copy text={scenario.groundTruthTranscript} />
      </p>
      {scenario.description !== "" && (
        <>
          <h2>{text.situation}</h2>
          <p dir="auto">{scenario.description}</p>
        </>
      )}
    </div>
  );
}

function Facts({ scenario, by }: { scenario: Scenario; by: string }) {
  const { facts } = text;
  const shown: [string, ComponentChildren][] = [
    [facts.category, categoryName(scenario.category)],
    [facts.language, languageName(scenario.language)],
    [facts.difficulty, difficultyLabel(scenario)],
    [facts.battles, count(scenario.totalBattles)],
    [facts.votes, count(scenario.totalVotes)],
    [facts.ties, <Measured key="ties" text={percent(scenario.tieShare)} reason={text.noVotes} />],
    [facts.created, <When key="created" at={scenario.createdAt} />],
    [facts.by, by],
    [facts.id, <code key="id">{scenario.id}</code>],
  ];
  return (
    <>
      <dl class="scenario-facts">
        {shown.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {scenario.tieShare !== undefined && scenario.tieShare > 0.5 && <p class="scenario-note">{text.tiesHint}</p>}
    </>
  );
}

function History({ id, battles }: { id: string; battles: readonly Battle[] }) {
  const ids = [...new Set(battles.flatMap((battle) => [battle.modelAId, battle.modelBId]))].filter((one) => one !== "");
  const names = useQuery((signal) => modelNames(ids, signal), [ids.join()]);
  if (battles.length === 0) {
    return <Empty title={text.noBattles} text={text.noBattlesText} command={text.battleCommand(id)} />;
  }
  return (
    <Table
      caption={text.historyCaption}
      columns={historyColumns(names.value ?? new Map())}
      rows={battles}
      rowKey={(battle) => battle.id}
    />
  );
}

/** Returns the names of models. Those that the caller can't see have none. */
async function modelNames(ids: readonly string[], signal: AbortSignal): Promise<Map<string, string>> {
  const found = await Promise.allSettled(ids.map((id) => call(EloService.method.getVoiceModel, { id }, { signal })));
  return new Map(found.flatMap((one) => (one.status === "fulfilled" ? [[one.value.id, one.value.name] as const] : [])));
}

function historyColumns(names: ReadonlyMap<string, string>): Column<Battle>[] {
  const { battleColumns } = text;
  const side = (modelId: string, won: boolean) => (
    <span class={won ? "scenario-won" : undefined}>
      {names.has(modelId) ? (
        <a href={`/models/${modelId}`} dir="auto">
          {names.get(modelId)}
        </a>
      ) : (
        text.aModelOfItsOwner
      )}
    </span>
  );
  return [
    { id: "when", heading: battleColumns.when, cell: (battle) => <When at={battle.decidedAt} /> },
    {
      id: "a",
      heading: battleColumns.a,
      cell: (battle) => side(battle.modelAId, battle.winner === Battle_Winner.a),
    },
    {
      id: "b",
      heading: battleColumns.b,
      cell: (battle) => side(battle.modelBId, battle.winner === Battle_Winner.b),
    },
    {
      id: "result",
      heading: battleColumns.result,
      cell: (battle) => text.winners[Battle_Winner[battle.winner ?? 0] ?? ""] ?? "–",
    },
    {
      id: "votes",
      heading: battleColumns.votes,
      numeric: true,
      cell: (battle) =>
        [battle.votesA, battle.votesB, battle.votesTie, battle.votesBothBad].map((votes) => count(votes)).join(" · "),
    },
    {
      id: "by",
      heading: battleColumns.by,
      cell: (battle) => text.sources[Battle_VoteSource[battle.voteSource ?? 0] ?? ""] ?? "–",
    },
  ];
}
