import { EvaluationService } from "../../../gen/voicearena/scoring/v1/evaluation_service_pb.js";
import { type Evaluation, Evaluation_Status as Status } from "../../../gen/voicearena/scoring/v1/scoring_pb.js";
import { seconds } from "../../format/duration.ts";
import { Measured, When } from "../../format/Measured.tsx";
import { Empty } from "../../parts/Empty.tsx";
import { Loaded } from "../../parts/Loaded.tsx";
import { Loading } from "../../parts/Loading.tsx";
import { Section } from "../../parts/Page.tsx";
import { type Column, Table } from "../../parts/Table.tsx";
import { call } from "../../rpc/client.ts";
import { useQuery } from "../../rpc/query.ts";
import { evaluationStrings } from "../../strings/evaluation.ts";
import { playground } from "../../strings/playground.ts";

const text = playground.evaluate;
const SHOWN = 20;

const COLUMNS: Column<Evaluation>[] = [
  {
    id: "when",
    heading: text.latestColumns.when,
    cell: (one) => (
      <a href={`/evaluations/${one.id}`}>
        <When at={one.createdAt} />
      </a>
    ),
  },
  {
    id: "status",
    heading: text.latestColumns.status,
    cell: (one) => evaluationStrings.statuses[Status[one.status] ?? ""],
  },
  {
    id: "length",
    heading: text.latestColumns.length,
    numeric: true,
    cell: (one) => <Measured text={seconds(one.durationSeconds)} />,
  },
  { id: "language", heading: text.latestColumns.language, cell: (one) => one.language },
];

/** The caller's latest evaluations. */
export function Latest() {
  const query = useQuery(
    (signal) => call(EvaluationService.method.listEvaluations, { pageSize: SHOWN }, { signal }),
    [],
  );
  return (
    <Section title={text.latest}>
      <Loaded query={query} loading={<Loading lines={6} />}>
        {({ evaluations }) =>
          evaluations.length === 0 ? (
            <Empty title={text.noEvaluations} text={text.noEvaluationsText} command={text.noEvaluationsCommand} />
          ) : (
            <Table caption={text.latest} columns={COLUMNS} rows={evaluations} rowKey={(one) => one.id} />
          )
        }
      </Loaded>
    </Section>
  );
}
