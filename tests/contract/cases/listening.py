"""Listening links, listeners and their votes."""

import re

from tests.contract.cases.auth import MOMENT
from tests.contract.cases.case import Case, Fails, Given, Ok
from tests.contract.matching import ABSENT

CREATE = "ListeningService.CreateListeningLink"
LIST = "ListeningService.ListListeningLinks"
REVOKE = "ListeningService.RevokeListeningLink"
CLOSE = "ListeningService.CloseListening"
JOIN = "ListeningService.JoinListening"
NEXT = "ListeningService.NextListeningPair"
CLIP = "ListeningService.GetListeningClip"
VOTE = "ListeningService.CastListeningVote"

LINK_ID = re.compile(r"lnk_[0-9a-f]{32}")
TOKEN = re.compile(r"[A-Za-z0-9_-]{64}")
LISTENER = re.compile(r"[A-Za-z0-9_-]{54}")
CLIP_URL = re.compile(r"http://[^/]+/api/v1/listening-clips/clp_[0-9a-f]{32}\.wav")
NO_EXPERIMENT = "exp_" + "0" * 32
# That of a developer names the developer, and is longer.
SESSION = re.compile(r"vt_[A-Za-z0-9_-]{64}([A-Za-z0-9_-]{22})?")
LINK = {
    "id": LINK_ID,
    "expires_at": MOMENT,
    "revoked_at": ABSENT,
    "created_at": MOMENT,
    "listeners": 0,
    "votes": 0,
    "max_listeners_per_address": 3,
    "excluded_votes": 0,
}
PAIR = {
    "id": re.compile(r"pai_[0-9a-f]{32}"),
    "prompt_text": re.compile(r"H(i|o|ey)\."),
    "clip_a_url": CLIP_URL,
    "clip_b_url": CLIP_URL,
    "clip_a_seconds": lambda seconds: 0.1 < seconds < 5,
    "clip_b_seconds": lambda seconds: 0.1 < seconds < 5,
}
# Every RPC refuses an invalid link with the same message.
BAD_LINKS = {
    "tampered_link_token": "Copy all of it",
    "expired_link_token": "has expired. Ask",
    "revoked_link_token": "was revoked. Ask",
}


def link(case: str, expect: Ok | Fails, *, caller: str = "developer", **request: object) -> Case:
    """Returns the case of a call that creates a link."""
    return Case(case, CREATE, {"experiment_id": Given("created_human_experiment"), **request}, expect, caller)


def vote(**request: object) -> dict[str, object]:
    """Returns a valid request for a vote by `listener_of_pair` about the last pair, with some fields changed."""
    return {
        "pair_id": request.pop("pair_id", Given("new_played_pair")),
        "token": Given("link_token"),
        "listener": Given("listener_of_pair"),
        "answer": "a",
        **request,
    }


def cast(case: str, expect: Ok | Fails, **request: object) -> Case:
    """Returns the case of a vote."""
    return Case(case, VOTE, vote(**request), expect, caller="nobody")


