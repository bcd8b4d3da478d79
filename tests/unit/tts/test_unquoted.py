"""What a provider repeats of a text does not get into the logs."""

import pytest

from services.tts.unquoted import unquoted

TEXT = "Dear Ms Lovelace, your appointment is on Monday."


@pytest.mark.parametrize(
    ("message", "logged"),
    [
        (f"unsupported input: {TEXT}", "unsupported input: ..."),
        ("unsupported input: 'Dear Ms Lovelace, y' (cut)", "unsupported input: '...' (cut)"),
        ("the quota of the account is used up", "the quota of the account is used up"),
        ("is on Mars", "is on Mars"),
    ],
)
def test_pieces_of_the_text_are_left_out(message: str, logged: str) -> None:
    assert unquoted(message, TEXT) == logged


def test_a_short_text_is_left_out_whole_and_none_leaves_everything() -> None:
    assert unquoted("can't say 'Ada' now", "Ada") == "can't say '...' now"
    assert unquoted("can't say that", "") == "can't say that"
