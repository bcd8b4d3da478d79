"""Writes an evaluation as a file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from services.runtime.errors import WrongState
from services.runtime.exports import ExportFile
from services.runtime.outside_text import one_line
from services.scoring.domain import LISTED_METRICS, Status
from services.scoring.evaluations import convert
from services.scoring.evaluations.domain import EvaluationDetails
from services.scoring.metrics.conversation.turns import Turn
from services.scoring.pipeline.step import StepOutcome, StepStatus
from services.scoring.step_metrics import STEP_METRICS

_UNITS = {(metric.step, metric.name): metric.unit for metric in STEP_METRICS} | {
    ("signal", metric.name): metric.unit for metric in LISTED_METRICS
}
NOT_METRICS = ("backend", "text", "transcript")
MAX_LINE_CHARACTERS = 5000


def export(found: EvaluationDetails, format_: str) -> ExportFile:
    """Returns an evaluation as a file. Raises WrongState unless it is completed and has what the format needs."""
    status = found.evaluation.status.value
    if status != Status.completed.value:
        raise WrongState(f"The evaluation is {status}. Only a completed one can be exported.", status=status)
    content_type, write = FORMATS[format_]
    suffix = "TextGrid" if format_ == "textgrid" else format_
    return ExportFile(f"{found.evaluation.id}.{suffix}", content_type, write(found).encode())


def write_json(found: EvaluationDetails) -> str:
    """Returns the evaluation as the API shows it."""
    message = MessageToDict(
        convert.details(found), preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return json.dumps(message, ensure_ascii=False, indent=2) + "\n"


def write_csv(found: EvaluationDetails) -> str:
    """Returns a line for each metric: its name, value, unit and backend.

    A name is that of the step and that of the field, with a dot between them. The name of a metric of a further version
    begins with that of the version.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["name", "value", "unit", "backend"])
    message = convert.details(found)
    writer.writerows(_rows("", message.metrics))
    if message.HasField("diarization"):
        writer.writerows(_values("", "diarization", message.diarization))
    for condition, metrics in sorted(message.condition_metrics.items()):
        writer.writerows(_rows(f"{condition}.", metrics))
    for condition, diarization in sorted(message.condition_diarization.items()):
        writer.writerows(_values(f"{condition}.", "diarization", diarization))
    return text.getvalue()


def write_rttm(found: EvaluationDetails) -> str:
    """Returns a line of NIST RTTM for each turn."""
    turns: Sequence[Turn] = _needed(found, "diarization").result.turns
    name = found.evaluation.id
    return "".join(
        f"SPEAKER {name} 1 {turn.start:.3f} {turn.end - turn.start:.3f} <NA> <NA> {turn.speaker} <NA> <NA>\n"
        for turn in turns
    )


def write_srt(found: EvaluationDetails) -> str:
    """Returns the phrases of the transcript as SubRip subtitles."""
    phrases = _needed(found, "transcription").result.phrases
    return "\n".join(
        f"{number}\n{_srt_time(phrase.start)} --> {_srt_time(phrase.end)}\n{_caption(phrase.text)}\n"
        for number, phrase in enumerate(phrases, start=1)
    )


def write_textgrid(found: EvaluationDetails) -> str:
    """Returns a TextGrid of Praat: a tier with the words, and one for each speaker if they are known."""
    words = [(word.start, word.end, word.text) for word in _needed(found, "alignment").result.words]
    tiers = {"words": words}
    speakers = found.outcome("diarization")
    if speakers is not None and speakers.status is StepStatus.completed:
        for turn in speakers.result.turns:
            tiers.setdefault(turn.speaker, []).append((turn.start, turn.end, turn.speaker))
    end = max([found.evaluation.duration_seconds or 0.0, *(span[1] for spans in tiers.values() for span in spans)])
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    lines += ["xmin = 0", f"xmax = {end:.6f}", "tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, (name, spans) in enumerate(tiers.items(), start=1):
        intervals = list(_filled(spans, end))
        lines += [f"    item [{number}]:", '        class = "IntervalTier"', f"        name = {_quoted(name)}"]
        lines += ["        xmin = 0", f"        xmax = {end:.6f}", f"        intervals: size = {len(intervals)}"]
        for index, (begin, until, text) in enumerate(intervals, start=1):
            lines += [f"        intervals [{index}]:", f"            xmin = {begin:.6f}"]
            lines += [f"            xmax = {until:.6f}", f"            text = {_quoted(text)}"]
    return "\n".join(lines) + "\n"


FORMATS: Mapping[str, tuple[str, Callable[[EvaluationDetails], str]]] = {
    "json": ("application/json", write_json),
    "csv": ("text/csv; charset=utf-8", write_csv),
    "rttm": ("text/plain; charset=utf-8", write_rttm),
    "srt": ("application/x-subrip; charset=utf-8", write_srt),
    "textgrid": ("text/plain; charset=utf-8", write_textgrid),
}
"""The content type of each format, and what writes it."""


def _needed(found: EvaluationDetails, step: str) -> StepOutcome:
    outcome = found.outcome(step)
    if outcome is None or outcome.status is not StepStatus.completed:
        why = f"it was {outcome.status.value}: {outcome.reason}" if outcome else "it is not part of the evaluation."
        raise WrongState(f"The format needs the step {step}, and {why}", status=found.evaluation.status.value)
    return outcome


def _rows(prefix: str, metrics: Message) -> Iterator[Sequence[object]]:
    for field, message in metrics.ListFields():
        yield from _values(prefix, field.name, message)


def _values(prefix: str, step: str, message: Message) -> Iterator[Sequence[object]]:
    """Yields a row for each number and short text of a message. Numbers that are absent have none."""
    for field in message.DESCRIPTOR.fields:
        absent = field.has_presence and not message.HasField(field.name)
        if field.is_repeated or field.message_type is not None or field.name in NOT_METRICS or absent:
            continue
        value = getattr(message, field.name)
        shown = str(value).lower() if isinstance(value, bool) else value
        yield f"{prefix}{step}.{field.name}", shown, _UNITS.get((step, field.name), ""), getattr(message, "backend", "")


def _srt_time(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02},{rest % 1000:03}"


def _caption(text: str) -> str:
    # An arrow would be read as the times of another subtitle.
    return one_line(text, MAX_LINE_CHARACTERS).replace("-->", "→")


def _quoted(text: str) -> str:
    return '"' + one_line(text, MAX_LINE_CHARACTERS).replace('"', '""') + '"'


def _filled(spans: Iterable[tuple[float, float, str]], end: float) -> Iterator[tuple[float, float, str]]:
    """Yields spans without overlaps, with empty ones between them, so that they cover all of the time."""
    at = 0.0
    for begin, until, text in sorted(spans):
        begin = max(begin, at)
        if until <= begin:
            continue
        if begin > at:
            yield at, begin, ""
        yield begin, until, text
        at = until
    if at < end or at == 0.0:
        yield at, end, ""
