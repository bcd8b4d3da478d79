import type { ComponentChildren } from "preact";
import type { Experiment, ModelSpec } from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import { count, percent } from "../../format/number.ts";
import { Copy } from "../../parts/Copy.tsx";
import { Section } from "../../parts/Page.tsx";
import { experiments } from "../../strings/experiments.ts";
import { voiceName } from "../../words/voice.ts";
import { judgesName, metricName, scenarioName } from "./names.ts";

const text = experiments.setup;

/** What was compared, and how: everything that is fixed when the experiment is created. */
export function Setup({ experiment }: { experiment: Experiment }) {
  const { composite } = experiment;
  const facts: [string, ComponentChildren][] = [
    [
      text.id,
      <>
        <code>{experiment.id}</code> <Copy text={experiment.id} />
      </>,
    ],
    [text.judges, judgesName(experiment.evalMode)],
    [text.scenario, scenarioName(experiment.scenario)],
    [text.repeats, count(experiment.repeats)],
    [text.seed, String(experiment.seed)],
    [text.metric, metricName(experiment.primaryMetric)],
    [text.retention, text.retentionDays(experiment.audioRetentionDays)],
  ];
  if (experiment.webhookUrl !== "") {
    facts.push([text.webhook, <bdi>{experiment.webhookUrl}</bdi>]);
  }
  return (
    <div class="setup">
      <Section title={text.voices}>
        <ul>
          {experiment.models.map((model) => (
            <li key={voiceName(model)}>
              <bdi>{voiceName(model)}</bdi>
              <span class="muted">{parametersOf(model)}</span>
            </li>
          ))}
        </ul>
      </Section>
      <Section title={text.texts}>
        <ol>
          {experiment.prompts.map((prompt, index) => (
            <li key={index} dir="auto">
              {prompt}
            </li>
          ))}
        </ol>
      </Section>
      <Section title={text.weights}>
        <p>
          {composite?.name}, {composite?.version}
        </p>
        <ul>
          {composite?.weights.map(({ metric, weight }) => (
            <li key={metric}>
              {metric.replaceAll("_", " ")}: {percent(weight, 1)}
            </li>
          ))}
        </ul>
      </Section>
      <Section title={text.facts}>
        <dl class="facts">
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </Section>
    </div>
  );
}

function parametersOf({ modelId, parameters }: ModelSpec): string {
  const { speed, language, seed } = parameters ?? {};
  const set = { speed, language, seed };
  const written = Object.entries(set).flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`]));
  const all = [...(modelId === "" ? [] : [modelId]), ...written];
  return all.length === 0 ? "" : ` (${all.join(", ")})`;
}
