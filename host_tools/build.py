"""Builds firmware: one PlatformIO environment with one generated model."""

from __future__ import annotations

import hashlib
import importlib.metadata
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from host_tools.boards import Board
from host_tools.errors import EXIT_CHECK_FAILED, SottoError
from host_tools.files import locked
from host_tools.sizes import Sizes, measure
from host_tools.tflm import TfliteMicro

WORKSPACE = ".pio"
DEFAULT_GENERATED = "generated"

Program = Literal["firmware", "mlperf"]
"""What runs around the model: sotto's own firmware, or MLPerf Tiny's protocol (docs/mlperf.md)."""
PROGRAMS: tuple[Program, ...] = get_args(Program)
DEFAULT_PROGRAM: Program = "firmware"

Backend = Literal["aot", "tflm"]
"""What runs the model: C generated ahead of time, or TFLite-Micro (docs/backends.md)."""
DEFAULT_BACKEND: Backend = "aot"

_LOCK = "build.lock"
_FOLDER_DIGITS = 12
_LAST_LINES = 20
_SUMMARY = "====="
_FAILURE = re.compile(r"\berror\b|/ld: |undefined reference|No generated model", re.IGNORECASE)


@dataclass(frozen=True)
class Firmware:
    """What is built of the sources, whatever the board and the model are.

    Attributes:
        program: what runs around the model.
        tflm: where TFLite-Micro comes from, which then runs the model; None: generated C runs it.
        reference: folder of the network by the reference kernels, with which the self-test
            compares; None: it does not.
    """

    program: Program = DEFAULT_PROGRAM
    tflm: TfliteMicro | None = None
    reference: Path | None = None

    @property
    def backend(self) -> Backend:
        """What runs the model."""
        return DEFAULT_BACKEND if self.tflm is None else "tflm"


DEFAULT_FIRMWARE = Firmware()


@dataclass(frozen=True)
class BuildResult:
    """What a build gave.

    Attributes:
        elf: the firmware; a program of this computer for host boards.
        sizes: what of it goes where.
    """

    elf: Path
    sizes: Sizes


def build(
    board: Board, generated: Path, root: Path, firmware: Firmware = DEFAULT_FIRMWARE
) -> BuildResult:
    """Build the firmware of a board with the model in a generated folder.

    Args:
        generated: folder that holds `sotto_model.h` and the other generated files.
        root: the project, which holds platformio.ini.

    Raises:
        SottoError: there is no model, or the compiler or linker refused; with its own words.
    """
    generated = generated.resolve()
    if not (generated / "sotto_model.h").is_file():
        raise SottoError(
            f"there is no generated model in {generated}",
            "Run `sotto export`, or give the folder that holds sotto_model.h.",
        )
    folder = build_folder(generated, root, firmware)
    run_platformio(board, generated, root, firmware=firmware)
    outputs = folder / board.environment
    elf = outputs / "firmware.elf"
    return BuildResult(elf, measure(outputs / "firmware.map"))


def build_folder(generated: Path, root: Path, firmware: Firmware = DEFAULT_FIRMWARE) -> Path:
    """Where a model's firmware is built: `.pio/build` for the shipped model, else beside it.

    Two models, programs or back-ends never share a folder, so that switching between them compiles
    nothing twice.
    """
    generated = generated.resolve()
    name = "build"
    if generated != (root / DEFAULT_GENERATED).resolve():
        name += f"-{hashlib.sha256(str(generated).encode()).hexdigest()[:_FOLDER_DIGITS]}"
    if firmware.program != DEFAULT_PROGRAM:
        name += f"-{firmware.program}"
    if firmware.backend != DEFAULT_BACKEND:
        name += f"-{firmware.backend}"
    if firmware.reference is not None:
        name += "-compare"
    return root / WORKSPACE / name


def reference_folder(generated: Path, root: Path) -> Path:
    """Where the network of a generated folder lies that its self-test compares with."""
    name = hashlib.sha256(str(generated.resolve()).encode()).hexdigest()[:_FOLDER_DIGITS]
    return root / WORKSPACE / f"reference-{name}"


def run_platformio(
    board: Board,
    generated: Path,
    root: Path,
    arguments: Sequence[str] = (),
    firmware: Firmware = DEFAULT_FIRMWARE,
) -> None:
    """Run `pio run` for a board's environment, silently.

    Raises:
        SottoError: PlatformIO failed; with the last words of the compiler.
    """
    words = ["run", "-e", board.environment, *arguments]
    words += ["-d", board.project] if board.project else []
    # PlatformIO wipes a build folder when the list of sources changes and installs packages without
    # a lock. One build keeps every processor busy, so a second one beside it would gain nothing.
    with locked(root / WORKSPACE / _LOCK):
        done = subprocess.run(
            [sys.executable, "-m", "platformio", *words, "--silent"],
            cwd=root,
            env=os.environ | _settings(generated, root, firmware),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    if done.returncode != 0:
        doing = "building and flashing" if arguments else "building"
        raise SottoError(
            f"{doing} {board.name} failed:\n{_last_words(done.stdout)}",
            f"Repair what it names; `pio {' '.join(words)} -v` shows every command.",
            EXIT_CHECK_FAILED,
        )


def _settings(generated: Path, root: Path, firmware: Firmware) -> dict[str, str]:
    """Environment variables that keep PlatformIO in the project and off the network.

    A core folder that another version of PlatformIO used last makes it ask the registry, and so
    does its weekly look for upgrades: each attempt without network costs a minute.
    """
    version = importlib.metadata.version("platformio")
    return {
        "SOTTO_GENERATED": str(generated),
        "SOTTO_PROGRAM": firmware.program,
        "SOTTO_BACKEND": firmware.backend,
        "SOTTO_REFERENCE": str(firmware.reference or ""),
        "PLATFORMIO_BUILD_DIR": str(build_folder(generated, root, firmware)),
        "PLATFORMIO_CORE_DIR": str(root / WORKSPACE / f"core-{version}"),
        "PLATFORMIO_DISABLE_UPGRADE_CHECK": "true",
        "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no",
        **(firmware.tflm.variables if firmware.tflm else {}),
    }


def _last_words(output: str) -> str:
    """From the first line that names a failure to PlatformIO's own summary, or the last lines."""
    lines = [line for line in output.splitlines() if line.strip()]
    lines = list(itertools.takewhile(lambda line: not line.startswith(_SUMMARY), lines))
    first = next((i for i, line in enumerate(lines) if _FAILURE.search(line)), -_LAST_LINES)
    return "\n".join(lines[first:][:_LAST_LINES])
