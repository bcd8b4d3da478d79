"""The fields of a form become the request of an RPC."""

from __future__ import annotations

import pytest
from voicearena.scoring.v1.evaluation_service_pb2 import CreateEvaluationRequest

from services.runtime.errors import InvalidInput
from services.runtime.form_fields import message_of


def test_texts_numbers_and_lists_are_read_under_both_names() -> None:
    fields = {"modelId": ["m"], "num_speakers": ["2"], "steps": ["decode", "signal"], "reference_text": ["a, b"]}
    expected = CreateEvaluationRequest(model_id="m", num_speakers=2, steps=["decode", "signal"], reference_text="a, b")
    assert message_of(CreateEvaluationRequest, fields) == expected


def test_an_absent_number_stays_absent() -> None:
    assert not message_of(CreateEvaluationRequest, {}).HasField("num_speakers")
    assert message_of(CreateEvaluationRequest, {"num_speakers": ["0"]}).HasField("num_speakers")


def test_every_bad_field_is_named() -> None:
    fields = {"volume": ["1"], "num_speakers": ["two"], "language": ["de", "en"], "model_id": ["a"], "modelId": ["b"]}
    with pytest.raises(InvalidInput) as refused:
        message_of(CreateEvaluationRequest, fields)
    found = {violation.field: violation.description for violation in refused.value.violations}
    assert found.pop("volume").startswith("unknown field; the known fields are audio_name, model_id, ")
    assert found == {
        "num_speakers": "must be a whole number",
        "language": "must be given once",
        "model_id": "must be given once",
    }


@pytest.mark.parametrize("text", ["", "1.5", "１", "1" * 10, "1e3", "0x1"])
def test_a_number_is_a_whole_one(text: str) -> None:
    with pytest.raises(InvalidInput, match="num_speakers: must be a whole number"):
        message_of(CreateEvaluationRequest, {"num_speakers": [text]})
