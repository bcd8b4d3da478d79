"""Tokens of links and listeners can't be guessed, changed or used with another link."""

from datetime import UTC, datetime, timedelta

import pytest

from services.experiments.listening.tokens import ListeningTokens
from services.runtime.errors import Unauthenticated
from services.runtime.ids import new_id

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TOKENS = ListeningTokens("a secret of sixteen")
LINK, OTHER_LINK, LISTENER = new_id("lnk"), new_id("lnk"), new_id("lsn")


def test_a_link_token_is_valid_until_it_expires() -> None:
    token = TOKENS.of_link(LINK, NOON)
    assert len(token) == 64
    assert TOKENS.of_link(LINK, NOON) == token
    assert TOKENS.link(token, NOON - timedelta(milliseconds=1)) == LINK
    with pytest.raises(Unauthenticated, match="has expired"):
        TOKENS.link(token, NOON)


def test_a_changed_or_foreign_link_token_is_refused() -> None:
    token = TOKENS.of_link(LINK, NOON)
    changed = [token[:n] + ("A" if token[n] != "A" else "B") + token[n + 1 :] for n in range(len(token))]
    others = ["", "x", token[:-1], token + "A", token + "=", token.lower(), " " + token[1:], "é" * 64, "A" * 4_000_000]
    another_secret = ListeningTokens("another secret of sixteen").of_link(LINK, NOON)
    for bad in (*changed, *others, another_secret, TOKENS.of_listener(LISTENER, LINK)):
        with pytest.raises(Unauthenticated, match="incomplete or was changed"):
            TOKENS.link(bad, NOON - timedelta(days=1))


def test_a_listener_token_is_valid_for_its_link_only() -> None:
    token = TOKENS.of_listener(LISTENER, LINK)
    assert TOKENS.listener(token, LINK) == LISTENER
    changed = [token[:n] + ("A" if token[n] != "A" else "B") + token[n + 1 :] for n in range(len(token))]
    for bad in (*changed, "", token[:-1], TOKENS.of_link(LINK, NOON), TOKENS.of_listener(LISTENER, OTHER_LINK)):
        with pytest.raises(Unauthenticated, match="did not join through this link"):
            TOKENS.listener(bad, LINK)
    with pytest.raises(Unauthenticated):
        TOKENS.listener(token, OTHER_LINK)


def test_a_token_does_not_contain_the_listeners_id() -> None:
    assert LISTENER.partition("_")[2] not in TOKENS.of_listener(LISTENER, LINK)
