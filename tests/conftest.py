"""Fixtures that every kind of test shares: C builds and speech."""

from __future__ import annotations

import ctypes
import hashlib
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LIB = ROOT / "firmware" / "lib" / "sotto"
FRONTEND_SOURCES = sorted((LIB / "src").glob("frontend*/*.c"))
FRONTEND_VARIANTS = {
    "portable": ["-DSOTTO_TARGET=SOTTO_TARGET_PORTABLE"],
    "narrow": ["-DSOTTO_TARGET=SOTTO_TARGET_PORTABLE", "-DSOTTO_FRONTEND_NARROW=1"],
    "dsp": ["-DSOTTO_TARGET=SOTTO_TARGET_DSP"],
}
"""Compiler flags of each set of stages that FRONTEND_SOURCES hold."""
C_FLAGS = [
    "-std=c11",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wshadow",
    "-Werror",
    "-g",
    "-I",
    str(LIB / "include"),
]
SANITIZERS = [
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
]


def pytest_configure() -> None:
    """Let programs under test be interrupted, also where a shell began all this in the background:
    it ignores Ctrl-C there, and every process inherits that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _compile(output: Path, arguments: Sequence[str]) -> Path:
    """Run gcc; on failure the test shows the compiler's own words."""
    compiler = os.environ.get("CC", "gcc")
    done = subprocess.run(
        [compiler, *arguments, "-o", str(output)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return output


def _name(stem: str, arguments: Sequence[str]) -> str:
    return f"{stem}-{hashlib.sha256(' '.join(arguments).encode()).hexdigest()[:12]}"


@pytest.fixture(scope="session")
def build_shared(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ctypes.CDLL]:
    """`build_shared(sources, flags=())` -> the C sources as a loaded library (-O2)."""
    folder = tmp_path_factory.mktemp("shared")

    def build(sources: Sequence[Path], flags: Sequence[str] = ()) -> ctypes.CDLL:
        arguments = [*C_FLAGS, "-O2", "-fPIC", "-shared", *flags, *map(str, sources)]
        return ctypes.CDLL(str(_compile(folder / f"{_name('lib', arguments)}.so", arguments)))

    return build


@pytest.fixture(scope="session")
def build_program(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`build_program(sources, flags=())` -> path of a program built with ASan and UBSan."""
    folder = tmp_path_factory.mktemp("programs")

    def build(sources: Sequence[Path], flags: Sequence[str] = ()) -> Path:
        arguments = [*C_FLAGS, "-O1", *SANITIZERS, *flags, *map(str, sources)]
        return _compile(folder / _name("program", arguments), arguments)

    return build


@pytest.fixture(scope="session")
def shared_data() -> Path | None:
    """Real recordings beside the project (`../shared/data` or SOTTO_DATA), or None."""
    folder = Path(os.environ.get("SOTTO_DATA", ROOT.parent / "shared" / "data"))
    return folder if folder.is_dir() else None
