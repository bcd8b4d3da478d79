"""Links, and what those who have one do."""

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
SESSION = re.compile(r"vt_[A-Za-z0-9_-]{64}")
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
# What is wrong with a link comes out alike wherever one is taken.
BAD_LINKS = {
    "tampered_link_token": "Copy all of it",
    "expired_link_token": "has expired. Ask",
    "revoked_link_token": "was revoked. Ask",
}


def link(case: str, expect: Ok | Fails, *, caller: str = "developer", **request: object) -> Case:
    """Returns the case of a call that makes a link."""
    return Case(case, CREATE, {"experiment_id": Given("created_human_experiment"), **request}, expect, caller)


def vote(**request: object) -> dict[str, object]:
    """Returns a good request for a vote about a pair of `its_listener`, which is made first; changed in some fields."""
    return {
        "pair_id": request.pop("pair_id", Given("new_heard_pair")),
        "token": Given("link_token"),
        "listener": Given("its_listener"),
        "answer": "a",
        **request,
    }


def cast(case: str, expect: Ok | Fails, **request: object) -> Case:
    """Returns the case of a vote."""
    return Case(case, VOTE, vote(**request), expect, caller="nobody")


LINKS = [
    link(
        "a link is made as soon as there is an experiment",
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
        "the same request again returns the first link",
        Ok({"token": Given("token_of_request_id"), "link": {"id": Given("link_of_request_id")}}),
        request_id=Given("used_link_request_id"),
    ),
    link(
        "another link with the same request id",
        Fails(
            "REQUEST_ID_REUSED", says="for another request", metadata={"field": "request_id", "first_used_at": MOMENT}
        ),
        request_id=Given("used_link_request_id"),
        expires_in_seconds=60,
    ),
    link("a link for less than a minute", Fails("INVALID_INPUT", ("expires_in_seconds",), "60"), expires_in_seconds=59),
    link(
        "a link for more than 90 days",
        Fails("INVALID_INPUT", ("expires_in_seconds",), "7776000"),
        expires_in_seconds=7776001,
    ),
    link(
        "a link for a supervised panel",
        Ok({"link": {"max_listeners_per_address": 0}}),
        max_listeners_per_address=0,
    ),
    link(
        "a link for as many listeners at an address as there may be",
        Ok({"link": {"max_listeners_per_address": 1000}}),
        max_listeners_per_address=1000,
    ),
    *(
        link(
            f"a link for {most} listeners at an address",
            Fails("INVALID_INPUT", ("max_listeners_per_address",), "0 to 1000"),
            max_listeners_per_address=most,
        )
        for most in (-1, 1001)
    ),
    link("a request_id that never ends", Fails("INVALID_INPUT", ("request_id",), "100"), request_id="r" * 101),
    link(
        "nobody listens to measurements",
        Fails("WRONG_STATE", says="human or hybrid", metadata={"eval_mode": "automated"}),
        experiment_id=Given("created_experiment"),
    ),
    link(
        "what was cancelled is not listened to",
        Fails("WRONG_STATE", metadata={"status": "cancelled"}),
        experiment_id=Given("cancelled_human_experiment"),
    ),
    link("the experiment of somebody else", Fails("NOT_FOUND"), caller="somebody_else"),
    link("an experiment that is none", Fails("INVALID_INPUT", ("experiment_id",)), experiment_id="exp_1"),
    link("a link without a key", Fails("CREDENTIALS_MISSING"), caller="nobody"),
    Case(
        "links are listed newest first",
        LIST,
        {"experiment_id": Given("linked_experiment"), "page_size": 2},
        Ok({"links": [{**LINK, "id": Given("newest_link_id")}, LINK], "next_page_token": re.compile(".+")}),
    ),
    Case(
        "the last page of links",
        LIST,
        {"experiment_id": Given("linked_experiment"), "page_size": 2, "page_token": Given("links_page_token")},
        Ok({"links": [LINK], "next_page_token": ""}),
    ),
    Case(
        "a page token of another list",
        LIST,
        {"experiment_id": Given("open_experiment"), "page_token": Given("links_page_token")},
        Fails("INVALID_INPUT", ("page_token",)),
    ),
    Case(
        "links of somebody else",
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
        "a link of another experiment",
        REVOKE,
        {"experiment_id": Given("created_human_experiment"), "link_id": Given("new_link_id")},
        Fails("NOT_FOUND"),
    ),
    Case(
        "a link of somebody else",
        REVOKE,
        {"experiment_id": Given("open_experiment"), "link_id": Given("new_link_id")},
        Fails("NOT_FOUND"),
        caller="somebody_else",
    ),
    Case(
        "a link that is none",
        REVOKE,
        {"experiment_id": Given("open_experiment"), "link_id": "lnk_1"},
        Fails("INVALID_INPUT", ("link_id",)),
    ),
    Case(
        "listening is closed with the votes that there are",
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
        "listening that has not opened is not closed",
        CLOSE,
        {"experiment_id": Given("created_human_experiment")},
        Fails("WRONG_STATE", says="not open", metadata={"status": "created"}),
    ),
    Case(
        "listening that nobody was asked for is not closed",
        CLOSE,
        {"experiment_id": Given("completed_experiment")},
        Fails("WRONG_STATE", metadata={"status": "completed"}),
    ),
    Case(
        "listening of somebody else",
        CLOSE,
        {"experiment_id": Given("open_experiment")},
        Fails("NOT_FOUND"),
        caller="somebody_else",
    ),
    Case("listening of no experiment", CLOSE, {"experiment_id": NO_EXPERIMENT}, Fails("NOT_FOUND")),
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
        "who comes with a session joins with it",
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
        "a developer who joins is a listener like any other",
        JOIN,
        {"token": Given("link_token")},
        Ok({"listener": LISTENER, "session_token": SESSION}),
    ),
    Case(
        "who joins before there is something to hear waits",
        JOIN,
        {"token": Given("other_link_token")},
        Ok({"listener": LISTENER, "progress": {"votes_given": 0, "pairs_left": 0, "open": False}}),
        caller="nobody",
    ),
    Case(
        "a listener is given a pair",
        NEXT,
        {"token": Given("link_token"), "listener": Given("new_listener")},
        Ok({"pair": PAIR, "progress": {"votes_given": 0, "pairs_left": 3, "open": True}}),
        caller="nobody",
    ),
    Case(
        "there is no pair before there is something to hear",
        NEXT,
        {"token": Given("other_link_token"), "listener": Given("other_listener")},
        Ok({"pair": ABSENT, "progress": {"votes_given": 0, "pairs_left": 0, "open": False}}),
        caller="nobody",
    ),
    Case(
        "a listener of another link",
        NEXT,
        {"token": Given("link_token"), "listener": Given("other_listener")},
        Fails("CREDENTIALS_INVALID", says="join"),
        caller="nobody",
    ),
    Case(
        "a listener that is none",
        NEXT,
        {"token": Given("link_token"), "listener": "me"},
        Fails("CREDENTIALS_INVALID", says="join"),
        caller="nobody",
    ),
    Case("a clip is a WAV", CLIP, {"name": Given("new_clip")}, Ok({"content_type": "audio/wav"}), caller="nobody"),
    Case("a clip that is none", CLIP, {"name": "clp_" + "0" * 32 + ".wav"}, Fails("NOT_FOUND"), caller="nobody"),
    Case("a trial is no clip", CLIP, {"name": Given("audio_name")}, Fails("NOT_FOUND"), caller="nobody"),
    Case(
        "a clip of a revoked link",
        CLIP,
        {"name": Given("clip_of_revoked_link")},
        Fails("CREDENTIALS_INVALID", says="ask"),
        caller="nobody",
    ),
    *(
        Case(f"{rpc.partition('.')[2]} with a {name}", rpc, request, Fails("CREDENTIALS_INVALID", says=says), "nobody")
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
    cast("both may be bad", Ok({"progress": {"votes_given": 1}}), answer="both_bad"),
    cast(
        "the same vote again counts once",
        Ok({"progress": {"votes_given": 1, "pairs_left": 2, "open": True}}),
        pair_id=Given("new_answered_pair"),
    ),
    cast(
        "another vote about the same pair",
        Fails("WRONG_STATE", says="already answered this pair with a", metadata={"status": "answered", "answer": "a"}),
        pair_id=Given("new_answered_pair"),
        answer="b",
    ),
    cast(
        "a vote without having fetched the clips",
        Fails("WRONG_STATE", says="Play both clips", metadata={"status": "not_fetched"}),
        pair_id=Given("new_shown_pair"),
    ),
    cast(
        "a vote before the clips can have been heard",
        Fails("WRONG_STATE", says="Play both", metadata={"status": "not_heard"}),
        pair_id=Given("new_fetched_pair"),
    ),
    cast(
        "a vote that comes late",
        Fails("WRONG_STATE", says="has closed", metadata={"status": "closed"}),
        pair_id=Given("late_pair"),
        token=Given("late_token"),
        listener=Given("late_listener"),
    ),
    cast("a vote for a pair that was shown to somebody else", Fails("NOT_FOUND"), listener=Given("new_listener")),
    cast(
        "a vote for a pair that is none", Fails("NOT_FOUND"), pair_id="pai_" + "0" * 32, listener=Given("new_listener")
    ),
    cast(
        "a vote for something else",
        Fails("INVALID_INPUT", ("pair_id",)),
        pair_id="exp_" + "0" * 32,
        listener=Given("new_listener"),
    ),
    cast(
        "a vote by another link",
        Fails("CREDENTIALS_INVALID", says="join"),
        token=Given("other_link_token"),
    ),
    cast("a vote for nothing", Fails("INVALID_INPUT", ("answer",), "both_bad"), answer="answer_unspecified"),
    cast(
        "a vote for a side that there is not",
        Fails("INVALID_INPUT", ("answer",), "both_bad", json_reason="MALFORMED_REQUEST"),
        answer=9,
    ),
]
CASES = [*LINKS, *LISTENERS, *VOTES]
