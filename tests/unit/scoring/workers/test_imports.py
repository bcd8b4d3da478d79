import subprocess
import sys

LIGHT = """
import sys
import services.scoring.pipeline.outcome_json, services.scoring.workers.job
print(*{"av", "moonshine_voice", "onnxruntime", "scipy", "torch"} & set(sys.modules))
"""


def test_the_process_that_answers_calls_imports_no_heavy_package() -> None:
    run = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
