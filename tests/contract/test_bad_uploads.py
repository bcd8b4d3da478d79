"""Uploads that are refused or that can't be evaluated: each says why, leaves nothing and disturbs nothing else."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import httpx
import pytest
from voicearena.scoring.v1.evaluation_service_pb2 import CreateEvaluationRequest, UploadEvaluationRequest
from voicearena.scoring.v1.evaluation_service_pb2_grpc import EvaluationServiceStub

from deploy.local.mesh import Mesh
from tests.contract.leftovers import Leftovers
from tests.contract.uploads import MB, QUICK, RAW, ROUTE, WAV, ended, failure, stored
from tests.fakes.bodies import chunk, fmt, riff, wav_of
from tests.fakes.recordings import tone


def form(
    boundary: bytes = b"x",
    *,
    disposition: bytes = b'form-data; name="audio"; filename="../../call.wav"',
    end: bytes = b"--x--\r\n",
    content_type: str = "multipart/form-data; boundary=x",
) -> dict[str, Any]:
    """Returns a request with a form of one part, which has a recording."""
    content = b"--" + boundary + b"\r\nContent-Disposition: " + disposition + b"\r\n\r\n" + WAV + b"\r\n" + end
    return {"content": content, "headers": {"content-type": content_type}}


BAD: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "no recording in a form": ({"data": {"language": "en"}, "files": {"other": b"x"}}, 400, "INVALID_INPUT", "audio: "),
    "an empty body": ({"content": b"", "headers": RAW}, 400, "INVALID_INPUT", "audio: must not be empty"),
    "an empty file": ({"files": {"audio": ("a.wav", b"", "audio/wav")}}, 400, "INVALID_INPUT", "audio: must not be"),
    "a text called .wav": (
        {"files": {"audio": ("a.wav", b"I am a text.", "audio/wav")}},
        400,
        "INVALID_INPUT",
        "audio: must be a recording: WAV",
    ),
    "60 MB": ({"content": WAV + bytes(60 * MB), "headers": RAW}, 413, "REQUEST_TOO_LARGE", "audio: the recording must"),
    "60 MB in a form": ({"files": {"audio": WAV + bytes(60 * MB)}}, 413, "REQUEST_TOO_LARGE", "audio: the recording"),
    "the wrong content type": (
        {"content": WAV, "headers": {"content-type": "text/plain"}},
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        "content-type: must be",
    ),
    "a reference of 1 MB": (
        {"data": {"reference_text": "x" * MB}, "files": {"audio": WAV}},
        400,
        "INVALID_INPUT",
        "reference_text: must have at most 100000 characters",
    ),
    "an unknown field": ({"data": {"volume": "1"}, "files": {"audio": WAV}}, 400, "INVALID_INPUT", "volume: unknown"),
    "an unknown parameter": (
        {"params": {"volume": "1"}, "content": WAV, "headers": RAW},
        400,
        "INVALID_INPUT",
        "volume: unknown",
    ),
    "0 speakers": ({"data": {"num_speakers": "0"}, "files": {"audio": WAV}}, 400, "INVALID_INPUT", "num_speakers: "),
    "50 speakers": ({"params": {"num_speakers": "50"}, "content": WAV, "headers": RAW}, 400, "INVALID_INPUT", "num_"),
    "a language that is none": ({"data": {"language": "?"}, "files": {"audio": WAV}}, 400, "INVALID_INPUT", "language"),
    "a scenario": ({"data": {"scenario_id": "s"}, "files": {"audio": WAV}}, 400, "INVALID_INPUT", "scenario_id: must"),
    "a foreign model": ({"data": {"model_id": "x"}, "files": {"audio": WAV}}, 400, "INVALID_INPUT", "model_id: must"),
    "the name of stored audio": (
        {"data": {"audio_name": "a.wav"}, "files": {"audio": WAV}},
        400,
        "INVALID_INPUT",
        "audio_name: must be empty in an upload",
    ),
    "a broken form": (
        {"content": b"--x\r\n\r\n", "headers": {"content-type": "multipart/form-data; boundary=x"}},
        400,
        "INVALID_INPUT",
        "the body must be multipart/form-data: ",
    ),
    "two recordings": ({"files": [("audio", WAV), ("audio", WAV)]}, 400, "INVALID_INPUT", "audio: must be given once"),
    "a field twice": (
        {"params": {"language": "en"}, "data": {"language": "de"}, "files": {"audio": WAV}},
        400,
        "INVALID_INPUT",
        "language: must be given once",
    ),
    "a field by both of its names": (
        {"data": {"referenceText": "a", "reference_text": "a"}, "files": {"audio": WAV}},
        400,
        "INVALID_INPUT",
        "reference_text: must be given once",
    ),
    "another boundary": (
        form(b"other"),
        400,
        "INVALID_INPUT",
        "the body must be multipart/form-data: it is not divided",
    ),
    "no boundary": (form(content_type="multipart/form-data"), 400, "INVALID_INPUT", "the body must be multipart"),
    "a form that is cut off": (form(end=b""), 400, "INVALID_INPUT", "the body must be multipart/form-data: it ends"),
    "a part without a name": (
        form(disposition=b"form-data"),
        400,
        "INVALID_INPUT",
        "the body must be multipart/form-data: a part has no name",
    ),
    "too many parts": (
        {"data": {"names": ["a"] * 1001}, "files": {"audio": WAV}},
        400,
        "INVALID_INPUT",
        "the body must be multipart/form-data: it has more than 1000 parts",
    ),
    "fields of 3 MB": (
        {"data": {"reference_text": "x" * 3 * MB}, "files": {"audio": WAV}},
        413,
        "REQUEST_TOO_LARGE",
        "the fields beside the recording must have at most 2 MiB",
    ),
    "101 names": ({"data": {"names": ["a"] * 101}, "files": {"audio": WAV}}, 400, "INVALID_INPUT", "names: must have"),
    "an empty name": ({"data": {"names": ""}, "files": {"audio": WAV}}, 400, "INVALID_INPUT", "names[0]: must have"),
    "bytes in a field": (
        {"files": {"language": b"\xff", "audio": WAV}},
        400,
        "INVALID_INPUT",
        "language: must be text",
    ),
    "half a character": (
        {"files": {"reference_text": b"\xed\xa0\x80", "audio": WAV}},
        400,
        "INVALID_INPUT",
        "reference_text: must be text in UTF-8",
    ),
    "NUL": (
        {"data": {"reference_text": "a\0b"}, "files": {"audio": WAV}},
        400,
        "INVALID_INPUT",
        "reference_text: must",
    ),
    "a language of letters that are none": (
        {"data": {"language": "ён"}, "files": {"audio": WAV}},
        400,
        "INVALID_INPUT",
        "language: must be a BCP 47 tag, such as en or de-AT",
    ),
    "half a speaker": (
        {"data": {"num_speakers": "1.5"}, "files": {"audio": WAV}},
        400,
        "INVALID_INPUT",
        "num_speakers",
    ),
    "no number of speakers": ({"data": {"num_speakers": ""}, "files": {"audio": WAV}}, 400, "INVALID_INPUT", "num_spe"),
    "an unknown step": (
        {"data": {"steps": ["signal", "x"]}, "files": {"audio": WAV}},
        400,
        "INVALID_INPUT",
        "steps[1]",
    ),
    "an empty step": ({"data": {"steps": ""}, "files": {"audio": WAV}}, 400, "INVALID_INPUT", "steps[0]: must be one"),
    "an unknown condition": (
        {"data": {"conditions": "underwater"}, "files": {"audio": WAV}},
        400,
        "INVALID_INPUT",
        "conditions[0]: must be one of telephone",
    ),
    "a webhook to a special address": (
        {"data": {"webhook_url": "http://169.254.169.254/"}, "files": {"audio": WAV}},
        400,
        "INVALID_INPUT",
        "webhook_url: must not be a private",
    ),
    "gzip": (
        {"content": gzip.compress(WAV), "headers": {**RAW, "content-encoding": "gzip"}},
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        "content-encoding: bodies must not be compressed",
    ),
    "a picture": (
        {"content": WAV, "headers": {"content-type": "image/png"}},
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        "content-type: must be",
    ),
    "a form of a page": ({"data": {"audio": "x"}}, 415, "UNSUPPORTED_MEDIA_TYPE", "content-type: must be"),
    "JSON with a recording": ({"json": {"audio": "UklGRg=="}}, 400, "MALFORMED_REQUEST", "audio: unknown field"),
    "JSON with the name of a file": ({"json": {"audio_name": "../../x.wav"}}, 404, "NOT_FOUND", "There is no audio"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_upload_is_refused_and_leaves_nothing(
    api: httpx.AsyncClient, mesh: Mesh, leftovers: Leftovers, name: str
) -> None:
    request, status, reason, message = BAD[name]
    files, rows = stored(mesh), await leftovers.rows()
    response = await api.post(ROUTE, **request)
    found = failure(response)
    assert found[:2] == (status, reason)
    assert found[2].startswith(message)
    assert (stored(mesh), await leftovers.rows()) == (files, rows)


GOOD: dict[str, dict[str, Any]] = {
    "a path as the name of the file": form(),
    "an odd name of the file": {"files": {"audio": ('"ü;\0/..wav', WAV, "text/html")}},
    "no name of the file": form(disposition=b'form-data; name="audio"'),
    "text after the form": form(end=b"--x--\r\nThe end."),
    "steps and conditions many times": {
        "data": {"steps": ["decode"] * 20, "conditions": ["telephone"] * 3},
        "files": {"audio": WAV},
    },
    "emoji in the reference": {"data": {"reference_text": "😀 \u202e naïve"}, "files": {"audio": WAV}},
    "a language that no model knows": {"data": {"language": "tlh"}, "files": {"audio": WAV}},
    "chunks": {"content": b"", "headers": RAW},
    "capitals in the content type": {"content": WAV, "headers": {"content-type": "AUDIO/X-Wav; codecs=1"}},
}


@pytest.mark.parametrize("name", GOOD)
async def test_an_odd_upload_is_taken(api: httpx.AsyncClient, mesh: Mesh, name: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(WAV), 1000):
            yield WAV[start : start + 1000]

    files = stored(mesh)
    request = {**GOOD[name], "content": chunks()} if name == "chunks" else GOOD[name]
    created = (await api.post(ROUTE, **{"params": {"steps": "decode"}, **request})).raise_for_status().json()
    assert (created["status"], len(stored(mesh) - files)) == ("pending", 1)
    (await api.delete(f"{ROUTE}/{created['id']}")).raise_for_status()
    assert stored(mesh) == files


def message(audio: bytes = b"", **fields: Any) -> UploadEvaluationRequest:
    """Returns a first message of a gRPC upload."""
    return UploadEvaluationRequest(request=CreateEvaluationRequest(**fields), audio=audio)


BAD_STREAMS: dict[str, tuple[Sequence[UploadEvaluationRequest], str, str]] = {
    "no message": ([], "INVALID_ARGUMENT", "the stream must have at least one message"),
    "no recording": ([message()], "INVALID_ARGUMENT", "audio: must not be empty"),
    "empty pieces": ([message(), *[UploadEvaluationRequest()] * 100], "INVALID_ARGUMENT", "audio: must not be empty"),
    "a text": ([message(b"I am a text.")], "INVALID_ARGUMENT", "audio: must be a recording: WAV"),
    "two requests": ([message(WAV), message()], "INVALID_ARGUMENT", "request: must be in the first message only"),
    "60 MB": (
        [message(WAV), *[UploadEvaluationRequest(audio=bytes(MB))] * 60],
        "RESOURCE_EXHAUSTED",
        "audio: the recording must have at most 50 MiB; MAX_UPLOAD_SIZE_MB sets this",
    ),
    "a bad field before 40 MB": (
        [message(WAV, language="?"), *[UploadEvaluationRequest(audio=bytes(MB))] * 40],
        "INVALID_ARGUMENT",
        "language: must have 2 to 35 characters",
    ),
    "a message of 10 MB": ([message(WAV + bytes(10 * MB))], "RESOURCE_EXHAUSTED", ""),
    "a reference of 1 MB": ([message(WAV, reference_text="x" * MB)], "INVALID_ARGUMENT", "reference_text: must have"),
    "0 speakers": ([message(WAV, num_speakers=0)], "INVALID_ARGUMENT", "num_speakers: must be 1 to 20"),
    "50 speakers": ([message(WAV, num_speakers=50)], "INVALID_ARGUMENT", "num_speakers: must be 1 to 20"),
    "a language that is none": ([message(WAV, language="?")], "INVALID_ARGUMENT", "language: must have 2 to 35"),
    "a foreign model": ([message(WAV, model_id="mdl_" + "0" * 32)], "INVALID_ARGUMENT", "model_id: must be the id"),
    "a scenario": ([message(WAV, scenario_id="s")], "INVALID_ARGUMENT", "scenario_id: must be the id"),
    "an unknown step": ([message(WAV, steps=["x"])], "INVALID_ARGUMENT", "steps[0]: must be one of decode"),
    "NUL": ([message(WAV, reference_text="a\0b")], "INVALID_ARGUMENT", "reference_text: must not contain"),
    "the name of stored audio": ([message(WAV, audio_name="a.wav")], "INVALID_ARGUMENT", "audio_name: must be empty"),
}


@pytest.mark.parametrize("name", BAD_STREAMS)
async def test_a_bad_stream_is_refused_and_leaves_nothing(
    api: httpx.AsyncClient, mesh: Mesh, leftovers: Leftovers, name: str
) -> None:
    messages, code, says = BAD_STREAMS[name]
    files, rows = stored(mesh), await leftovers.rows()
    async with grpc.aio.insecure_channel(mesh.api_url.removeprefix("http://")) as channel:
        stub: Any = EvaluationServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.UploadEvaluation(iter(messages), metadata=(("authorization", api.headers["authorization"]),))
    assert refused.value.code().name == code
    assert (refused.value.details() or "").startswith(says)
    assert (stored(mesh), await leftovers.rows()) == (files, rows)


def fault(content: bytes, reason: str) -> tuple[bytes, str]:
    """Returns a recording that is taken and can't be evaluated, and why."""
    return content, reason


