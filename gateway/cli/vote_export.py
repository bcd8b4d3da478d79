"""Verifies an export of votes offline: its signature, and that its votes give the board that it states.

The board is computed again by the code of the service (DECISIONS says why the command line may import it).
"""

from __future__ import annotations

import hashlib
import json
from array import array
from base64 import b64decode
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.cli.errors import CliError, ExitCode

if TYPE_CHECKING:
    from services.elo.ratings import PublishedBoard

FORMAT = 1
SIGNED_PREFIX = b"voicearena votes 1\n"
TOLERANCE = 1e-6
"""The largest difference from a stated rating or end of an interval, in Elo."""
OUTCOMES = ("a", "b", "tie", "both_bad")


@dataclass(frozen=True, slots=True)
class Verified:
    """What an export was found to be."""

    board: dict[str, Any]
    """The board that it states."""
    public_key: str
    """The key of its signature, in base 64."""
    lines: int
    """The number of its votes, counted or not."""
    votes: int
    """The number of votes from which the board was computed again."""
    difference: float
    """The largest difference of a number from the stated one, in Elo."""


@dataclass(slots=True)
class _Votes:
    """The votes of an export that count."""

    human: bytearray = field(default_factory=bytearray)
    a: array[int] = field(default_factory=lambda: array("q"))
    b: array[int] = field(default_factory=lambda: array("q"))
    outcome: bytearray = field(default_factory=bytearray)
    scenario: array[int] = field(default_factory=lambda: array("q"))
    voter: array[int] = field(default_factory=lambda: array("q"))
    ids: list[str] = field(default_factory=list)
    scenarios: dict[str, int] = field(default_factory=dict)
    voters: dict[str, int] = field(default_factory=dict)

    def add(self, vote: dict[str, Any], models: dict[str, int]) -> None:
        """Adds a vote. Raises KeyError or ValueError if it is malformed."""
        human = vote["kind"] == "human"
        self.human.append(human)
        self.a.append(models[vote["slot_a"]])
        self.b.append(models[vote["slot_b"]])
        self.outcome.append(OUTCOMES.index(vote["outcome"]))
        self.scenario.append(self.scenarios.setdefault(vote["scenario"]["id"], len(self.scenarios)))
        self.voter.append(self.voters.setdefault(vote["voter"], len(self.voters)))
        # Only people have a limit of votes, and only their ids are needed.
        self.ids.append(vote["id"] if human else "")


@dataclass(slots=True)
class _Export:
    """What was read from an export."""

    header: dict[str, Any] = field(default_factory=dict)
    models: dict[str, int] = field(default_factory=dict)
    votes: _Votes = field(default_factory=_Votes)
    count: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    signature: dict[str, Any] = field(default_factory=dict)

    def read(self, line: dict[str, Any], raw: bytes) -> None:
        """Takes over a line. Raises _Malformed if it does not belong there."""
        kind = line.get("type")
        if self.signature:
            raise _Malformed("it has lines after the signature")
        if kind == "signature":
            self.signature = line
            return
        self.digest.update(raw)
        if kind == "board" and not self.header:
            if line.get("format") != FORMAT:
                raise _Malformed(f"it has format {line.get('format')}, and this arena reads {FORMAT}")
            self.header = line
            self.models = {model["id"]: number for number, model in enumerate(line["models"])}
        elif kind == "vote" and self.header:
            self.count += 1
            if line["rated"] and line["state"] == "counted":
                self.votes.add(line, self.models)
        else:
            raise _Malformed("it does not begin with a board that is followed by votes")


class _Malformed(ValueError):
    """A line does not belong where it is."""


def verify(path: Path, public_key: str = "") -> Verified:
    """Verifies an export. With `public_key`, its signature must be of that key.

    Raises CliError if the file is no complete export, the signature is not valid, or the votes give another board.
    """
    export = _Export()
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                try:
                    export.read(json.loads(raw), raw)
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    reason = str(error) if isinstance(error, _Malformed) else "it is malformed"
                    raise CliError(f"{path} is no export of votes: line {number}: {reason}.", ExitCode.USAGE) from None
    except OSError as error:
        raise CliError(f"{path} can't be read: {error.strerror}.", ExitCode.USAGE) from None
    if not export.signature:
        raise CliError(f"{path} ends before its signature.", hint="Export the votes again.")
    key = _check_signature(export, public_key)
    votes, difference = _compare(export)
    return Verified(export.header["leaderboard"], key, export.count, votes, difference)


