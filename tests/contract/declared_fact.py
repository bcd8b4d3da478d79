"""A fact that only tests declare. It is published until it is confirmed, and webhooks can send messages about it."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from voicearena.events.v1 import options_pb2

from services.runtime import events

_FILE = descriptor_pb2.FileDescriptorProto(
    name="voicearena/scoring/v1/declared_by_tests.proto",
    package="voicearena.scoring.v1",
    syntax="proto3",
    dependency=["voicearena/events/v1/options.proto"],
)
_MESSAGE = _FILE.message_type.add(name="RecordingHeard")
for _number, _name in enumerate(("recording_id", "developer_id", "webhook_url"), start=1):
    _field = _MESSAGE.field.add(name=_name, number=_number, type=descriptor_pb2.FieldDescriptorProto.TYPE_STRING)
# A URL can contain a secret.
_field.options.debug_redact = True
_event = _MESSAGE.options.Extensions[options_pb2.event]
_event.subject = "voicearena.scoring.v1.recording_heard"
_event.until_confirmed = True
_event.consumers.append("experiments")
descriptor_pool.Default().Add(_FILE)  # type: ignore[no-untyped-call]
_MODULE = SimpleNamespace(DESCRIPTOR=descriptor_pool.Default().FindFileByName(_FILE.name))

RecordingHeard: Any = message_factory.GetMessageClass(_MODULE.DESCRIPTOR.message_types_by_name["RecordingHeard"])


@contextmanager
def declared() -> Iterator[None]:
    """Makes RecordingHeard an event of the mesh within the block."""
    caches = (events.event_types, events.private_subjects, events.confirmed_subjects)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "EVENT_MODULES", (*events.EVENT_MODULES, _MODULE))
        for cached in caches:
            cached.cache_clear()
        yield
    for cached in caches:
        cached.cache_clear()
