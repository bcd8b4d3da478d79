"""Voters who get battles, hear clips and vote, and watching battles."""

import re

from tests.contract.cases.case import Case, Fails, Given, Ok
from tests.contract.matching import ABSENT

WATCH = "BattleService.WatchBattle"
NEXT = "BattleService.NextBattle"
CLIP = "BattleService.GetBattleClip"
VOTE = "BattleService.VoteInBattle"
VOTER = "BattleService.GetVoter"
CREATE_VOTER = "AuthService.CreateVoter"

NO_BATTLE = "bat_" + "0" * 32
BATTLE_ID = re.compile(r"bat_[0-9a-f]{32}")
MODEL_ID = re.compile(r"mdl_[0-9a-f]{32}")
CLIP_URL = re.compile(r"http://[^/]+/api/v1/battle-clips/clp_[0-9a-f]{32}\.wav")
BY_BATTLE = "voter of battle"
"""The voter who got the last battle."""


def vote(case: str, expect: Ok | Fails, *, caller: str = BY_BATTLE, **request: object) -> Case:
    """Returns the case of a vote by the voter who got the last battle."""
    return Case(case, VOTE, {"id": Given("new_heard_battle"), "winner": "a", **request}, expect, caller)


NEXT_BATTLES = [
    Case(
        "a voter gets a battle with two opaque clips",
        NEXT,
        {"own_board": True, "category": "general"},
        Ok(
            {
                "battle_id": BATTLE_ID,
                "text": re.compile(".+"),
                "category": "general",
                "scenario_name": re.compile(".+"),
                "clip_a_url": CLIP_URL,
                "clip_b_url": CLIP_URL,
                "clip_a_seconds": lambda seconds: seconds > 0 and seconds % 0.25 == 0,
                "clip_b_seconds": lambda seconds: seconds > 0 and seconds % 0.25 == 0,
                "rated": True,
                "unrated_reason": "",
                "votes_cast": 0,
            }
        ),
        caller="voter of open battles",
    ),
    Case(
        "a repeated request returns the same battle",
        NEXT,
        {"own_board": True},
        Ok({"battle_id": Given("shown_battle"), "clip_a_url": Given("clip_of_shown_battle")}),
        caller="voter of shown battle",
    ),
    Case(
        "without a battle that fits, the voter is asked to come again",
        NEXT,
        {"category": "general", "own_board": True},
        Fails("NOT_READY", says="Ask again in", metadata={"retry_after_seconds": "5"}),
        caller="voter without battles",
    ),
    Case(
        "a category that no scenario has is refused with those that there are",
        NEXT,
        {"category": "no_such_category"},
        Fails("INVALID_INPUT", ("category",), "customer_service"),
        caller="voter",
    ),
    Case(
        "a language that no scenario has is refused with those that there are",
        NEXT,
        {"language": "tlh"},
        Fails("INVALID_INPUT", ("language",), "a language that scenarios have"),
        caller="voter",
    ),
    Case(
        "a malformed category and language are refused",
        NEXT,
        {"category": "Sales!", "language": "english?"},
        Fails("INVALID_INPUT", ("category", "language"), "BCP 47"),
        caller="voter",
    ),
    Case(
        "the own board of nobody is refused",
        NEXT,
        {"own_board": True},
        Fails("PERMISSION_DENIED", says="created without an API key"),
        caller="voter",
    ),
    Case(
        "an API key gets no battle",
        NEXT,
        {},
        Fails("CREDENTIALS_INVALID", says="An API key can't vote"),
    ),
    Case(
        "without a session there is no battle",
        NEXT,
        {},
        Fails("CREDENTIALS_MISSING", says="POST /api/v1/voters"),
        caller="nobody",
    ),
    Case(
        "a clip is a WAV",
        CLIP,
        {"name": Given("clip_name_of_shown_battle")},
        Ok({"content_type": "audio/wav"}),
        caller="nobody",
    ),
    Case(
        "an unknown clip is not found", CLIP, {"name": "clp_" + "0" * 32 + ".wav"}, Fails("NOT_FOUND"), caller="nobody"
    ),
]
VOTES = [
    *(
        vote(
            f"a voter answers {answer} and learns who spoke",
            Ok(
                {
                    "battle": {"id": Given("new_heard_battle"), "status": "decided", "own_board": True},
                    "clip_a_model": {"id": MODEL_ID, "provider": "espeak"},
                    "clip_b_model": {"id": MODEL_ID, "provider": "espeak"},
                    "rated": True,
                    "unrated_reason": "",
                    "clip_a_rating": {"before": lambda rating: rating > 1000, "after": lambda rating: rating > 1000},
                    "votes_cast": 1,
                }
            ),
            winner=answer,
        )
        for answer in ("a", "b", "tie", "both_bad")
    ),
    vote("repeating an answer returns the first result", Ok({"votes_cast": 1}), id=Given("new_answered_battle")),
    vote(
        "a second answer is refused",
        Fails("WRONG_STATE", says="already answered with a", metadata={"status": "answered", "answer": "a"}),
        id=Given("new_answered_battle"),
        winner="b",
    ),
    vote(
        "a vote without hearing is refused",
        Fails("WRONG_STATE", says="clip A and clip B was not fetched", metadata={"status": "not_fetched"}),
        id=Given("new_shown_battle"),
    ),
    vote(
        "a vote before the clips can have ended is refused",
        Fails("WRONG_STATE", says="can't have heard both", metadata={"status": "not_heard"}),
        id=Given("new_fetched_battle"),
    ),
    *(
        vote(
            f"a vote on a battle that is {status} is refused",
            Fails("WRONG_STATE", says=says, metadata={"status": status}),
            id=Given(f"{status}_battle"),
            caller="voter",
        )
        for status, says in (
            ("preparing", "still being prepared"),
            ("decided", "accepts no more votes"),
            ("void", "could not be made"),
        )
    ),
    vote(
        "a vote on a battle that was given to another voter is refused",
        Fails("NOT_FOUND", says="was not given to this voter", metadata={"resource": "battle"}),
        caller="another invited voter",
    ),
    vote(
        "a vote on a private battle of others is refused",
        Fails("NOT_FOUND", says="There is no battle"),
        caller="voter",
    ),
    vote("a vote on an unknown battle is refused", Fails("NOT_FOUND"), id=NO_BATTLE, caller="voter"),
    vote("a vote on a malformed id is refused", Fails("INVALID_INPUT", ("id",)), id="bat_1", caller="voter"),
    vote(
        "a vote without an answer is refused",
        Fails("INVALID_INPUT", ("winner",), "a, b, tie, both_bad"),
        winner="winner_unspecified",
    ),
    vote("an API key can't vote", Fails("CREDENTIALS_INVALID", says="An API key can't vote"), caller="developer"),
    vote("a vote without a session is refused", Fails("CREDENTIALS_MISSING"), caller="nobody"),
]
READING = [
    Case(
        "a voter without votes has no ranking",
        VOTER,
        {},
        Ok({"id": re.compile(r"usr_[0-9a-f]{32}"), "votes_cast": 0, "ranking": [], "votes_until_ranking": 30}),
        caller="voter",
    ),
    Case("without a session there is no voter", VOTER, {}, Fails("CREDENTIALS_MISSING"), caller="nobody"),
    Case(
        "a decided battle is sent once",
        WATCH,
        {"id": Given("decided_battle")},
        Ok(
            {
                "battle": {
                    "id": Given("decided_battle"),
                    "status": "decided",
                    "model_a_id": MODEL_ID,
                    "closes_at": ABSENT,
                }
            }
        ),
        caller="nobody",
    ),
    Case(
        "a private battle of somebody else can't be watched",
        WATCH,
        {"id": Given("own_private_battle")},
        Fails("NOT_FOUND"),
        caller="somebody_else",
    ),
]
CASES = [*NEXT_BATTLES, *VOTES, *READING]
