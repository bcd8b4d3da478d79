import { type Experiment, Experiment_EvalMode } from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import { ExperimentService } from "../../../gen/voicearena/experiments/v1/experiment_service_pb.js";
import type { Results } from "../../../gen/voicearena/experiments/v1/results_pb.js";
import { DotInterval } from "../../charts/DotInterval.tsx";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { When } from "../../format/Measured.tsx";
import { count, decimal, percent } from "../../format/number.ts";
import { Button } from "../../parts/Button.tsx";
import { Failure } from "../../parts/Failure.tsx";
import { Loaded } from "../../parts/Loaded.tsx";
import { Loading } from "../../parts/Loading.tsx";
import { Section } from "../../parts/Page.tsx";
import { announce } from "../../parts/Status.tsx";
import { useAction } from "../../rpc/action.ts";
import { call } from "../../rpc/client.ts";
import { useQuery } from "../../rpc/query.ts";
import { experiments } from "../../strings/experiments.ts";
import { voiceName } from "../../words/voice.ts";
import { HeadToHead } from "./HeadToHead.tsx";
import { Components, Ranking } from "./Ranking.tsx";
import { reasonSentences, verdictSentence, voteSentences } from "./sentences.ts";

const text = experiments.verdict;
const { method } = ExperimentService;
// So that almost equal scores do not look far apart.
const MIN_SCORE_AXIS = 0.2;

/** The verdict of a completed experiment and its evidence. `ends` changes when the experiment ends again. */
export function Verdict({ experiment, ends }: { experiment: Experiment; ends: number }) {
  const { id } = experiment;
  const query = useQuery((signal) => call(method.getResults, { id }, { signal }), [id, ends]);
  const again = useAction(async () => {
    query.set(await call(method.getResults, { id, recompute: true }));
    announce(text.recomputed);
  });
  const byPeople = experiment.evalMode === Experiment_EvalMode.human;
  return (
    <Loaded query={query} loading={<Loading lines={14} />}>
      {(results) => (
        <>
          <div class="verdict">
            <p class="verdict-sentence">
              <bdi>{verdictSentence(results)}</bdi>
            </p>
            <ul>
              {reasonSentences(results).map((sentence) => (
                <li key={sentence}>{sentence}</li>
              ))}
            </ul>
            <p class="verdict-foot">
              <span>
                {text.computed} <When at={results.computedAt} />, {text.method} {results.methodVersion}
              </span>
              <Button kind="quiet" busy={again.busy} onClick={() => again.run()}>
                {text.recompute}
              </Button>
              <CopyAs method={method.getResults} request={{ id }} cli={["experiment", "results", id]} />
            </p>
            {again.error && <Failure error={again.error} />}
          </div>
          {results.rankings.length > 0 && (
            <>
              <div class="verdict-figures">
                <Scores results={results} byPeople={byPeople} />
                <HeadToHead results={results} byPeople={byPeople} />
              </div>
              <Section title={text.ranking}>
                <Ranking results={results} />
              </Section>
              {!byPeople && <Components results={results} />}
            </>
          )}
          {results.votes && <Votes results={results} />}
        </>
      )}
    </Loaded>
  );
}

function Scores({ results, byPeople }: { results: Results; byPeople: boolean }) {
  const rows = results.rankings.flatMap((each) => {
    const value = byPeople ? each.preferenceShare : each.compositeScore;
    const interval = byPeople ? {} : { low: each.scoreLow, high: each.scoreHigh };
    return value === undefined ? [] : [{ name: voiceName(each), value, ...interval }];
  });
  return rows.length === 0 ? null : (
    <DotInterval
      title={byPeople ? text.shares : text.scores}
      description={byPeople ? text.sharesAbout : text.scoresAbout}
      rows={rows}
      sorted={false}
      smallest={MIN_SCORE_AXIS}
      write={byPeople ? (value) => percent(value) : (value) => decimal(value, 3)}
    />
  );
}

function Votes({ results }: { results: Results }) {
  const { votes } = results;
  return votes === undefined ? null : (
    <Section title={text.votes}>
      <p>{voteSentences(votes).join(" ")}</p>
      {votes.excluded > 0 && (
        <>
          <p>{text.excluded(votes.excluded)}</p>
          <ul>
            {votes.exclusions.map((each) => (
              <li key={each.reason}>
                {count(each.votes)} {each.description}
              </li>
            ))}
          </ul>
        </>
      )}
    </Section>
  );
}
