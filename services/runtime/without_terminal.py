"""Keeps packages that only programs in a terminal need out of a service. Each service imports it first.

structlog and httpx import rich and pygments wherever they are installed, and can do without them. Services write JSON
lines, and each would need 6 MB more.
"""

import sys

for package in ("rich", "pygments"):
    # Importing it raises ImportError from now on.
    sys.modules.setdefault(package, None)  # type: ignore[arg-type]
