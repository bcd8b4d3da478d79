"""What listens is installed as far as this platform has wheels of it."""

from collections.abc import Sequence

import pytest

from deploy.local.install import PINNED, InstallationFailed, install, listening_requirements, name_of


class Pip:
    """Installs everything but some packages, and records its calls."""

    def __init__(self, *lacks: str) -> None:
        self.calls: list[Sequence[str]] = []
        self._lacks = lacks

    def __call__(self, arguments: Sequence[str]) -> bool:
        self.calls.append(arguments)
        wanted = [PINNED] if "-r" in arguments else [name_of(one) for one in arguments if not one.startswith("-")]
        return not set(wanted) & set(self._lacks)


def test_the_project_and_what_listens_are_installed_in_one_call_after_the_pinned_wheel() -> None:
    pip = Pip()
    assert install("dev", pip) == []
    pinned, rest = pip.calls
    assert "--require-hashes" in pinned
    assert set(listening_requirements()) < set(rest)


def test_packages_without_a_wheel_are_named_and_the_others_are_installed() -> None:
    pip = Pip("moonshine-voice", "av")
    assert install("gen", pip) == ["moonshine-voice", "av"]
    alone = {name_of(call[-1]) for call in pip.calls[3:]}
    assert alone == {name_of(one) for one in listening_requirements()} - {"moonshine-voice"}


def test_none_of_them_is_compiled() -> None:
    pip = Pip("moonshine-voice", "av")
    install("gen", pip)
    assert [any(one.startswith("--only-binary") for one in call) for call in pip.calls[:4]] == [True, True, False, True]


def test_the_installation_fails_if_the_project_cannot_be_installed() -> None:
    with pytest.raises(InstallationFailed):
        install("gen", lambda arguments: False)
