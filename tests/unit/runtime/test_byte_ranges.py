"""Which bytes a GET returns. Examples are from RFC 9110 where it has some."""

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
def test_a_range_selects_its_bytes(text: str, start: int, end: int) -> None:
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
def test_a_header_that_is_not_one_valid_range_is_ignored(text: str) -> None:
    assert selected(range=text) == WHOLE


@pytest.mark.parametrize("text", ["bytes=10000-", "bytes=10000-10001", "bytes=-0", "bytes=999999999999999999-"])
def test_a_range_beyond_the_end_is_refused_with_the_size(text: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as refused:
        selected(range=text)
    assert refused.value.metadata == {"size": "10000"}


def test_a_range_of_a_head_is_ignored() -> None:
    assert selected("HEAD", range="bytes=0-1") == selected("HEAD", range="bytes=10000-") == WHOLE


@pytest.mark.parametrize("known", [ETAG, f"W/{ETAG}", "*", f'"x", {ETAG}', f'W/"x",W/{ETAG}', f' {ETAG} , "y"'])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_client_with_the_current_version_gets_nothing(method: str, known: str) -> None:
    assert selected(method, if_none_match=known, range="bytes=0-1") is None


@pytest.mark.parametrize("known", ['"x"', "abc", "", '"abc', 'W/"x"', '"abcd"', '"ABC"'])
def test_a_client_with_another_version_gets_everything(known: str) -> None:
    assert selected(if_none_match=known) == WHOLE


@pytest.mark.parametrize("wanted", [ETAG, "*", f'"x", {ETAG}'])
def test_a_met_condition_changes_nothing(wanted: str) -> None:
    assert selected(if_match=wanted, range="bytes=0-1") == Selected(0, 2, 10_000, partial=True)


@pytest.mark.parametrize("wanted", ['"x"', f"W/{ETAG}", "", "abc"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_condition_that_is_not_met_is_refused(method: str, wanted: str) -> None:
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
def test_an_if_range_selects_the_range_only_of_the_same_version(condition: str, partial: bool) -> None:
    found = selected(if_range=condition, range="bytes=9999-")
    assert found == (Selected(9999, 10_000, 10_000, partial=True) if partial else WHOLE)


def test_a_range_beyond_the_end_of_another_version_is_ignored() -> None:
    assert selected(if_range='"x"', range="bytes=10000-") == WHOLE
