// Compares two voices over gRPC-Web, with the stubs that `make gen-ts` writes. The same code runs in a browser.
//
//   node examples/compare.ts http://localhost:8080 KEY

import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { Experiment_EvalMode } from "../gen/voicearena/experiments/v1/experiment_pb.js";
import { ExperimentService } from "../gen/voicearena/experiments/v1/experiment_service_pb.js";
import { Results_Level } from "../gen/voicearena/experiments/v1/results_pb.js";

const [url = "http://localhost:8080", key = ""] = process.argv.slice(2);
const transport = createGrpcWebTransport({
  baseUrl: url,
  interceptors: [
    (next) => (request) => {
      request.header.set("Authorization", `Bearer ${key}`);
      return next(request);
    },
  ],
});
const experiments = createClient(ExperimentService, transport);

try {
  const experiment = await experiments.createExperiment({
    name: "From TypeScript",
    scenario: "customer_support",
    evalMode: Experiment_EvalMode.automated,
    models: [
      { provider: "espeak", voiceId: "en-us" },
      { provider: "espeak", voiceId: "en-gb" },
    ],
    prompts: ["Hello, how can I help you today?", "Your parcel will arrive on Monday."],
  });
  await experiments.runExperiment({ id: experiment.id });
  let shown = "";
  for await (const seen of experiments.watchExperiment({ id: experiment.id }, { timeoutMs: 60_000 })) {
    const progress = `${seen.experiment?.completedTrials} of ${seen.experiment?.totalTrials} trials`;
    if (seen.experiment && progress !== shown) {
      console.log(progress);
      shown = progress;
    }
  }
  const results = await experiments.getResults({ id: experiment.id });
  for (const ranking of results.rankings) {
    console.log(`${ranking.rank}. ${ranking.provider}:${ranking.voiceId} ${ranking.compositeScore.toFixed(3)}`);
  }
  console.log(`confidence: ${Results_Level[results.confidence]}`);
} catch (error) {
  const failure = ConnectError.from(error);
  console.error(`${Code[failure.code]}: ${failure.rawMessage}`);
  process.exitCode = 1;
}