LINKS = [
    link(
        "a link is created before the experiment runs",
        Ok(
            {
                "link": {**LINK, "experiment_id": Given("created_human_experiment")},
                "token": TOKEN,
                "url": re.compile(r"http://[^/]+/#/listen/[A-Za-z0-9_-]{64}"),
            }
        ),
        expires_in_seconds=60,
    ),
    link(
        "a repeated request returns the first link",
        Ok({"token": Given("token_of_request_id"), "link": {"id": Given("link_of_request_id")}}),
        request_id=Given("used_link_request_id"),
    ),
    link(
        "another link with the same request_id is refused",
        Fails(
            "REQUEST_ID_REUSED", says="for another request", metadata={"field": "request_id", "first_used_at": MOMENT}
        ),
        request_id=Given("used_link_request_id"),
        expires_in_seconds=60,
    ),
    link(
        "a link for less than a minute is refused",
        Fails("INVALID_INPUT", ("expires_in_seconds",), "60"),
        expires_in_seconds=59,
    ),
    link(
        "a link for more than 90 days is refused",
        Fails("INVALID_INPUT", ("expires_in_seconds",), "7776000"),
        expires_in_seconds=7776001,
    ),
    link(
        "a link is created for a supervised panel",
        Ok({"link": {"max_listeners_per_address": 0}}),
        max_listeners_per_address=0,
    ),
    link(
        "a link is created for the maximum of listeners per address",
        Ok({"link": {"max_listeners_per_address": 1000}}),
        max_listeners_per_address=1000,
    ),
    *(
        link(
            f"a link for {most} listeners per address is refused",
            Fails("INVALID_INPUT", ("max_listeners_per_address",), "0 to 1000"),
            max_listeners_per_address=most,
        )
        for most in (-1, 1001)
    ),
    link(
        "a request_id above 100 characters is refused",
        Fails("INVALID_INPUT", ("request_id",), "100"),
        request_id="r" * 101,
    ),
    link(
        "an automated experiment gets no link",
        Fails("WRONG_STATE", says="human or hybrid", metadata={"eval_mode": "automated"}),
        experiment_id=Given("created_experiment"),
    ),
    link(
        "a cancelled experiment gets no link",
        Fails("WRONG_STATE", metadata={"status": "cancelled"}),
        experiment_id=Given("cancelled_human_experiment"),
    ),
    link("a link to somebody else's experiment is not found", Fails("NOT_FOUND"), caller="somebody_else"),
    link(
        "a link to a malformed experiment id is refused",
        Fails("INVALID_INPUT", ("experiment_id",)),
        experiment_id="exp_1",
    ),
    link("a link without a key is refused", Fails("CREDENTIALS_MISSING"), caller="nobody"),
    Case(
        "links are listed newest first",
        LIST,
        {"experiment_id": Given("linked_experiment"), "page_size": 2},
        Ok({"links": [{**LINK, "id": Given("newest_link_id")}, LINK], "next_page_token": re.compile(".+")}),
    ),
    Case(
        "the last page of links has no next token",
        LIST,
        {"experiment_id": Given("linked_experiment"), "page_size": 2, "page_token": Given("links_page_token")},
        Ok({"links": [LINK], "next_page_token": ""}),
    ),
    Case(
        "a page token of another list is refused",
        LIST,
        {"experiment_id": Given("open_experiment"), "page_token": Given("links_page_token")},
        Fails("INVALID_INPUT", ("page_token",)),
    ),
    Case(
        "somebody else's links are not found",
        LIST,
        {"experiment_id": Given("linked_experiment")},
        Fails("NOT_FOUND"),
        caller="somebody_else",
    ),
    Case(
        "a link is revoked",
        REVOKE,
        {"experiment_id": Given("open_experiment"), "link_id": Given("new_link_id")},
        Ok({**LINK, "id": Given("new_link_id"), "revoked_at": MOMENT}),
    ),
    Case(
        "a link of another experiment can't be revoked",
        REVOKE,
        {"experiment_id": Given("created_human_experiment"), "link_id": Given("new_link_id")},
        Fails("NOT_FOUND"),
    ),
    Case(
        "somebody else's link can't be revoked",
        REVOKE,
        {"experiment_id": Given("open_experiment"), "link_id": Given("new_link_id")},
        Fails("NOT_FOUND"),
        caller="somebody_else",
    ),
    Case(
        "a malformed link id is refused",
        REVOKE,
        {"experiment_id": Given("open_experiment"), "link_id": "lnk_1"},
        Fails("INVALID_INPUT", ("link_id",)),
    ),
    Case(
        "listening is closed before all votes have arrived",
        CLOSE,
        {"experiment_id": Given("new_open_experiment")},
        Ok(
            {
                "id": Given("new_open_experiment"),
                "status": "completed",
                "listening": {
                    "votes_per_pair": 100,
                    "votes_received": 0,
                    "votes_needed": 100,
                    "open": False,
                    "closes_at": MOMENT,
                },
            }
        ),
    ),
    Case(
        "listening that has not opened can't be closed",
        CLOSE,
        {"experiment_id": Given("created_human_experiment")},
        Fails("WRONG_STATE", says="not open", metadata={"status": "created"}),
    ),
    Case(
        "listening of an automated experiment can't be closed",
        CLOSE,
        {"experiment_id": Given("completed_experiment")},
        Fails("WRONG_STATE", metadata={"status": "completed"}),
    ),
    Case(
        "listening of somebody else's experiment can't be closed",
        CLOSE,
        {"experiment_id": Given("open_experiment")},
        Fails("NOT_FOUND"),
        caller="somebody_else",
    ),
    Case(
        "listening of an unknown experiment can't be closed",
        CLOSE,
        {"experiment_id": NO_EXPERIMENT},
        Fails("NOT_FOUND"),
    ),
]

