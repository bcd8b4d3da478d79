"""The routes of the page: its files, the paths of its screens, and what other paths get.

Envoy reads the files when it starts and sends them itself. So only files that were there at that time have a path, and
nothing in a request can name another one.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gateway.previews import PREVIEWS, USER_AGENT, Preview

# The start of the page, which every screen loads.
INDEX = "index.html"
# The paths of the screens beside `/`, as regular expressions. The page's own table of screens has the same ones; a test
# compares them.
SCREENS = (
    "/leaderboard",
    "/models/[^/]+",
    "/scenarios",
    "/analytics",
    "/playground",
    "/evaluations/[^/]+",
    "/experiments",
    "/experiments/[^/]+",
    "/listen",
    "/console",
)
# The names of the page's routes. Errors and unchanged replies are selected by them.
PAGE, PAGE_METHOD = "page", "page_method"
ALLOWED_METHODS = "GET, HEAD, OPTIONS"

# Files in this folder have a hash of their content in their name.
HASHED = "/assets/"
FOR_EVER, ALWAYS_ASKS, NEVER = "public, max-age=31536000, immutable", "no-cache", "no-store"
HTML, TEXT = "text/html; charset=utf-8", "text/plain; charset=utf-8"
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": HTML,
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": TEXT,
    ".wav": "audio/wav",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
UNKNOWN_TYPE = "application/octet-stream"
# The build writes these beside a file where they are smaller. The first one that a client accepts is sent.
ENCODINGS = {".br": "br", ".gz": "gzip"}

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        # The page keeps recordings of its demo data as blobs of its own.
        "connect-src 'self' blob:",
        "worker-src 'self'",
        "font-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
# Every answer of the page has them.
SECURITY_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=(self), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
NOT_BUILT = "The page is missing, because it is not built: `make page` builds it. The API works without it.\n"

ANY_METHOD = ""
READS = "GET|HEAD"
# Browsers that go to an address accept this, and clients of the API do not.
WANTS_HTML = ("accept", r"(.*[ ,])?text/html([ ,;].*)?")


@dataclass(frozen=True)
class PageRoute:
    """A route that Envoy answers itself."""

    pattern: str
    """A regular expression for the whole path."""
    exact: bool
    """Whether the pattern is the path itself."""
    status: int
    name: str = PAGE
    file: Path | None = None
    text: str = ""
    text_format: str = ""
    """The text as Envoy's format, in place of `text`."""
    methods: str = READS
    """A regular expression for the method, empty if any."""
    other_methods: bool = False
    """Whether the route is for the methods that `methods` does not match."""
    header: tuple[str, str] | None = None
    """A header that the request must have, and a regular expression for its whole value."""
    headers: dict[str, str] = field(default_factory=dict)


def page_routes(directory: Path | None, public_url: str) -> list[PageRoute]:
    """Returns the routes of the page in `directory`, in the order in which Envoy tries them. None has no page.

    If the directory has no page, the paths of the screens say so to browsers.
    """
    if directory is None:
        return []
    index = directory / INDEX
    screens = f"({'|'.join(('/', *(f'{path}/?' for path in SCREENS)))})"
    if not index.is_file():
        headers = {**_not_found_headers(), "content-type": TEXT}
        return [PageRoute(screens, False, 404, text=NOT_BUILT, header=WANTS_HTML, headers=headers)]
    files = {f"/{path.relative_to(directory).as_posix()}": path for path in _files(directory)}
    # All hashed names in one pattern would be larger than Envoy accepts.
    others = (re.escape(path) for path in files if not path.startswith(HASHED))
    every_path = "|".join((screens, f"{HASHED}.+", *others))
    return [
        # It is the first, so that the many routes of files need no pattern for methods. Patterns need memory.
        PageRoute(every_path, False, 405, name=PAGE_METHOD, other_methods=True),
        *(_preview_route(preview, public_url) for preview in PREVIEWS),
        *_routes_of(index, screens, exact=False, cache_control=ALWAYS_ASKS),
        *(route for path, file in files.items() for route in _routes_of_file(path, file)),
        # An unknown path gets the page's own screen for it, unless it looks like the name of a file.
        PageRoute("[^.]*", False, 404, file=index, header=WANTS_HTML, headers=_not_found_headers()),
    ]


def _preview_route(preview: Preview, public_url: str) -> PageRoute:
    headers = {"content-type": HTML, "cache-control": NEVER, "vary": "user-agent"}
    return PageRoute(
        preview.pattern, False, 200, text_format=preview.document(public_url), header=USER_AGENT, headers=headers
    )


def largest_file_bytes(routes: list[PageRoute]) -> int:
    """Returns the size of the largest file of the routes, 0 if they have none."""
    return max((route.file.stat().st_size for route in routes if route.file), default=0)


def _files(directory: Path) -> list[Path]:
    """Returns the files of the page, without those that only repeat a file with an encoding."""
    found = (path for path in directory.rglob("*") if path.is_file() and path.suffix not in ENCODINGS)
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(directory).parts))


def _routes_of_file(path: str, file: Path) -> Iterator[PageRoute]:
    cache_control = FOR_EVER if path.startswith(HASHED) else ALWAYS_ASKS
    return _routes_of(file, path, exact=True, cache_control=cache_control)


def _routes_of(file: Path, pattern: str, *, exact: bool, cache_control: str) -> Iterator[PageRoute]:
    tag = hashlib.sha256(file.read_bytes()).hexdigest()[:32]
    # The encodings of a file have the same content, which is what a weak tag says.
    cached = {"cache-control": cache_control, "etag": f'W/"{tag}"'}
    known = ("if-none-match", rf'.*"{tag}".*|[ \t]*\*[ \t]*')
    yield PageRoute(pattern, exact, 304, header=known, methods=ANY_METHOD, headers={**cached, **_vary(file)})
    for encoding, send in _encoded(file):
        accepts = ("accept-encoding", _accepts(encoding)) if encoding else None
        headers = {"content-encoding": encoding} if encoding else {}
        headers |= {"content-type": _content_type(file), **cached, **_vary(file)}
        yield PageRoute(pattern, exact, 200, file=send, header=accepts, methods=ANY_METHOD, headers=headers)


def _not_found_headers() -> dict[str, str]:
    return {"content-type": HTML, "cache-control": NEVER, "vary": "accept"}


def _encoded(file: Path) -> Iterator[tuple[str, Path]]:
    """Yields the encodings of a file, the smallest first and the file itself, which has none, last."""
    for suffix, encoding in ENCODINGS.items():
        if (encoded := file.with_name(file.name + suffix)).is_file():
            yield encoding, encoded
    yield "", file


def _vary(file: Path) -> dict[str, str]:
    return {"vary": "accept-encoding"} if len(list(_encoded(file))) > 1 else {}


def _accepts(encoding: str) -> str:
    """Returns the pattern of Accept-Encoding values with an encoding, unless its weight is 0."""
    return rf"(.*[ ,])?{re.escape(encoding)}[ \t]*(,.*|;[ \t]*q=(1|0\.0*[1-9]).*)?"


def _content_type(file: Path) -> str:
    return CONTENT_TYPES.get(file.suffix.lower(), UNKNOWN_TYPE)
