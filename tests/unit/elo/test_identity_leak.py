"""Names by which a listener could tell who speaks are found as whole words, however they are written."""

import pytest

from services.elo.making.identity_leak import leaks, names_of

NAMES = names_of("Thalia by Deepgram", "deepgram", "aura-2", "aura-2-thalia-en")


@pytest.mark.parametrize(
    "text",
    [
        "Welcome to Deepgram, how can I help?",
        "This is DEEP GRAM speaking.",
        "My name is Thalia.",
        "Built with aura 2!",
        "Hello from thalia-by-deepgram.",
    ],
)
def test_a_model_that_names_itself_is_found(text: str) -> None:
    assert leaks(NAMES, text)
    assert leaks(NAMES, "Your code is 4815.", text)


@pytest.mark.parametrize(
    "text", ["Your code is 4815.", "The deep gramophone plays.", "Restaurants in Thaliaville", "auras", "en"]
)
def test_parts_of_other_words_are_no_names(text: str) -> None:
    assert not leaks(NAMES, text)


def test_languages_and_plain_words_are_no_names() -> None:
    names = names_of("English", "espeak", "", "en-us")
    assert names == {"espeak"}
    assert not leaks(names, "I speak English in the US.")
    assert leaks(names, "I am eSpeak.")
    assert names_of("Agent 7", "", "", "") == {"agent7"}
