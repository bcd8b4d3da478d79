"""The subjects, filters, streams and owners of events."""

import fnmatch

import pytest
from google.protobuf.message import Message
from voicearena.auth.v1.events_pb2 import ApiKeyRevoked
from voicearena.elo.v1.events_pb2 import BattleDecided
from voicearena.experiments.v1.events_pb2 import ExperimentCompleted
from voicearena.scoring.v1.events_pb2 import EvaluationCompleted, EvaluationRequested
from voicearena.tts.v1.events_pb2 import SpeechSynthesized, SynthesisRequested
from voicearena.tts.v1.tts_pb2 import Voice

from services.runtime import events
from services.runtime.events import EventType, event_type, event_types, subject_of, wrap

TYPES = list(event_types().values())


def matches(subject: str, pattern: str) -> bool:
    """Returns whether a NATS pattern matches a subject: `*` is one token, `>` at the end is one or more."""
    want, have = pattern.split("."), subject.split(".")
    if want[-1] == ">":
        want, have = want[:-1], have[: len(want) - 1] if len(have) >= len(want) else []
    return len(want) == len(have) and all(w in ("*", h) for w, h in zip(want, have, strict=True))


@pytest.mark.parametrize(
    ("message", "subject"),
    [
        (ApiKeyRevoked(), "voicearena.auth.v1.api_key_revoked"),
        (ExperimentCompleted(), "voicearena.experiments.v1.experiment_completed"),
        (SynthesisRequested(requester="elo"), "voicearena.tts.v1.synthesis_requested.elo"),
        (SpeechSynthesized(requester="experiments"), "voicearena.tts.v1.speech_synthesized.experiments"),
        (BattleDecided(webhook_url="https://example.com"), "voicearena.elo.v1.battle_decided"),
        (BattleDecided(), "voicearena.elo.v1.battle_decided.unannounced"),
    ],
)
def test_an_event_has_its_declared_subject(message: Message, subject: str) -> None:
    assert subject_of(message) == subject


@pytest.mark.parametrize("requester", ["", "a.b", "*", ">", "two words", "elo\n"])
def test_a_requester_that_is_no_service_name_is_refused(requester: str) -> None:
    with pytest.raises(ValueError, match="needs the name of a service as requester"):
        subject_of(SynthesisRequested(requester=requester))


def test_a_message_that_is_no_event_is_refused() -> None:
    with pytest.raises(KeyError):
        subject_of(Voice())


def test_a_service_subscribes_to_commands_of_all_requesters_and_facts_for_itself() -> None:
    assert event_type(EvaluationRequested).filter_subject("scoring") == "voicearena.scoring.v1.evaluation_requested.*"
    assert event_type(EvaluationCompleted).filter_subject("elo") == "voicearena.scoring.v1.evaluation_completed.elo"
    assert event_type(ExperimentCompleted).filter_subject("elo") == "voicearena.experiments.v1.experiment_completed"


def test_a_command_is_owned_by_its_executor_and_a_fact_by_its_origin() -> None:
    owners = {name.rpartition(".")[2]: kind.owner for name, kind in event_types().items()}
    assert owners["SynthesisRequested"] == "tts"
    assert owners["EvaluationCompleted"] == "scoring"
    assert owners["ExperimentCompleted"] == "experiments"
    commands = {kind.descriptor.name for kind in TYPES if kind.is_command}
    assert {"SynthesisRequested", "EvaluationRequested", "SpeechDeletionRequested"} <= commands
    assert all(name.endswith("Requested") for name in commands)


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.descriptor.name)
def test_every_event_s_subject_names_the_service_that_declares_it(kind: EventType) -> None:
    assert kind.descriptor.full_name.split(".")[1] == kind.owner
    assert fnmatch.fnmatchcase(kind.subject, f"voicearena.{kind.owner}.v1.*")
    assert kind.stream == f"VOICEARENA_{kind.owner.upper()}"
    assert matches(kind.subject, events.subjects_of(kind.owner))
    assert kind.per_requester is ("requester" in kind.descriptor.fields_by_name)


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.descriptor.name)
def test_the_filter_of_every_consumer_matches_the_event(kind: EventType) -> None:
    for consumer in kind.consumers:
        message = kind.new()
        if kind.per_requester:
            message.requester = consumer  # type: ignore[attr-defined]
        if kind.for_webhooks:
            message.webhook_url = "https://example.com"  # type: ignore[attr-defined]
        assert matches(subject_of(message), kind.filter_subject(consumer))


def test_subjects_are_unique_and_streams_do_not_overlap() -> None:
    assert len({kind.subject for kind in TYPES}) == len(TYPES)
    owners = list(events.streams())
    assert sorted(owners) == ["auth", "elo", "experiments", "scoring", "tts"]
    assert not any(matches(events.DEAD_LETTER_SUBJECT, events.subjects_of(owner)) for owner in owners)


def test_an_envelope_has_the_event_its_id_and_its_time() -> None:
    message = ApiKeyRevoked(api_key_id="key_a", developer_id="dev_a")
    envelope = wrap(message, "evt_a")
    found = event_types()[envelope.event.TypeName()].new()
    assert envelope.event.Unpack(found)
    assert (found, envelope.id, envelope.traceparent) == (message, "evt_a", "")
    assert envelope.occurred_at.seconds > 1_700_000_000
