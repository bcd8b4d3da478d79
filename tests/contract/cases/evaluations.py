"""Evaluations of recordings. Uploads have tests of their own."""

import re
from typing import Any

from tests.contract.cases.auth import MOMENT
from tests.contract.cases.case import REUSED, Case, Fails, Given, Ok
from tests.contract.cases.experiments import is_error_rate, is_opinion
from tests.contract.cases.planning import LISTENED_PROMPT
from tests.contract.cases.scenarios import TEXT as SCENARIO_TEXT
from tests.contract.cases.speech import EVALUATION
from tests.contract.matching import ABSENT

CREATE = "EvaluationService.CreateEvaluation"
LIST = "EvaluationService.ListEvaluations"
WATCH = "EvaluationService.WatchEvaluation"
RECORDING = "EvaluationService.GetEvaluationAudio"
PEAKS = "EvaluationService.GetEvaluationPeaks"
EXPORT = "EvaluationService.ExportEvaluation"
RETRY = "EvaluationService.RetryEvaluation"
CANCEL = "EvaluationService.CancelEvaluation"
DELETE = "EvaluationService.DeleteEvaluation"

COMPLETED = Given("completed_evaluation")
ID = re.compile("evl_[0-9a-f]{32}")
UNKNOWN = "evl_" + "0" * 32
QUICK = ["signal"]
"""Steps that need no model."""
FORMATS = {"json": "application/json", "csv": "text/csv; charset=utf-8"}


def evaluation(**changes: Any) -> dict[str, Any]:
    """Returns a valid request for an evaluation, with some fields changed."""
    return {"audio_name": Given("audio_name"), "steps": QUICK, **changes}


def _step(name: str, condition: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "status": "completed",
        "seconds": lambda seconds: seconds >= 0,
        "reason": "",
        "condition": condition,
    }


def _are_the_steps_that_listen(steps: list[dict[str, Any]]) -> bool:
    ends = {step["name"]: (step["status"], bool(step["reason"])) for step in steps}
    done, skipped = ("completed", False), ("skipped", True)
    return ends == {
        **dict.fromkeys(("decode", "signal", "speech_activity", "transcription", "alignment", "word_errors"), done),
        **dict.fromkeys(("pitch", "rhythm", "prosody", "quality"), done),
        **dict.fromkeys(("meaning", "naturalness"), skipped),
    }


