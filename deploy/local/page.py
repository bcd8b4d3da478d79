"""The page of a mesh on one machine."""

import shutil
from pathlib import Path

from deploy.local.data_dir import DataDir, make_private
from gateway.page import INDEX

# In the data directory. The gateway's configuration names files that the next build deletes, and the gateway may be
# started again after that build.
COPY = Path("run") / "page"


def copy_page(source: Path | None, data_dir: DataDir) -> Path | None:
    """Copies the page for a gateway that starts, and returns the folder of the copy. None is no page.

    The folder does not exist if the page is not built.
    """
    copy = data_dir.path / COPY
    if copy.exists():
        shutil.rmtree(copy)
    if source is None:
        return None
    if (source / INDEX).is_file():
        shutil.copytree(source, copy)
        # Like everything in the data directory.
        make_private(copy, is_folder=True)
    return copy


def has_page(data_dir: DataDir) -> bool:
    """Returns whether the gateway of this data directory serves a page."""
    return (data_dir.path / COPY / INDEX).is_file()
