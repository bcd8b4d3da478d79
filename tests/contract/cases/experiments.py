"""Running, reading and watching experiments."""

import re

from tests.contract.cases.auth import MOMENT
from tests.contract.cases.case import Case, Fails, Given, Ok
from tests.contract.cases.planning import LISTENED_PROMPT, PLANNED, PROMPT
from tests.contract.matching import ABSENT

RUN = "ExperimentService.RunExperiment"
CANCEL = "ExperimentService.CancelExperiment"
GET = "ExperimentService.GetExperiment"
LIST = "ExperimentService.ListExperiments"
RESULTS = "ExperimentService.GetResults"
TRIALS = "ExperimentService.ListTrials"
WATCH = "ExperimentService.WatchExperiment"
OF_ONE = (RUN, CANCEL, GET, RESULTS, TRIALS, WATCH)


def is_share(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def is_error_rate(value: object) -> bool:
    """Words that were inserted can take a word error rate above 1."""
    return isinstance(value, int | float) and value >= 0


def is_positive(value: object) -> bool:
    return isinstance(value, int | float) and value > 0


def is_opinion(value: object) -> bool:
    return isinstance(value, int | float) and 1 <= value <= 5


COMPLETED = {
    **PLANNED,
    "id": Given("completed_experiment"),
    "status": "completed",
    "completed_trials": 2,
    "started_at": MOMENT,
    "ended_at": MOMENT,
}
TRIAL = {
    "id": re.compile(r"trl_[0-9a-f]{32}"),
    "experiment_id": Given("completed_experiment"),
    "prompt_index": 0,
    "prompt_text": PROMPT,
    "provider": "espeak",
    "voice_id": "en-us",
    "model_id": "",
    "status": "completed",
    "audio_url": re.compile(r"http://.+/api/v1/audio/trl_[0-9a-f]{32}\.wav\?expires=\d+&signature=[0-9a-f]{32}"),
    "duration_seconds": is_positive,
    "ttfb_ms": is_positive,
    "generation_time_ms": is_positive,
    "silence_ratio": is_share,
    "error_message": "",
    "created_at": MOMENT,
    "ended_at": MOMENT,
    "attempts": 1,
    "ttfa_ms": is_positive,
    "real_time_factor": is_positive,
    # The speech comes from a running worker process, so there is no connection time and no region.
    "connect_ms": ABSENT,
    "region": ABSENT,
    "transport": "pipe",
    "sample_rate_hz": 22050,
    "peak": is_share,
    "clipping_ratio": is_share,
    "loudness_lufs": lambda value: -70 < value < 0,
}
LISTENED_TRIAL = {
    "id": re.compile(r"trl_[0-9a-f]{32}"),
    "prompt_text": LISTENED_PROMPT,
    "voice_id": "en-us",
    "status": "completed",
    "naturalness_mos": ABSENT,
    "word_error_rate": is_error_rate,
    "hard_word_accuracy": is_share,
    "speech_failures": lambda count: isinstance(count, int) and count >= 0,
    "semascore": ABSENT,
    "prosody_score": is_share,
    "signal_quality_mos": is_opinion,
    "transcript": re.compile(".+"),
    "words": {
        "word_error_rate": is_error_rate,
        "alignment": lambda spans: "".join(word for span in spans for word in span["reference"]) == "callusat5550123",
        "hard_words": [{"kind": "phone", "text": "555-0123"}],
        "failures": lambda failures: all(one["kind"] and one["words"] for one in failures),
    },
    "listening_backends": {
        "transcript": re.compile("moonshine.+"),
        "word_error_rate": re.compile("voicearena-words/.+"),
        "signal_quality_mos": re.compile("dnsmos.+"),
    },
}
MEASURED = (
    "audio_url",
    "duration_seconds",
    "ttfb_ms",
    "generation_time_ms",
    "silence_ratio",
    "ttfa_ms",
    "leading_silence_ms",
    "trailing_silence_ms",
    "real_time_factor",
    "connect_ms",
    "connection_reused",
    "transport",
    "sample_rate_hz",
    "region",
    "peak",
    "clipping_ratio",
    "loudness_lufs",
    "dc_offset",
)
RUNNING = [
    Case(
        "an experiment runs",
        RUN,
        {"id": Given("new_experiment")},
        Ok({"id": Given("new_experiment"), "status": "running", "started_at": MOMENT}),
    ),
    Case(
        "an experiment that has run can't run again",
        RUN,
        {"id": Given("completed_experiment")},
        Fails("WRONG_STATE", metadata={"status": "completed"}, says="created"),
    ),
    Case(
        "a cancelled experiment can't run",
        RUN,
        {"id": Given("cancelled_experiment")},
        Fails("WRONG_STATE", metadata={"status": "cancelled"}),
    ),
    Case(
        "an experiment is cancelled",
        CANCEL,
        {"id": Given("new_experiment")},
        Ok({"status": "cancelled", "ended_at": MOMENT}),
    ),
    Case(
        "cancelling an experiment again changes nothing",
        CANCEL,
        {"id": Given("cancelled_experiment")},
        Ok({"id": Given("cancelled_experiment"), "status": "cancelled"}),
    ),
    Case(
        "a completed experiment can't be cancelled",
        CANCEL,
        {"id": Given("completed_experiment")},
        Fails("WRONG_STATE", metadata={"status": "completed"}),
    ),
]
READING = [
    Case("an experiment is read", GET, {"id": Given("completed_experiment")}, Ok(COMPLETED)),
    Case(
        "experiments are listed by status and scenario",
        LIST,
        {"status": "cancelled", "scenario": "general", "page_size": 1},
        Ok({"experiments": [{"status": "cancelled", "scenario": "general"}]}),
    ),
    Case(
        "experiments are listed in pages",
        LIST,
        {"page_size": 1},
        Ok({"experiments": [{"developer_id": Given("developer_id")}], "next_page_token": re.compile(r"[\w-]+")}),
    ),
    Case(
        "a developer without experiments sees none",
        LIST,
        {"scenario": "adversarial"},
        Ok({"experiments": [], "next_page_token": ""}),
        caller="somebody_else",
    ),
    Case(
        "an unknown scenario filter is refused",
        LIST,
        {"scenario": "karaoke"},
        Fails("INVALID_INPUT", fields=("scenario",), says="customer_support"),
    ),
    Case(
        "an unknown status filter is refused",
        LIST,
        {"status": 99},
        Fails("INVALID_INPUT", fields=("status",), says="created, running", json_reason="MALFORMED_REQUEST"),
    ),
    Case("a negative page_size is refused", LIST, {"page_size": -1}, Fails("INVALID_INPUT", fields=("page_size",))),
    Case(
        "a page token that was changed is refused",
        LIST,
        {"page_token": Given("tampered_page_token")},
        Fails("INVALID_INPUT", fields=("page_token",), says="next_page_token"),
    ),
    Case(
        "a malformed page token is refused", LIST, {"page_token": "%%%"}, Fails("INVALID_INPUT", fields=("page_token",))
    ),
    Case(
        "a very long page token is refused",
        LIST,
        {"page_token": "x" * 20_000},
        Fails("INVALID_INPUT", fields=("page_token",)),
    ),
    Case(
        "a page token with another filter is refused",
        LIST,
        {"page_token": Given("experiments_page_token"), "status": "created"},
        Fails("INVALID_INPUT", fields=("page_token",), says="same filters"),
    ),
    Case(
        "another developer's page token is refused",
        LIST,
        {"page_token": Given("experiments_page_token")},
        Fails("INVALID_INPUT", fields=("page_token",)),
        caller="somebody_else",
    ),
    Case(
        "the results of a completed experiment are read",
        RESULTS,
        {"id": Given("completed_experiment")},
        Ok(
            {
                "experiment_id": Given("completed_experiment"),
                "rankings": lambda rankings: (
                    {each["voice_id"] for each in rankings} == {"en-us", "en-gb"}
                    and all(each["trials_completed"] == 1 and is_share(each["composite_score"]) for each in rankings)
                ),
                "head_to_head": [
                    {
                        "model_a": "espeak:en-us",
                        "model_b": "espeak:en-gb",
                        "pairs": 1,
                        "p_value": 1,
                        # One pair allows no interval.
                        "effect_low": ABSENT,
                        "effect_high": ABSENT,
                    }
                ],
                "winner": ABSENT,
                "confidence": "inconclusive",
                "leader": re.compile(r"espeak:en-(us|gb)"),
                "reasons": lambda reasons: len(reasons) > 0,
                "minimum_detectable_effect": ABSENT,
                "computed_at": MOMENT,
            }
        ),
    ),
    Case(
        "an experiment that has not ended has no results",
        RESULTS,
        {"id": Given("created_experiment")},
        Fails("WRONG_STATE", metadata={"status": "created"}, says="completed"),
    ),
    Case(
        "trials are sorted by prompt and model",
        TRIALS,
        {"id": Given("completed_experiment")},
        Ok({"trials": [TRIAL, {**TRIAL, "voice_id": "en-gb"}], "next_page_token": ""}),
    ),
    Case(
        "a trial that models listened to has its values, the aligned words and the backends",
        TRIALS,
        {"id": Given("listened_experiment")},
        Ok({"trials": [LISTENED_TRIAL, {**LISTENED_TRIAL, "voice_id": "en-gb"}]}),
    ),
    Case(
        "a trial that failed has no measurements and says why",
        TRIALS,
        {"id": Given("experiment_with_a_failure")},
        Ok(
            {
                "trials": [
                    {"status": "completed", "sample_rate_hz": 24000, "transport": "http/1.1", "error_message": ""},
                    {
                        "status": "failed",
                        "error_message": re.compile("bad_audio: .+"),
                        **dict.fromkeys(MEASURED, ABSENT),
                    },
                ]
            }
        ),
    ),
    Case(
        "a model without a completed trial has no averages",
        RESULTS,
        {"id": Given("experiment_with_a_failure")},
        Ok({"winner": ABSENT, "confidence": "inconclusive", "p_winner": ABSENT, "minimum_detectable_effect": ABSENT}),
    ),
    Case(
        "trials are listed in pages",
        TRIALS,
        {"id": Given("completed_experiment"), "page_size": 1, "page_token": Given("trials_page_token")},
        Ok({"trials": [{"voice_id": "en-gb"}], "next_page_token": ""}),
    ),
    Case(
        "an experiment that has not run has no trials",
        TRIALS,
        {"id": Given("created_experiment")},
        Ok({"trials": [], "next_page_token": ""}),
    ),
    Case(
        "a page token of another experiment's trials is refused",
        TRIALS,
        {"id": Given("created_experiment"), "page_token": Given("trials_page_token")},
        Fails("INVALID_INPUT", fields=("page_token",)),
    ),
    Case(
        "a stream ends with the terminal state",
        WATCH,
        {"id": Given("completed_experiment")},
        Ok({"kind": "end", "experiment": COMPLETED, "trial": ABSENT}),
    ),
    *(
        Case(f"{rpc.partition('.')[2]} of {what} is not found", rpc, {"id": id_}, Fails("NOT_FOUND"))
        for rpc in OF_ONE
        for what, id_ in {
            "another developer's experiment": Given("experiment_of_somebody_else"),
            "an unknown experiment": "exp_" + "0" * 32,
        }.items()
    ),
    *(
        Case(
            f"{rpc.partition('.')[2]} with a malformed id is refused",
            rpc,
            {"id": "not-an-id"},
            Fails("INVALID_INPUT", fields=("id",), says="exp_ and 32 hexadecimal digits"),
        )
        for rpc in OF_ONE
    ),
]
CASES = [*RUNNING, *READING]
