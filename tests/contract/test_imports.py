"""Which modules may import which. Most contracts are in pyproject.toml under [tool.importlinter]."""

import subprocess
import sys
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"
# Modules that only compute.
PURE = {"domain", "verdict", "measurement", "object_names", "plausibility", "sample_formats", "utterances"}
# Further packages and modules that only compute.
PURE_PACKAGES = (
    "services.elo.ratings",
    "services.scoring.metrics",
    "services.shared.audio",
    "services.shared.clips.domain",
    "services.shared.listening.domain",
    "services.shared.listening.judging",
    "services.shared.listening.pairing",
    "services.shared.metrics",
)
# What pure modules may import beside each other and the standard library.
ALLOWED = {
    "numpy",
    "rapidfuzz",
    "scipy",
    "soxr",
    "whisper_normalizer",
    "services.runtime.backoff",
    "services.runtime.errors",
    "services.runtime.outside_text",
}


def test_no_module_breaks_an_import_contract() -> None:
    done = subprocess.run(
        [LINT_IMPORTS, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_pure_modules_import_only_allowed_modules() -> None:
    graph = grimp.build_graph("services", include_external_packages=True, cache_dir=None)
    pure = {
        module
        for module in graph.modules
        if module.startswith(PURE_PACKAGES) or (module.startswith("services.") and set(module.split(".")[2:3]) & PURE)
    }
    assert {module.split(".")[1] for module in pure} == {"auth", "elo", "experiments", "scoring", "shared", "tts"}
    imported = {name for module in pure for name in graph.find_modules_directly_imported_by(module)}
    assert {name for name in imported - pure if name.split(".")[0] not in sys.stdlib_module_names} <= ALLOWED
