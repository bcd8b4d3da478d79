"""The event messages declare their subjects and consumers, and exactly those consumers handle them."""

import re
from typing import Any, cast

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from voicearena.tts.v1.events_pb2 import SynthesisRequested

from services.auth import consumers as auth_consumers
from services.elo.catalogue import consumers as elo_consumers
from services.elo.recordings import consumers as recording_consumers
from services.experiments.webhooks.publisher import WebhookPublisher
from services.runtime import events
from services.runtime.events import EventType, event_types
from services.runtime.outbox import OutboxRelay
from services.scoring import consumers as scoring_consumers
from services.shared.clips import consumers as clip_consumers
from services.tts import consumers as tts_consumers

NOTHING = cast(Any, None)
# The facts of other services that webhooks send messages about.
WEBHOOK_FACTS = set(WebhookPublisher(NOTHING, NOTHING, "").handlers())
# The events that each service handles. The handlers' dependencies don't matter here.
HANDLED: dict[str, set[type[Message]]] = {
    "auth": set(auth_consumers.handlers(NOTHING, NOTHING)),
    "elo": {
        *elo_consumers.handlers(NOTHING),
        *recording_consumers.handlers(NOTHING),
        *clip_consumers.handlers(NOTHING, NOTHING),
        *OutboxRelay(NOTHING, NOTHING).handlers("experiments"),
    },
    "experiments": {
        *clip_consumers.handlers(NOTHING, NOTHING),
        *WEBHOOK_FACTS,
        *WebhookPublisher(NOTHING, NOTHING, "").deletion_handlers(),
    },
    "scoring": {*scoring_consumers.handlers(NOTHING), *OutboxRelay(NOTHING, NOTHING).handlers("elo", "experiments")},
    "tts": {*tts_consumers.handlers(NOTHING), *tts_consumers.broadcast_handlers(NOTHING)},
}
REQUESTER_FIELDS = {
    "requester": FieldDescriptor.TYPE_STRING,
    "job_id": FieldDescriptor.TYPE_STRING,
    "attempt": FieldDescriptor.TYPE_UINT32,
}
# Commands that have no result, with their fields.
COMMANDS_WITHOUT_RESULT = {
    "SynthesisCancellationRequested": ("requester", "run_id"),
    "SpeechDeletionRequested": ("requester", "job_ids"),
    "EvaluationDeletionRequested": ("requester", "job_ids"),
}
EVENTS = list(event_types().values())

every_event = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.descriptor.name)


def snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def test_every_message_in_an_events_file_is_an_event() -> None:
    messages = {
        d.full_name for module in events.EVENT_MODULES for d in module.DESCRIPTOR.message_types_by_name.values()
    }
    assert messages == set(event_types())


@every_event
def test_a_subject_consists_of_the_package_and_the_message_name(event: EventType) -> None:
    package = event.descriptor.file.package
    assert event.subject == f"{package}.{snake_case(event.descriptor.name)}"
    assert re.fullmatch(r"voicearena\.[a-z]+\.v1\.[a-z_]+", event.subject)


def test_subjects_are_unique() -> None:
    subjects = [event.subject for event in EVENTS]
    assert len(set(subjects)) == len(subjects)


@every_event
def test_events_for_one_requester_name_the_requester_and_the_request(event: EventType) -> None:
    if event.descriptor.name in COMMANDS_WITHOUT_RESULT:
        assert tuple(field.name for field in event.descriptor.fields) == COMMANDS_WITHOUT_RESULT[event.descriptor.name]
        return
    types = {field.name: field.type for field in event.descriptor.fields}
    asked = {name: types.get(name) for name in REQUESTER_FIELDS}
    assert asked == (REQUESTER_FIELDS if event.per_requester else dict.fromkeys(REQUESTER_FIELDS))


@every_event
def test_commands_and_their_results_go_to_one_requester(event: EventType) -> None:
    results = {"SpeechSynthesized", "SynthesisFailed", "SynthesisDelayed", "EvaluationCompleted", "EvaluationFailed"}
    assert event.per_requester is (event.is_command or event.descriptor.name in results)


@every_event
def test_facts_of_other_services_with_webhook_messages_are_published_until_confirmed(event: EventType) -> None:
    webhook_facts = {kind.DESCRIPTOR.full_name for kind in WEBHOOK_FACTS}
    assert event.until_confirmed is (event.descriptor.full_name in webhook_facts)
    # The outbox finds such events by their subject, so the subject must not contain a requester.
    assert not (event.until_confirmed and event.per_requester)


def test_the_declared_consumers_are_the_services_that_handle_the_event() -> None:
    declared: dict[str, set[str]] = {}
    for event in EVENTS:
        for consumer in event.consumers:
            declared.setdefault(consumer, set()).add(event.descriptor.full_name)
    handled = {service: {kind.DESCRIPTOR.full_name for kind in kinds} for service, kinds in HANDLED.items()}
    assert declared == handled


def test_commands_go_to_the_service_that_declares_them() -> None:
    assert {event.descriptor.name: event.consumers for event in EVENTS if event.is_command} == {
        "SynthesisRequested": ("tts",),
        "SynthesisCancellationRequested": ("tts",),
        "SpeechDeletionRequested": ("tts",),
        "EvaluationRequested": ("scoring",),
        "EvaluationDeletionRequested": ("scoring",),
    }


def matches(wildcard: str, subject: str) -> bool:
    """Returns whether NATS matches a subject: `*` is one token, `>` is one or more tokens at the end."""
    tokens = [{"*": r"[^.]+", ">": r".+"}.get(token, re.escape(token)) for token in wildcard.split(".")]
    return re.fullmatch(r"\.".join(tokens), subject) is not None


@every_event
def test_an_event_is_stored_in_the_stream_of_its_owner_only(event: EventType) -> None:
    subject = f"{event.subject}.experiments" if event.per_requester else event.subject
    wildcards = {events.stream_of(owner): events.subjects_of(owner) for owner in events.streams()}
    wildcards[events.DEAD_LETTER_STREAM] = events.DEAD_LETTER_SUBJECT
    assert [stream for stream, wildcard in wildcards.items() if matches(wildcard, subject)] == [event.stream]


def test_dead_letters_have_their_own_stream() -> None:
    wildcards = [events.subjects_of(owner) for owner in events.streams()]
    assert not any(matches(wildcard, events.DEAD_LETTER_SUBJECT) for wildcard in wildcards)


@every_event
def test_a_consumer_receives_the_events_published_for_it(event: EventType) -> None:
    message = event.new()
    for consumer in event.consumers:
        if event.per_requester:
            message.requester = consumer  # type: ignore[attr-defined]
        if event.for_webhooks:
            message.webhook_url = "https://example.com"  # type: ignore[attr-defined]
        assert matches(event.filter_subject(consumer), events.subject_of(message))


def test_a_result_for_one_requester_does_not_reach_another() -> None:
    for event in EVENTS:
        if event.per_requester and not event.is_command:
            assert not matches(event.filter_subject("elo"), f"{event.subject}.experiments")


@pytest.mark.parametrize("requester", ["", "a.b", "*", ">", "a b"])
def test_a_requester_that_is_not_a_subject_token_is_refused(requester: str) -> None:
    with pytest.raises(ValueError, match="name of a service"):
        events.subject_of(SynthesisRequested(requester=requester))