LISTENERS = [
    Case(
        "anyone with a link joins",
        JOIN,
        {"token": Given("link_token")},
        Ok(
            {
                "listener": LISTENER,
                "expires_at": MOMENT,
                "progress": {"votes_given": 0, "pairs_left": 3, "open": True},
                "session_token": SESSION,
                "session_expires_at": MOMENT,
            }
        ),
        caller="nobody",
    ),
    Case(
        "a caller with a voter session joins with it",
        JOIN,
        {"token": Given("link_token")},
        Ok({"listener": LISTENER, "session_token": "", "session_expires_at": ABSENT}),
        caller="voter session",
    ),
    Case(
        "a session that joins again is the same listener",
        JOIN,
        {"token": Given("link_token")},
        Ok({"listener": Given("listener_of_session"), "session_token": ""}),
        caller="session that joined",
    ),
    Case(
        "a developer joins as an ordinary listener",
        JOIN,
        {"token": Given("link_token")},
        Ok({"listener": LISTENER, "session_token": SESSION}),
    ),
    Case(
        "a listener who joins before listening opens has no pairs yet",
        JOIN,
        {"token": Given("other_link_token")},
        Ok({"listener": LISTENER, "progress": {"votes_given": 0, "pairs_left": 0, "open": False}}),
        caller="nobody",
    ),
    Case(
        "a listener receives a pair",
        NEXT,
        {"token": Given("link_token"), "listener": Given("new_listener")},
        Ok({"pair": PAIR, "progress": {"votes_given": 0, "pairs_left": 3, "open": True}}),
        caller="nobody",
    ),
    Case(
        "there is no pair before listening opens",
        NEXT,
        {"token": Given("other_link_token"), "listener": Given("other_listener")},
        Ok({"pair": ABSENT, "progress": {"votes_given": 0, "pairs_left": 0, "open": False}}),
        caller="nobody",
    ),
    Case(
        "a listener of another link is refused",
        NEXT,
        {"token": Given("link_token"), "listener": Given("other_listener")},
        Fails("CREDENTIALS_INVALID", says="join"),
        caller="nobody",
    ),
    Case(
        "a malformed listener is refused",
        NEXT,
        {"token": Given("link_token"), "listener": "me"},
        Fails("CREDENTIALS_INVALID", says="join"),
        caller="nobody",
    ),
    Case("a clip is a WAV", CLIP, {"name": Given("new_clip")}, Ok({"content_type": "audio/wav"}), caller="nobody"),
    Case(
        "an unknown clip is not found", CLIP, {"name": "clp_" + "0" * 32 + ".wav"}, Fails("NOT_FOUND"), caller="nobody"
    ),
    Case(
        "a trial's audio is not found as a clip",
        CLIP,
        {"name": Given("audio_name")},
        Fails("NOT_FOUND"),
        caller="nobody",
    ),
    Case(
        "a clip of a revoked link is refused",
        CLIP,
        {"name": Given("clip_of_revoked_link")},
        Fails("CREDENTIALS_INVALID", says="Ask"),
        caller="nobody",
    ),
    *(
        Case(
            f"{rpc.partition('.')[2]} with the {name.replace('_', ' ')} is refused",
            rpc,
            request,
            Fails("CREDENTIALS_INVALID", says=says),
            "nobody",
        )
        for name, says in BAD_LINKS.items()
        for rpc, request in (
            (JOIN, {"token": Given(name)}),
            (NEXT, {"token": Given(name), "listener": Given("new_listener")}),
            (VOTE, vote(token=Given(name))),
        )
    ),
]

VOTES = [
    cast("a vote is counted", Ok({"progress": {"votes_given": 1, "pairs_left": 2, "open": True}})),
    cast("a vote that both clips are bad is counted", Ok({"progress": {"votes_given": 1}}), answer="both_bad"),
    cast(
        "a repeated vote counts once",
        Ok({"progress": {"votes_given": 1, "pairs_left": 2, "open": True}}),
        pair_id=Given("new_answered_pair"),
    ),
    cast(
        "another vote about the same pair is refused",
        Fails("WRONG_STATE", says="already answered with a", metadata={"status": "answered", "answer": "a"}),
        pair_id=Given("new_answered_pair"),
        answer="b",
    ),
    cast(
        "a vote before the clips were fetched is refused",
        Fails("WRONG_STATE", says="Play both clips", metadata={"status": "not_fetched"}),
        pair_id=Given("new_shown_pair"),
    ),
    cast(
        "a vote before the clips can have been played is refused",
        Fails("WRONG_STATE", says="Play both", metadata={"status": "not_heard"}),
        pair_id=Given("new_fetched_pair"),
    ),
    cast(
        "a vote after listening has closed is refused",
        Fails("WRONG_STATE", says="has closed", metadata={"status": "closed"}),
        pair_id=Given("late_pair"),
        token=Given("late_token"),
        listener=Given("late_listener"),
    ),
    cast("a vote about another listener's pair is refused", Fails("NOT_FOUND"), listener=Given("new_listener")),
    cast(
        "a vote about an unknown pair is refused",
        Fails("NOT_FOUND"),
        pair_id="pai_" + "0" * 32,
        listener=Given("new_listener"),
    ),
    cast(
        "a vote about a malformed pair id is refused",
        Fails("INVALID_INPUT", ("pair_id",)),
        pair_id="exp_" + "0" * 32,
        listener=Given("new_listener"),
    ),
    cast(
        "a vote through another link is refused",
        Fails("CREDENTIALS_INVALID", says="join"),
        token=Given("other_link_token"),
    ),
    cast(
        "a vote without an answer is refused",
        Fails("INVALID_INPUT", ("answer",), "both_bad"),
        answer="answer_unspecified",
    ),
    cast(
        "a vote with an unknown answer is refused",
        Fails("INVALID_INPUT", ("answer",), "both_bad", json_reason="MALFORMED_REQUEST"),
        answer=9,
    ),
]
CASES = [*LINKS, *LISTENERS, *VOTES]
