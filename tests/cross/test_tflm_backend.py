"""The TFLite-Micro back-end against stand-ins for the headers that it uses.

TFLite-Micro itself is no dependency of the tests. What is held here: the file says what is missing,
is empty in other builds, and compiles without exceptions and warnings with the generated macros.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tflm_stand_in import STANDARD, TEXT, write_headers

ROOT = Path(__file__).resolve().parents[2]
BACKEND = ROOT / "firmware" / "backends" / "tflm" / "sotto_model_tflm.cc"
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]


def compile_backend(include: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    folders = (include, ROOT / "firmware/lib/sotto/include", ROOT / "generated")
    command = ["arm-none-eabi-g++", *STANDARD, *WARNINGS, *flags, "-fsyntax-only", str(BACKEND)]
    command.append("-DTF_LITE_STATIC_MEMORY")
    command += [f"-I{folder}" for folder in folders]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def stand_ins(tmp_path: Path) -> Path:
    write_headers(tmp_path)
    return tmp_path


def test_compiles_with_the_generated_model(stand_ins: Path) -> None:
    done = compile_backend(stand_ins, "-DSOTTO_BACKEND=2")
    assert done.returncode == 0, done.stderr


def test_refuses_objects_that_are_larger_than_their_place(stand_ins: Path) -> None:
    larger = TEXT.replace("members[46]", "members[500]")
    (stand_ins / "stand_in.h").write_text(larger)
    done = compile_backend(stand_ins, "-DSOTTO_BACKEND=2")
    assert "larger objects" in done.stderr


def test_an_operator_that_tflm_lacks_does_not_compile(stand_ins: Path) -> None:
    (stand_ins / "stand_in.h").write_text(TEXT.replace("AddConv2D()", "AddConv3D()"))
    assert "AddConv2D" in compile_backend(stand_ins, "-DSOTTO_BACKEND=2").stderr


def test_says_that_tflm_is_missing(tmp_path: Path) -> None:
    done = compile_backend(tmp_path, "-DSOTTO_BACKEND=2")
    assert done.returncode != 0
    assert "docs/backends.md, or choose aot" in done.stderr


def test_is_empty_where_our_own_c_runs_the_network(tmp_path: Path) -> None:
    done = compile_backend(tmp_path)
    assert done.returncode == 0, done.stderr
