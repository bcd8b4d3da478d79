"""Where the weights of the large models are: in MODEL_DIR, or in the cache of the model hub, which fetches them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from services.scoring.backends.backend import BackendMissing, BackendSettings, is_out_of_memory, missing_package

log = structlog.get_logger()


def missing_library(package: str) -> str:
    """Returns a sentence if torch or a library over it is not installed, empty if both are."""
    return missing_package("torch", "models") or missing_package(package, "models")


def missing_from_hub(repository: str, settings: BackendSettings) -> str:
    """Returns a sentence if the weights of a repository of the model hub can't be had, empty if they can."""
    if not settings.offline or _folder_of_operator(repository, settings) or cached(repository, settings):
        return ""
    return not_downloaded(repository, place_of(repository, settings), settings)


def not_downloaded(model: str, place: Path | None, settings: BackendSettings) -> str:
    """Returns the sentence for weights that are neither here nor may be downloaded."""
    where = f"Put them into {place}" if place else "Set MODEL_DIR to a folder with them"
    return (
        f"The weights of {model} are not on this machine, and HF_HUB_OFFLINE forbids downloads. {where}, or unset it."
    )


def from_hub(repository: str, settings: BackendSettings, ignore: tuple[str, ...] = ()) -> Path:
    """Returns the folder with the files of a repository, and downloads it if needed, with progress on stderr.

    `ignore` has patterns of files that are not needed. Raises BackendMissing if the files can't be had.
    """
    if folder := _folder_of_operator(repository, settings):
        return folder
    if reason := missing_from_hub(repository, settings):
        raise BackendMissing(reason)
    from huggingface_hub import snapshot_download

    try:
        found = snapshot_download(
            repository,
            cache_dir=_cache(settings),
            token=settings.hf_token or None,
            local_files_only=settings.offline,
            ignore_patterns=list(ignore),
        )
    except (OSError, ValueError, RuntimeError) as error:
        place = place_of(repository, settings)
        otherwise = f"put its files into {place}" if place else "set MODEL_DIR to a folder with them"
        raise BackendMissing(
            f"The weights of {repository} could not be downloaded ({type(error).__name__}). Check the connection and "
            f"HF_TOKEN, or {otherwise}."
        ) from error
    return Path(found)


def device(settings: BackendSettings) -> Any:
    """Returns the configured torch.device. Raises BackendMissing if this machine does not have it."""
    import torch

    try:
        chosen = torch.device(settings.device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise BackendMissing(
            f"SCORING_DEVICE is {settings.device}, but torch cannot use it on this machine. `cpu` always works."
        ) from error
    return chosen


def half_on_gpu(chosen: Any) -> Any:
    """Returns a context in which networks compute in half precision on a GPU, and as they are elsewhere."""
    import torch

    return torch.autocast("cuda", torch.float16, enabled=chosen.type == "cuda")


@contextmanager
def loading(model: str, place: Path | str) -> Iterator[None]:
    """Turns what libraries raise for damaged or wrong weights into BackendMissing, which says where they are."""
    try:
        yield
    except BackendMissing:
        raise
    except Exception as error:
        # Libraries and formats of weights each have errors of their own.
        if is_out_of_memory(error):
            raise
        log.warning("weights cannot be loaded", model=model, place=str(place), exc_info=True)
        raise BackendMissing(
            f"The weights of {model} in {place} cannot be loaded ({type(error).__name__}). They are damaged, "
            "incomplete or of another model. Replace them, or delete them so that they are downloaded again."
        ) from error


def place_of(repository: str, settings: BackendSettings) -> Path | None:
    """Returns the folder where an operator can put the files of a repository. None without MODEL_DIR."""
    return settings.model_dir / repository if settings.model_dir else None


def cached(repository: str, settings: BackendSettings) -> bool:
    """Says whether the files were downloaded before. It only looks for their folder: the client is large to import."""
    snapshots = _cache(settings) / f"models--{repository.replace('/', '--')}" / "snapshots"
    return snapshots.is_dir() and any(snapshots.iterdir())


def _folder_of_operator(repository: str, settings: BackendSettings) -> Path | None:
    place = place_of(repository, settings)
    return place if place and place.is_dir() else None


def _cache(settings: BackendSettings) -> Path:
    """Returns the folder where the client of the model hub keeps its downloads: in MODEL_DIR, or its own default."""
    if settings.model_dir:
        return settings.model_dir / "hub"
    home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    return Path(home) / "hub"
