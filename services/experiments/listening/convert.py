"""Converts listening links, listeners and pairs to protos."""

from collections.abc import Mapping

from voicearena.experiments.v1 import listening_pb2, listening_service_pb2

from services.experiments.listening.domain import TalliedLink
from services.experiments.listening.links import CreatedLink
from services.experiments.listening.listeners import JoinedListener
from services.runtime.clock import timestamp
from services.runtime.errors import FieldViolation, InvalidInput
from services.shared.listening.comparing import NextPair
from services.shared.listening.domain import Assignment, ListenerAnswer, ListenerProgress

_ANSWER = listening_service_pb2.CastListeningVoteRequest.Answer
_ANSWERS: Mapping[int, ListenerAnswer] = {_ANSWER.Value(answer): answer for answer in ListenerAnswer}


def answer(value: int) -> ListenerAnswer:
    """Returns the listener's answer for its number in the proto. Raises InvalidInput if there is none."""
    if value not in _ANSWERS:
        raise InvalidInput.of(FieldViolation("answer", f"must be one of {', '.join(ListenerAnswer)}"))
    return _ANSWERS[value]


def link(tallied: TalliedLink) -> listening_pb2.ListeningLink:
    """Returns the proto of a link."""
    value, tally = tallied.link, tallied.tally
    return listening_pb2.ListeningLink(
        id=value.id,
        experiment_id=value.experiment_id,
        listeners=tally.listeners,
        votes=tally.votes,
        max_listeners_per_address=value.max_listeners_per_address,
        excluded_votes=tally.excluded_votes,
        expires_at=timestamp(value.expires_at),
        created_at=timestamp(value.created_at),
        revoked_at=timestamp(value.revoked_at),
    )


def made_link(value: CreatedLink, public_url: str) -> listening_service_pb2.CreateListeningLinkResponse:
    """Returns the proto of a new link, with its token and URL."""
    # Browsers don't send the part after the `#` to servers, so the token is in no server's log.
    return listening_service_pb2.CreateListeningLinkResponse(
        link=link(value.link), token=value.token, url=f"{public_url}/#/listen/{value.token}"
    )


def progress(value: ListenerProgress) -> listening_pb2.ListenerProgress:
    """Returns the proto of a listener's progress."""
    return listening_pb2.ListenerProgress(votes_given=value.votes_given, pairs_left=value.pairs_left, open=value.open)


def joined(value: JoinedListener) -> listening_service_pb2.JoinListeningResponse:
    """Returns the proto of a listener, with the session if one was made."""
    return listening_service_pb2.JoinListeningResponse(
        listener=value.token,
        progress=progress(value.progress),
        expires_at=timestamp(value.expires_at),
        session_token=value.session.token if value.session else "",
        session_expires_at=timestamp(value.session.expires_at if value.session else None),
    )


def next_pair(value: NextPair, public_url: str) -> listening_service_pb2.NextListeningPairResponse:
    """Returns the proto of a listener's next pair, without a pair if there is none."""
    message = listening_service_pb2.NextListeningPairResponse(progress=progress(value.progress))
    if value.assignment is not None:
        message.pair.CopyFrom(_pair(value.assignment, value.text, public_url))
    return message


def _pair(value: Assignment, prompt_text: str, public_url: str) -> listening_pb2.ListeningPair:
    return listening_pb2.ListeningPair(
        id=value.id,
        prompt_text=prompt_text,
        clip_a_url=f"{public_url}/api/v1/listening-clips/{value.clip_a}",
        clip_b_url=f"{public_url}/api/v1/listening-clips/{value.clip_b}",
        clip_a_seconds=value.a_seconds,
        clip_b_seconds=value.b_seconds,
    )
