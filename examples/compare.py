"""Compares two voices over gRPC, with the stubs that `make gen` writes.

python examples/compare.py localhost:8080 KEY
"""

import sys

import grpc
from voicearena.experiments.v1 import experiment_pb2, experiment_service_pb2, experiment_service_pb2_grpc, results_pb2


def main(address: str, key: str) -> None:
    """Creates, runs and follows an experiment, then prints its ranking."""
    authorization = (("authorization", f"Bearer {key}"),)
    with grpc.insecure_channel(address) as channel:
        experiments = experiment_service_pb2_grpc.ExperimentServiceStub(channel)
        experiment = experiments.CreateExperiment(
            experiment_service_pb2.CreateExperimentRequest(
                name="From Python",
                scenario="customer_support",
                eval_mode=experiment_pb2.Experiment.automated,
                models=[
                    experiment_pb2.ModelSpec(provider="espeak", voice_id="en-us"),
                    experiment_pb2.ModelSpec(provider="espeak", voice_id="en-gb"),
                ],
                prompts=["Hello, how can I help you today?", "Your parcel will arrive on Monday."],
            ),
            metadata=authorization,
            timeout=10,
        )
        experiments.RunExperiment(
            experiment_service_pb2.RunExperimentRequest(id=experiment.id), metadata=authorization, timeout=10
        )
        watch = experiment_service_pb2.WatchExperimentRequest(id=experiment.id)
        shown = ""
        for seen in experiments.WatchExperiment(watch, metadata=authorization, timeout=60):
            progress = f"{seen.experiment.completed_trials} of {seen.experiment.total_trials} trials"
            if seen.HasField("experiment") and progress != shown:
                print(progress)
                shown = progress
        results = experiments.GetResults(
            experiment_service_pb2.GetResultsRequest(id=experiment.id), metadata=authorization, timeout=10
        )
    for ranking in results.rankings:
        print(f"{ranking.rank}. {ranking.provider}:{ranking.voice_id} {ranking.composite_score:.3f}")
    print(f"confidence: {results_pb2.Results.Level.Name(results.confidence)}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python examples/compare.py localhost:8080 KEY")
    try:
        main(sys.argv[1], sys.argv[2])
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