CASES = [
    Case(
        "stored audio is evaluated",
        CREATE,
        evaluation(
            model_id=Given("installed_model"),
            reference_text="Good morning.",
            language="en-GB",
            num_speakers=1,
            channels="mix",
        ),
        Ok(
            {
                "id": ID,
                "developer_id": Given("developer_id"),
                "status": "pending",
                "audio_name": Given("audio_name"),
                "model_id": Given("installed_model"),
                "scenario_id": "",
                "transcript_ref": "Good morning.",
                "language": "en-GB",
                "num_speakers": 1,
                "channels": "mix",
                "created_at": MOMENT,
                "completed_at": ABSENT,
                "duration_seconds": ABSENT,
                "metrics": ABSENT,
                "trial_id": "",
            }
        ),
    ),
    Case(
        "a repeated request returns the first evaluation",
        CREATE,
        evaluation(request_id=Given("request_id_of_evaluation")),
        Ok({"id": Given("evaluation_of_request_id")}),
    ),
    Case(
        "a request_id of another evaluation is refused",
        CREATE,
        evaluation(request_id=Given("request_id_of_evaluation"), language="de"),
        REUSED,
    ),
    Case("an evaluation without audio is refused", CREATE, {}, Fails("INVALID_INPUT", fields=("audio_name",))),
    Case(
        "all invalid fields of an evaluation are named at once",
        CREATE,
        evaluation(
            scenario_id="x" * 201,
            reference_text="x" * 100_001,
            language="e",
            num_speakers=50,
            steps=["telepathy"],
            conditions=["underwater"],
            channels="left",
            names=[""],
            webhook_url="ftp://example.com",
        ),
        Fails(
            "INVALID_INPUT",
            fields=(
                *("scenario_id", "reference_text", "language", "num_speakers", "channels", "steps[0]", "conditions[0]"),
                *("names[0]", "webhook_url"),
            ),
        ),
    ),
    Case(
        "the evaluation of a scenario has its text and its language",
        CREATE,
        evaluation(model_id=Given("own_recorded_model"), scenario_id=Given("own_scenario"), steps=[]),
        Ok(
            {
                "model_id": Given("own_recorded_model"),
                "scenario_id": Given("own_scenario"),
                "transcript_ref": SCENARIO_TEXT,
                "language": "en",
            }
        ),
    ),
    Case(
        "a recording of a model of kind tts may have its own text",
        CREATE,
        evaluation(model_id=Given("installed_model"), scenario_id=Given("own_scenario"), reference_text="Hello."),
        Ok({"transcript_ref": "Hello.", "language": "en"}),
    ),
    Case(
        "a recording that takes part in battles has no text, language, steps and names of its own",
        CREATE,
        evaluation(
            model_id=Given("own_recorded_model"),
            scenario_id=Given("own_scenario"),
            reference_text="Hello.",
            language="de",
            steps=["noise"],
            names=["Maria"],
        ),
        Fails("INVALID_INPUT", fields=("reference_text", "language", "steps", "names")),
    ),
    Case(
        "a recording of somebody else's recorded model is refused",
        CREATE,
        evaluation(model_id=Given("recorded_model_of_somebody_else"), scenario_id=Given("own_scenario")),
        Fails("INVALID_INPUT", fields=("model_id",), says="one of your voice models"),
    ),
    Case(
        "a recording of a private scenario of somebody else is refused",
        CREATE,
        evaluation(scenario_id=Given("private_scenario_of_somebody_else")),
        Fails("INVALID_INPUT", fields=("scenario_id",)),
    ),
    Case(
        "recordings that a battle has used are fixed",
        CREATE,
        evaluation(model_id=Given("model_with_fixed_recordings"), scenario_id=Given("own_scenario")),
        Fails("WRONG_STATE", says="so they are fixed"),
    ),
    Case(
        "an evaluation of a scenario that does not exist is refused",
        CREATE,
        evaluation(scenario_id="scn_" + "0" * 32),
        Fails("INVALID_INPUT", fields=("scenario_id",)),
    ),
    *(
        Case(
            f"an evaluation with {number} speakers is refused",
            CREATE,
            evaluation(num_speakers=number),
            Fails("INVALID_INPUT", fields=("num_speakers",), says="1 to 20"),
        )
        for number in (0, 50)
    ),
    *(
        Case(
            f"an evaluation of {name} voice model is refused",
            CREATE,
            evaluation(model_id=model),
            Fails("INVALID_INPUT", fields=("model_id",), says="/api/v1/models"),
        )
        for name, model in {"an unknown": "mdl_" + "0" * 32, "a malformed": "42"}.items()
    ),
    Case(
        "an evaluation of audio that is not stored is refused",
        CREATE,
        evaluation(audio_name="trl_" + "0" * 32 + ".wav"),
        Fails("NOT_FOUND"),
    ),
    Case(
        "an evaluation of somebody else's audio is refused", CREATE, evaluation(), Fails("NOT_FOUND"), "somebody_else"
    ),
    Case(
        "an evaluation is read with its steps and metrics",
        EVALUATION,
        {"id": COMPLETED},
        Ok(
            {
                "id": COMPLETED,
                "status": "completed",
                "duration_seconds": lambda seconds: seconds > 0,
                "completed_at": MOMENT,
                "steps": [
                    *(_step("decode"), _step("signal")),
                    *(_step("decode", "telephone"), _step("signal", "telephone")),
                ],
                "metrics": {
                    "decode": {"container": "wav", "sample_rate_hz": 22050, "channels": 1, "damaged": False},
                    "signal": {"audible": True, "backend": re.compile(r"voicearena-signal/\d+")},
                    "transcription": ABSENT,
                },
                "signal_metrics": {"audible": True},
                "condition_metrics": lambda found: set(found) == {"telephone"},
                "diarization": ABSENT,
            }
        ),
    ),
    Case(
        "the evaluation of a trial names the trial",
        EVALUATION,
        {"id": Given("trial_id")},
        Ok(
            {
                "trial_id": Given("trial_id"),
                "transcript_ref": "",
                "metrics": {"signal": {"audible": True}},
                "steps": [{"name": "signal", "status": "completed", "reason": "", "seconds": ABSENT}],
            }
        ),
    ),
    Case(
        "the evaluation of a trial that models listened to has their steps and the prompt",
        EVALUATION,
        {"id": Given("listened_trial")},
        Ok(
            {
                "trial_id": Given("listened_trial"),
                "status": "completed",
                "transcript_ref": LISTENED_PROMPT,
                "language": re.compile("en.*"),
                "metrics": {
                    "signal": {"audible": True},
                    "transcription": {"backend": re.compile("moonshine.+")},
                    "word_errors": {"word_error_rate": is_error_rate, "backend": re.compile("voicearena-words/.+")},
                    "quality": {"overall_mos": is_opinion},
                },
                "steps": _are_the_steps_that_listen,
            }
        ),
    ),
    Case(
        "somebody else's evaluation of a recording is not found",
        EVALUATION,
        {"id": COMPLETED},
        Fails("NOT_FOUND"),
        caller="somebody_else",
    ),
    Case(
        "evaluations are listed, newest first, without their metrics",
        LIST,
        {"model_id": Given("model_of_evaluations"), "page_size": 1},
        Ok(
            {
                "evaluations": [{"id": ID, "model_id": Given("model_of_evaluations"), "steps": [], "metrics": ABSENT}],
                "next_page_token": re.compile(".+"),
            }
        ),
    ),
    Case(
        "the next page continues the list of evaluations",
        LIST,
        {
            "model_id": Given("model_of_evaluations"),
            "page_size": 1,
            "page_token": Given("evaluations_page_token"),
        },
        Ok({"evaluations": [{"id": Given("older_evaluation_of_model"), "transcript_ref": ""}], "next_page_token": ""}),
    ),
    Case(
        "evaluations are listed by status",
        LIST,
        {"status": Given("status_of_cancelled_evaluation")},
        Ok({"evaluations": lambda found: {each["status"] for each in found} == {"cancelled"}}),
    ),
    Case("a scenario without evaluations has none", LIST, {"scenario_id": "scn_1"}, Ok({"evaluations": []})),
    Case(
        "a page token of other evaluations is refused",
        LIST,
        {"page_token": Given("evaluations_page_token")},
        Fails("INVALID_INPUT", fields=("page_token",)),
    ),
    Case(
        "a negative page_size of evaluations is refused",
        LIST,
        {"page_size": -1},
        Fails("INVALID_INPUT", fields=("page_size",)),
    ),
    Case(
        "watching an ended evaluation ends with its state",
        WATCH,
        {"id": COMPLETED},
        Ok({"kind": "end", "evaluation": {"id": COMPLETED, "status": "completed"}}),
    ),
    Case(
        "watching a new evaluation ends with its end",
        WATCH,
        {"id": Given("new_evaluation")},
        Ok({"kind": "end", "evaluation": {"status": "completed", "metrics": {"signal": {"audible": True}}}}),
    ),
    Case(
        "a recording has an outline",
        PEAKS,
        {"id": COMPLETED},
        Ok(
            {
                "duration_seconds": lambda seconds: 0.5 < seconds < 60,
                "low": lambda low: len(low) == 800 and -127 <= min(low) < -5,
                "high": lambda high: len(high) == 800 and 5 < max(high) <= 127,
            }
        ),
    ),
    Case("the recording is streamed", RECORDING, {"id": COMPLETED}, Ok({"content_type": "audio/wav"})),
    *(
        Case(
            f"an evaluation is exported as {format_}",
            EXPORT,
            {"id": COMPLETED, "format": format_},
            Ok({"content_type": kind}),
        )
        for format_, kind in FORMATS.items()
    ),
    *(
        Case(
            f"an evaluation without {step} is not exported as {format_}",
            EXPORT,
            {"id": COMPLETED, "format": format_},
            Fails("WRONG_STATE", says=f"needs the step {step}"),
        )
        for format_, step in {"rttm": "diarization", "srt": "transcription", "textgrid": "alignment"}.items()
    ),
    Case(
        "an export of an evaluation needs a format",
        EXPORT,
        {"id": COMPLETED},
        Fails("INVALID_INPUT", fields=("format",), says="json, csv, rttm, srt, textgrid"),
    ),
    Case(
        "a cancelled evaluation is not exported",
        EXPORT,
        {"id": Given("cancelled_evaluation"), "format": "json"},
        Fails("WRONG_STATE", metadata={"status": "cancelled"}),
    ),
    Case(
        "an ended evaluation is retried",
        RETRY,
        {"id": Given("new_completed_evaluation")},
        Ok({"id": Given("new_completed_evaluation"), "status": "pending", "completed_at": ABSENT}),
    ),
    Case(
        "an evaluation is cancelled",
        CANCEL,
        {"id": Given("new_slow_evaluation")},
        Ok({"status": "cancelled", "completed_at": MOMENT}),
    ),
    Case(
        "a cancelled evaluation can be cancelled again",
        CANCEL,
        {"id": Given("cancelled_evaluation")},
        Ok({"status": "cancelled"}),
    ),
    Case(
        "a completed evaluation can't be cancelled",
        CANCEL,
        {"id": COMPLETED},
        Fails("WRONG_STATE", metadata={"status": "completed"}),
    ),
    Case("an evaluation is deleted", DELETE, {"id": Given("new_evaluation")}, Ok({"id": ID})),
    *(
        Case(
            f"{rpc.partition('.')[2]} of the evaluation of a trial is refused",
            rpc,
            {"id": Given("trial_id")},
            Fails("WRONG_STATE", says="belongs to a trial"),
        )
        for rpc in (RETRY, CANCEL, DELETE)
    ),
    *(
        Case(f"{what} is refused", rpc, {"id": id_, **further}, Fails(reason, fields=fields), caller)
        for rpc, further in (
            *((rpc, {}) for rpc in (WATCH, RECORDING, PEAKS, RETRY, CANCEL, DELETE)),
            (EXPORT, {"format": "json"}),
        )
        for what, id_, reason, fields, caller in (
            ("an unknown evaluation", UNKNOWN, "NOT_FOUND", (), "developer"),
            ("somebody else's evaluation", COMPLETED, "NOT_FOUND", (), "somebody_else"),
            ("a malformed id", "42", "INVALID_INPUT", ("id",), "developer"),
        )
    ),
]
