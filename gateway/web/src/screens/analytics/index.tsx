import { useMemo } from "preact/hooks";
import {
  AnalyticsService,
  type GetCorrelationsResponse,
  type GetSummaryResponse,
} from "../../../gen/voicearena/elo/v1/analytics_service_pb.js";
import { useUrlState } from "../../app/url_state.ts";
import { Bars } from "../../charts/Bars.tsx";
import { Heat } from "../../charts/Heat.tsx";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { When } from "../../format/Measured.tsx";
import { count, decimal, percent, signed } from "../../format/number.ts";
import { Empty } from "../../parts/Empty.tsx";
import { Loaded } from "../../parts/Loaded.tsx";
import { Loading } from "../../parts/Loading.tsx";
import { Page, Section } from "../../parts/Page.tsx";
import { Select } from "../../parts/Select.tsx";
import { call } from "../../rpc/client.ts";
import { useQuery } from "../../rpc/query.ts";
import { analyticsTexts as text } from "../../strings/analytics.ts";
import { correlationTable } from "./correlations.ts";
import { PriceAgainstQuality } from "./PriceAgainstQuality.tsx";
import { SideEffect } from "./SideEffect.tsx";
import { Ties } from "./Ties.tsx";
import "./analytics.css";

const { getSummary, getCorrelations } = AnalyticsService.method;
const DAYS = ["7", "30", "90", "365"];
const DEFAULTS = { days: "30", quality: "rating" };

export default function Analytics() {
  const [state, change] = useUrlState(DEFAULTS);
  const days = DAYS.includes(state.days) ? state.days : DEFAULTS.days;
  const request = { days: Number(days) };
  const summary = useQuery((signal) => call(getSummary, request, { signal }), [days]);
  const correlations = useQuery((signal) => call(getCorrelations, {}, { signal }), []);
  return (
    <Page
      title={text.title}
      lead={text.lead}
      actions={
        <>
          <Select
            label={text.days}
            value={days}
            choices={DAYS.map((value) => ({ value, label: text.lastDays(value) }))}
            onChange={(value) => change({ days: value })}
          />
          <CopyAs method={getSummary} request={request} />
        </>
      }
    >
      <Loaded query={summary} loading={<Loading heightPx={900} />}>
        {(value) => (value.battles + value.votes === 0 ? <Nothing /> : <Summary value={value} />)}
      </Loaded>
      <Section title={text.correlations.title} actions={<CopyAs method={getCorrelations} request={{}} />}>
        <Loaded query={correlations} loading={<Loading heightPx={480} />}>
          {(value) => <Correlations value={value} />}
        </Loaded>
      </Section>
      <PriceAgainstQuality quality={state.quality} onQuality={(quality) => change({ quality })} />
    </Page>
  );
}

function Nothing() {
  return <Empty title={text.empty} text={text.emptyText} command={text.emptyCommand} />;
}

function Summary({ value }: { value: GetSummaryResponse }) {
  const totals: [string, string][] = [
    [text.totals.models, count(value.models)],
    [text.totals.scenarios, count(value.scenarios)],
    [text.totals.battles, count(value.battles)],
    [text.totals.voided, count(value.voidBattles)],
    [text.totals.votes, count(value.votes)],
    [text.totals.voters, count(value.voters)],
    [text.totals.excluded, percent(value.exclusionRate, 1)],
    [text.totals.metricVotes, count(value.metricVotes)],
  ];
  return (
    <>
      <Section title={text.totals.title}>
        <dl class="analytics-totals">
          {totals.map(([name, amount]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{amount}</dd>
            </div>
          ))}
        </dl>
        <p class="analytics-note">
          {text.computed} <When at={value.computedAt} />
        </p>
      </Section>
      <Section title={text.activity.title}>
        <Bars
          title={text.activity.description}
          description={text.activity.description}
          series={text.activity.series}
          days={value.days.map((day) => ({ date: day.date, amounts: [day.battles, day.votes, day.voters] }))}
        />
      </Section>
      <div class="analytics-pair">
        <SideEffect value={value.slotEffect} />
        <Ties ties={value.scenarioTies} />
      </div>
    </>
  );
}

function Correlations({ value }: { value: GetCorrelationsResponse }) {
  const table = useMemo(() => correlationTable(value.correlations), [value]);
  const label = (name: string) => text.metrics[name] ?? name;
  if (table.names.length === 0) {
    return <Empty title={text.correlations.empty} text={text.emptyText} />;
  }
  return (
    <Heat
      title={text.correlations.chart}
      description={text.correlations.description}
      rows={table.names.map(label)}
      columns={table.names.map(label)}
      domain={[-1, 1]}
      ends={text.correlations.ends}
      write={(rho) => signed(rho, 2)}
      cell={(row, column) => {
        const [one, other] = [table.names[row] ?? "", table.names[column] ?? ""];
        const found = one === other ? undefined : table.of(one, other);
        if (!found) {
          return null;
        }
        const names = [label(one), label(other)] as const;
        return {
          value: found.rho ?? null,
          n: found.n,
          about:
            found.rho === undefined
              ? text.correlations.unknown(...names, count(found.n))
              : text.correlations.about(...names, decimal(found.rho), count(found.n)),
        };
      }}
    />
  );
}
