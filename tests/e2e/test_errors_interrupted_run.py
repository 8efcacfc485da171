"""Ctrl-C in the middle of `sotto run`, and the same command again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).resolve().parents[2]
WORDS = ("low", "high")
SPEAKERS = 12
TAKES = 3

RECIPE = """
name = "tones"

[words]
keywords = ["low", "high"]
unknown = false
silence = false

[data]
validation_percent = 15.0
test_percent = 15.0

[augment]
passes = 2

[[teachers]]
width = 8
blocks = 1
epochs = 2

[student]
width = 8
blocks = 1
epochs = 2

[quantisation]
epochs = 1
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    time_s = np.arange(16_000) / 16_000
    for word, pitch_hz in zip(WORDS, (300, 2_000), strict=True):
        (tmp_path / "data" / word).mkdir(parents=True)
        for speaker in range(SPEAKERS):
            for take in range(TAKES):
                tone = np.sin(2 * np.pi * pitch_hz * rng.uniform(0.9, 1.1) * time_s)
                noisy = 0.3 * tone + rng.normal(0, 0.01, 16_000)
                name = f"{speaker:08x}_nohash_{take}.wav"
                soundfile.write(tmp_path / "data" / word / name, noisy, 16_000)
    path = tmp_path / "tones.toml"
    path.write_text(RECIPE)
    return path


@pytest.mark.slow
@pytest.mark.emulator
def test_interrupted_run_resumes_where_it_was(recipe: Path, tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "host_tools.cli", "run", str(recipe)),
        *("--data", str(tmp_path / "data"), "--work", str(tmp_path / "work")),
        *("--out", str(tmp_path / "generated"), "--limit", "4"),
    ]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if line.startswith("student"):
            process.send_signal(signal.SIGINT)
            break
    stdout, rest = process.communicate(timeout=120)
    assert process.returncode == 130, "".join(seen) + rest
    assert "interrupted; run the same command to resume" in rest
    assert "Traceback" not in rest
    assert "report" not in stdout
    assert not (tmp_path / "generated").exists()

    again = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert again.returncode == 0, again.stderr
    stages = json.loads((tmp_path / "work" / "results.json").read_text())["stages"]
    reused = {stage["name"]: stage["reused"] for stage in stages}
    assert reused["data"]
    assert reused["features"]
    assert reused["teacher-res_ds_cnn"]
    assert not reused["student-int8"]
    report = again.stdout.strip().splitlines()[-1].removeprefix("report: ")
    assert "4 of 4" in again.stdout
    page = Path(report).read_text()
    assert "stm32f405 = host." in page
    assert "Left out" not in page
