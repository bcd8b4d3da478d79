"""Which backends an installation uses."""

from __future__ import annotations

from threading import Event, Thread

import pytest

from services.scoring.backends.backend import BackendMissing, BackendSettings, ModelCapabilities
from services.scoring.backends.choice import RETRY_LOADING_SECONDS, Backends, Role


class Present:
    name = "present"
    backend = "present/1"
    capabilities = ModelCapabilities(licence="MIT")

    def __init__(self, settings: BackendSettings) -> None:
        pass

    @classmethod
    def missing(cls, settings: BackendSettings) -> str:
        return ""


class Absent(Present):
    @classmethod
    def missing(cls, settings: BackendSettings) -> str:
        return "The package absent is not installed."


class Damaged(Present):
    def __init__(self, settings: BackendSettings) -> None:
        raise BackendMissing("The weights of damaged cannot be loaded.")


def test_the_first_that_can_run_is_used_and_loaded_once() -> None:
    backends = Backends()
    role = Role("listening", (Absent, Present))
    assert type(backends.get(role)) is Present
    assert backends.get(role) is backends.get(role)


def test_a_damaged_one_is_not_replaced_silently() -> None:
    with pytest.raises(BackendMissing, match="damaged"):
        Backends().get(Role("listening", (Damaged, Present)))


class Unreadable(Present):
    name = "unreadable"

    def __init__(self, settings: BackendSettings) -> None:
        raise OSError("invalid header")


def test_one_whose_library_can_not_read_its_files_says_so_and_is_tried_again_later() -> None:
    moment = [0.0]
    backends, role = Backends(clock=lambda: moment[0]), Role("listening", (Unreadable, Present))
    for _ in range(2):
        with pytest.raises(BackendMissing) as missing:
            backends.get(role)
        assert str(missing.value) == (
            "The model unreadable can't be loaded (OSError). Its files are damaged, incomplete or of another version. "
            "Install its package again."
        )
        moment[0] += RETRY_LOADING_SECONDS / 2


def test_memory_that_is_short_is_no_damage() -> None:
    class Large(Present):
        def __init__(self, settings: BackendSettings) -> None:
            raise MemoryError

    with pytest.raises(MemoryError):
        Backends().get(Role("listening", (Large,)))


def test_of_all_those_that_load_are_used() -> None:
    found = Backends().get_all(Role("listening", (Absent, Damaged, Present)))
    assert [type(one) for one in found] == [Present]


@pytest.mark.parametrize(
    ("candidates", "reason"),
    [((Absent, Damaged), "damaged cannot be loaded"), ((Absent,), "absent is not installed")],
)
def test_without_any_the_last_reason_is_given(candidates: tuple[type[Present], ...], reason: str) -> None:
    with pytest.raises(BackendMissing, match=reason):
        Backends().get_all(Role("listening", candidates))


class Broken(Present):
    """It can be loaded from the second try on."""

    tries = 0

    def __init__(self, settings: BackendSettings) -> None:
        Broken.tries += 1
        if Broken.tries == 1:
            raise BackendMissing("The weights of broken could not be downloaded.")


def test_one_that_cannot_be_loaded_is_tried_again_after_a_minute() -> None:
    times = [0.0]
    backends, role = Backends(clock=lambda: times[0]), Role("listening", (Broken,))
    for _ in range(3):
        with pytest.raises(BackendMissing, match="could not be downloaded"):
            backends.get(role)
    assert Broken.tries == 1
    times[0] = RETRY_LOADING_SECONDS
    assert type(backends.get(role)) is Broken


class Slow(Present):
    began, go_on = Event(), Event()

    def __init__(self, settings: BackendSettings) -> None:
        self.began.set()
        assert self.go_on.wait(10)


def test_one_that_is_being_downloaded_does_not_hold_up_the_others() -> None:
    backends = Backends()
    loading = Thread(target=backends.get, args=(Role("listening", (Slow,)),))
    loading.start()
    assert Slow.began.wait(10)
    assert type(backends.get(Role("listening", (Present,)))) is Present
    Slow.go_on.set()
    loading.join(10)
