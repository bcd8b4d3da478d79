"""The page tells before an experiment what its verdict could show."""

import re
from pathlib import Path

from services.experiments.verdict.power import detectable_dz

ESTIMATE = Path(__file__).parents[3] / "gateway" / "web" / "src" / "screens" / "experiments" / "estimate.ts"


def test_the_page_has_the_same_smallest_differences_as_the_verdict() -> None:
    table = re.search(r"DETECTABLE_DZ: .*? = \{(.*?)\}", ESTIMATE.read_text(), re.DOTALL)
    assert table is not None
    shown = {int(prompts): float(dz) for prompts, dz in re.findall(r"(\d+): ([\d.]+),", table[1])}
    assert shown == {prompts: dz for prompts in range(30) if (dz := detectable_dz(prompts)) is not None}
