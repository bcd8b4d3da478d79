"""`make up` shows a first API key that works, or says why the stored key does not work."""

from deploy.local.__main__ import banner
from deploy.local.first_developer import api_key_fault
from deploy.local.mesh import Mesh
from gateway.page import INDEX
from gateway.settings import PAGE
from services.auth.domain import new_key
from tests.contract.world import World


def line_of_key(text: str) -> str:
    (line,) = [line for line in text.splitlines() if "API key" in line]
    return line.strip()


async def test_a_working_key_is_shown(mesh: Mesh) -> None:
    key = await mesh.first_api_key()
    assert key is not None
    assert await api_key_fault(key, mesh.api_url) == ""
    assert line_of_key(banner(mesh, key, "")) == f"API key  {key}"


async def test_a_revoked_key_is_not_shown_but_the_reason_is(mesh: Mesh, world: World) -> None:
    key = await world.value("revoked_key")
    fault = await api_key_fault(key, mesh.api_url)
    assert fault == "The API key was revoked"
    shown = line_of_key(banner(mesh, key, fault))
    assert shown == (
        f"API key  the one in {mesh.data_dir.path / 'api_key'} does not work: The API key was revoked. "
        "POST /api/v1/developers registers another"
    )


async def test_an_unknown_key_and_an_expired_key_are_reported_with_the_reason(mesh: Mesh, world: World) -> None:
    assert await api_key_fault(new_key(), mesh.api_url) == "The API key is unknown"
    assert (await api_key_fault(await world.value("expired_key"), mesh.api_url)).startswith("The API key expired at ")


def test_without_a_key_the_banner_says_how_to_get_one(mesh: Mesh) -> None:
    assert "registers another" in line_of_key(banner(mesh, None, ""))


async def test_the_banner_has_the_address_of_the_page_or_says_how_to_build_it(mesh: Mesh) -> None:
    (line,) = [line for line in banner(mesh, None, "").splitlines() if line.startswith("  Page ")]
    if (PAGE / INDEX).is_file():
        assert line == f"  Page     {mesh.api_url}/"
    else:
        assert line == "  Page     none: it is not built (`make page` builds it), or PAGE_PATH is off"