FAULTY = {
    "a WAV of text": fault(b"RIFF\0\0\0\0WAVEI am a text.", "The file is not audio in a format that can be decoded"),
    "no samples": fault(wav_of(b""), "The recording has no samples."),
    "2 Hz": fault(wav_of(tone(0.1).tobytes(), rate=2), "The sample rate must be 4000 to 384000 Hz; it is 2 Hz."),
    "96 channels": fault(riff(fmt(channels=96), chunk(b"data", bytes(9600))), "1 to 8 channels; it has 96."),
    "NaN": fault(riff(fmt(3, bits=32), chunk(b"data", b"\xff" * 400)), "samples that are not numbers"),
    "half floats": fault(riff(fmt(3, bits=16), chunk(b"data", bytes(400))), "a codec that can't be decoded"),
    "a small file of 10 hours": fault(
        b"RF64\xff\xff\xff\xffWAVE"
        + chunk(b"ds64", (2**31).to_bytes(8, "little") * 3 + bytes(4))
        + fmt()
        + chunk(b"data", bytes(800), 2**32 - 1),
        "The recording is longer than 2 hours, or says that it is.",
    ),
}


async def test_recordings_that_cannot_be_evaluated_fail_alone_with_a_reason(api: httpx.AsyncClient) -> None:
    made = {}
    for name, (content, _) in FAULTY.items():
        response = await api.post(ROUTE, params={"conditions": "telephone"}, content=content, headers=RAW)
        made[name] = response.raise_for_status().json()["id"]
        good = (await api.post(ROUTE, params=QUICK, content=WAV, headers=RAW)).raise_for_status().json()["id"]
        assert (await ended(api, good))["status"] == "completed"
    for name, id_ in made.items():
        found = await ended(api, id_)
        reason = FAULTY[name][1]
        assert (name, found["status"]) == (name, "failed")
        assert reason in found["error_message"]
        decode, *others = found["steps"]
        assert (decode["name"], decode["status"], decode["reason"]) == ("decode", "failed", found["error_message"])
        assert {step["status"] for step in others} == {"skipped"}
        assert all(reason in step["reason"] for step in others)


async def test_silence_is_evaluated_without_invented_words_and_scores(api: httpx.AsyncClient) -> None:
    params = {"reference_text": "Hello."}
    made = await api.post(ROUTE, params=params, content=wav_of(bytes(96_000)), headers=RAW)
    found = await ended(api, made.raise_for_status().json()["id"])
    assert found["status"] == "completed"
    assert set(found["metrics"]) == {"decode", "signal", "loudness", "noise", "speech_activity"}
    assert found["metrics"]["signal"]["audible"] is False
    reasons = {step["reason"] for step in found["steps"] if step["name"] in ("transcription", "pitch", "quality")}
    assert reasons == {"There is no speech in the recording."}
