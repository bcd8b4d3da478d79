"""`python -m deploy.local`: runs the whole mesh in the foreground until Ctrl-C."""

import argparse
import asyncio
import signal
import sys
from functools import partial
from pathlib import Path

import httpx

from deploy.local.errors import MeshError
from deploy.local.first_developer import KEY_FILE, api_key_fault
from deploy.local.mesh import Mesh
from deploy.local.process import ignoring_errors
from deploy.local.settings import LocalSettings, load_settings

REGISTER = "POST /api/v1/developers registers another"


def banner(mesh: Mesh, api_key: str | None, fault: str) -> str:
    """Returns the text shown when the mesh is ready. `fault` is why the API key does not work, empty if it works."""
    shown = api_key or f"shown when its developer was registered; {REGISTER}"
    if fault:
        shown = f"the one in {mesh.data_dir.path / KEY_FILE} does not work: {fault}. {REGISTER}"
    rows = {
        "Page": mesh.page_url or "none: it is not built (`make page` builds it), or PAGE_PATH is off",
        "API": f"{mesh.api_url}/api/v1",
        "Health": f"{mesh.api_url}/api/v1/health",
        "gRPC": mesh.api_url.removeprefix("http://"),
        "Data": str(mesh.data_dir.path) + (" (deleted at the end)" if mesh.settings.ephemeral else ""),
        "Logs": str(mesh.data_dir.path / "logs"),
        "API key": shown,
    }
    lines = [f"  {name:<8} {value}" for name, value in rows.items()]
    return "\n".join(["", "Voice Arena is ready.", "", *lines, "", "Press Ctrl-C to stop it.", ""])


async def serve(settings: LocalSettings) -> None:
    """Runs the mesh until SIGINT or SIGTERM. A second signal kills it. Raises MeshError if it can't start."""
    # The mesh goes on if the terminal or the reader of a pipe closes.
    show = ignoring_errors(partial(print, flush=True))
    print_line = ignoring_errors(partial(print, file=sys.stderr, flush=True))
    mesh = Mesh(settings, print_line=print_line)
    stop_requested = asyncio.Event()

    async def run() -> None:
        async with mesh:
            key = await mesh.first_api_key()
            show(banner(mesh, key, await api_key_fault(key, mesh.api_url) if key else ""))
            await stop_requested.wait()
            print_line("Stopping.")

    running = asyncio.create_task(run())

    def stop() -> None:
        if stop_requested.is_set():
            for process in mesh.processes.values():
                process.send(signal.SIGKILL)
        elif not mesh.ready:
            running.cancel()
        stop_requested.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        await running
    except asyncio.CancelledError:
        print_line("Stopped before it was ready.")


def main() -> int:
    """Reads the command line, runs the mesh and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description="Runs the whole mesh on this machine.")
    parser.add_argument("--ephemeral", action="store_true", help="use a temporary data directory, deleted at the end")
    parser.add_argument("--data-dir", type=Path, help="the data directory (default: ARENA_DATA_DIR, or .arena)")
    parser.add_argument(
        "--workers", help="the number of processes of a service, such as tts=2,scoring=2 (default: WORKERS)"
    )
    arguments = parser.parse_args()
    if arguments.ephemeral and arguments.data_dir:
        parser.error("--ephemeral uses a temporary data directory: leave out --data-dir")
    try:
        settings = load_settings(
            arena_data_dir=arguments.data_dir, ephemeral=arguments.ephemeral or None, workers=arguments.workers
        )
        asyncio.run(serve(settings))
    except (MeshError, httpx.HTTPError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