def _check_signature(export: _Export, public_key: str) -> str:
    """Returns the key of the signature. Raises CliError if the signature is not valid."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    stated = export.signature.get("public_key", "")
    if public_key and stated != public_key:
        raise CliError(f"The export is signed with another key: {stated}.", hint="Was it made by another installation?")
    try:
        key = Ed25519PublicKey.from_public_bytes(b64decode(stated, validate=True))
        signature = b64decode(export.signature["signature"], validate=True)
        key.verify(signature, SIGNED_PREFIX + export.digest.digest())
    except (InvalidSignature, ValueError, KeyError, TypeError):
        raise CliError("The signature is not valid: the export was changed after it was made.") from None
    return str(stated)


def _compare(export: _Export) -> tuple[int, float]:
    """Computes the board again. Returns the number of its votes and the largest difference from the stated numbers.

    Raises CliError if the board is another one.
    """
    import numpy as np

    stated = export.header["leaderboard"]
    votes = export.votes
    if not votes.ids:
        raise CliError("No vote of the export counts, so it states no board.")
    slots = np.array([votes.a, votes.b], dtype=np.intp)
    # Models are numbered without gaps, in the order in which the export lists them.
    listed = np.unique(slots)
    published = _published(export, np.searchsorted(listed, slots), len(listed))
    numbers = published.board
    ids = [id_ for id_, number in export.models.items() if number in set(listed.tolist())]
    rows = {row["model_id"]: row for row in stated["rows"]}
    fitted = sum(len(chosen) for chosen in published.votes.values())
    if set(rows) != set(ids):
        raise CliError("The votes are about other models than the board has.")
    if fitted != stated["votes"]:
        raise CliError(f"The board states {stated['votes']} votes, and {fitted} of the export count.")
    largest = 0.0
    for at, id_ in enumerate(ids):
        row = rows[id_]
        half_width = float(numbers.half_width[at])
        known = bool(np.isfinite(half_width))
        ranks = (int(numbers.rank[at]), int(numbers.rank_worst[at]), bool(numbers.provisional[at]))
        if known != ("rating_low" in row) or ranks != (row["rank"], row["rank_worst"], row["provisional"]):
            raise CliError(f"The votes give {row['name']} another rank than the board states.")
        rating = float(numbers.elo[at])
        ends = {"rating_low": rating - half_width, "rating_high": rating + half_width} if known else {}
        for name, value in {"rating": rating, **ends}.items():
            largest = max(largest, abs(row[name] - value))
    if not largest <= TOLERANCE:
        raise CliError(
            f"The votes give other ratings than the board states: they differ by up to {largest:.3g} points."
        )
    return fitted, largest


def _published(export: _Export, slots: Any, models: int) -> PublishedBoard:
    import numpy as np

    from services.elo.ratings import METHOD_VERSION, BoardKind, Evidence, Method, VoteKind, publish_evidence

    stated, votes = export.header["leaderboard"], export.votes
    if stated["method_version"] != METHOD_VERSION:
        raise CliError(
            f"The board is made by the method {stated['method_version']}, and this arena has {METHOD_VERSION}.",
            hint="Use a version of arena that has the same method.",
        )
    method = export.header["method"]
    masses = {VoteKind(kind): float(mass) for kind, mass in method["masses"].items()}
    evidence = Evidence(
        human=np.frombuffer(votes.human, dtype=np.bool_),
        a=slots[0],
        b=slots[1],
        outcome=np.frombuffer(votes.outcome, dtype=np.uint8).astype(np.intp),
        scenario=np.array(votes.scenario, dtype=np.intp),
        voter=np.array(votes.voter, dtype=np.intp),
        ids=votes.ids,
    )
    published = publish_evidence(evidence, BoardKind(stated["board"]), models, Method(**{**method, "masses": masses}))
    assert published is not None, "it has votes"
    return published
