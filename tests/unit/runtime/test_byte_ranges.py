"""Which bytes a GET is answered with; the examples are RFC 9110's where it has some."""

import pytest

from services.runtime.byte_ranges import Selected, select
from services.runtime.errors import PreconditionFailed, RangeNotSatisfiable

ETAG = '"abc"'
WHOLE = Selected(0, 10_000, 10_000)


def selected(method: str = "GET", size: int = 10_000, **headers: str) -> Selected | None:
    return select(method, {name.replace("_", "-"): value for name, value in headers.items()}, ETAG, size)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("bytes=0-499", 0, 500),
        ("bytes=500-999", 500, 1000),
        ("bytes=-500", 9500, 10_000),
        ("bytes=9500-", 9500, 10_000),
        ("bytes=0-0", 0, 1),
        ("bytes=-1", 9999, 10_000),
        ("bytes=0-", 0, 10_000),
        ("bytes=0-1", 0, 2),
        ("bytes=0-99999", 0, 10_000),
        ("bytes=-99999", 0, 10_000),
        ("bytes=9999-9999", 9999, 10_000),
        ("bytes=000-001", 0, 2),
        ("BYTES=0-1", 0, 2),
        ("bytes= 0-1 ", 0, 2),
    ],
)
def test_a_range_is_answered_with_its_bytes(text: str, start: int, end: int) -> None:
    assert selected(range=text) == Selected(start, end, 10_000, partial=True)


def test_content_range_names_the_last_byte_and_the_size() -> None:
    assert Selected(500, 1000, 10_000, partial=True).content_range == "bytes 500-999/10000"


@pytest.mark.parametrize(
    "text",
    [
        *("", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=1", "bytes=--1", "bytes=+1-2", "bytes=0x1-2"),
        *("items=0-5", "0-5", "bytes 0-5", "bytes=5-2", "bytes=1.5-2", "bytes=\u0661-\u0662"),
        *("bytes=0-1,4-5", "bytes=0-0, -1", "bytes=0-1, bytes=2-3", "bytes=" + "9" * 5000 + "-", "bytes=0-1" * 1000),
    ],
)
def test_what_can_not_be_read_as_one_range_is_answered_with_everything(text: str) -> None:
    assert selected(range=text) == WHOLE


@pytest.mark.parametrize("text", ["bytes=10000-", "bytes=10000-10001", "bytes=-0", "bytes=999999999999999999-"])
def test_a_range_with_none_of_the_bytes_is_refused_with_the_size(text: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as refused:
        selected(range=text)
    assert refused.value.metadata == {"size": "10000"}


def test_only_a_get_has_ranges() -> None:
    assert selected("HEAD", range="bytes=0-1") == selected("HEAD", range="bytes=10000-") == WHOLE


@pytest.mark.parametrize("known", [ETAG, f"W/{ETAG}", "*", f'"x", {ETAG}', f'W/"x",W/{ETAG}', f' {ETAG} , "y"'])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_has_it_already_gets_nothing(method: str, known: str) -> None:
    assert selected(method, if_none_match=known, range="bytes=0-1") is None


@pytest.mark.parametrize("known", ['"x"', "abc", "", '"abc', 'W/"x"', '"abcd"', '"ABC"'])
def test_who_has_another_gets_it(known: str) -> None:
    assert selected(if_none_match=known) == WHOLE


@pytest.mark.parametrize("wanted", [ETAG, "*", f'"x", {ETAG}'])
def test_a_condition_that_holds_changes_nothing(wanted: str) -> None:
    assert selected(if_match=wanted, range="bytes=0-1") == Selected(0, 2, 10_000, partial=True)


@pytest.mark.parametrize("wanted", ['"x"', f"W/{ETAG}", "", "abc"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_condition_that_does_not_hold_is_told(method: str, wanted: str) -> None:
    with pytest.raises(PreconditionFailed):
        selected(method, if_match=wanted, if_none_match=ETAG, range="bytes=99999-")


@pytest.mark.parametrize(
    ("condition", "partial"),
    [
        (ETAG, True),
        (f" {ETAG} ", True),
        ('"x"', False),
        (f"W/{ETAG}", False),
        ("Wed, 21 Oct 2015 07:28:00 GMT", False),
        ("*", False),
    ],
)
def test_a_range_of_what_the_client_began_with_is_for_that_alone(condition: str, partial: bool) -> None:
    found = selected(if_range=condition, range="bytes=9999-")
    assert found == (Selected(9999, 10_000, 10_000, partial=True) if partial else WHOLE)


def test_a_range_beyond_the_end_of_something_else_is_answered_with_everything() -> None:
    assert selected(if_range='"x"', range="bytes=10000-") == WHOLE
