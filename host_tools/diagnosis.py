"""What this machine has of the things that sotto needs."""

from __future__ import annotations

import ctypes
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from host_tools.boards import Board
from host_tools.toolchains import TOOLCHAINS

PYTHON_VERSIONS = ((3, 11), (3, 12))

_PROGRAM_TIMEOUT_S = 20
_LOCKED = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s\\;]+)", re.MULTILINE)
_REQUIREMENT_NAME = re.compile(r"^[A-Za-z0-9_.-]+")
_PROGRAMS = (
    ("gcc", "gcc"),
    ("arm-none-eabi-gcc", "gcc-arm-none-eabi"),
    ("qemu-system-arm", "qemu-system-arm"),
    ("riscv64-unknown-elf-gcc", "gcc-riscv64-unknown-elf"),
    ("qemu-system-riscv32", "qemu-system-misc"),
    ("xtensa-lx106-elf-gcc", "gcc-xtensa-lx106"),
    ("qemu-system-xtensa", "qemu-system-misc"),
)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for.

    Attributes:
        found: version or path, or what is wrong.
        remedy: the command that mends it; empty when good.
        needed: whether sotto cannot do its work without it.
    """

    what: str
    good: bool
    found: str
    remedy: str = ""
    needed: bool = True


def examine(root: Path) -> list[Finding]:
    """Look at everything, in the order in which a newcomer would mend it."""
    findings = [_python()]
    findings += [_program(name, package) for name, package in _PROGRAMS]
    findings += [_newlib(), *_packages(root), _native(), _speech(), *_serial_ports()]
    return findings


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    wanted = " or ".join(f"{major}.{minor}" for major, minor in PYTHON_VERSIONS)
    if sys.version_info[:2] in PYTHON_VERSIONS:
        return Finding("Python", True, found)
    return Finding(
        "Python", False, found, f"Install Python {wanted}, remove .venv and run `make setup`."
    )


def _program(name: str, package: str) -> Finding:
    remedy = f"sudo apt-get install -y {package}"
    path = shutil.which(name)
    if path is None:
        return Finding(name, False, "not on PATH", remedy)
    version = program_version(name)
    if not version:
        return Finding(name, False, f"{path} does not start", remedy)
    return Finding(name, True, version)


def program_version(name: str) -> str:
    """First line that a program on PATH prints about its version; empty when it does not start."""
    return _output([name, "--version"]).partition("\n")[0]


def measured_on(board: Board | None) -> dict[str, str]:
    """The tools behind a board's figures; None: a board that ran already, built elsewhere."""
    tools = {"computer": f"{platform.platform()}, {os.cpu_count()} processors"}
    if board is None:
        return tools
    if board.kind == "emulated":
        tools["emulator"] = program_version(board.emulator)
    return tools | {"compiler": program_version(TOOLCHAINS[board.compile_target].gcc)}


def _newlib() -> Finding:
    """The cross compiler comes without its C library on Debian."""
    compiler = shutil.which("arm-none-eabi-gcc")
    path = _output([compiler, "-print-file-name=nano.specs"]).strip() if compiler else ""
    if path and Path(path).is_absolute():
        return Finding("newlib for arm-none-eabi", True, path)
    return Finding(
        "newlib for arm-none-eabi",
        False,
        "not found by arm-none-eabi-gcc",
        "sudo apt-get install -y libnewlib-arm-none-eabi",
    )


def _output(command: list[str]) -> str:
    """Stdout of a program, empty when it does not start, fails or hangs."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PROGRAM_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def _packages(root: Path) -> Iterator[Finding]:
    """Direct dependencies against the versions of the lock file."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = (root / "requirements.lock").read_text(encoding="utf-8")
    locked = {_canonical(name): version for name, version in _LOCKED.findall(lock)}
    for requirement in project["dependencies"]:
        match = _REQUIREMENT_NAME.match(requirement)
        if match:
            yield _package(match[0], locked.get(_canonical(match[0]), ""))


def _package(name: str, wanted: str) -> Finding:
    remedy = "Run `make -B setup`."
    try:
        found = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, False, "not installed", remedy)
    if wanted and found != wanted:
        return Finding(
            name, False, f"{found}, but the lock file says {wanted}", remedy, needed=False
        )
    return Finding(name, True, found)


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _native() -> Finding:
    what = "front-end extension"
    spec = importlib.util.find_spec("training._native")
    if spec is None:
        return Finding(
            what,
            False,
            "not built",
            "sudo apt-get install -y gcc python3-dev && .venv/bin/pip install -e .",
        )
    return Finding(what, True, str(spec.origin))


def _speech() -> Finding:
    what = "espeak-ng library"
    try:
        path = importlib.import_module("espeakng_loader").get_library_path()
        ctypes.CDLL(path)
    except (ImportError, OSError) as error:
        return Finding(what, False, str(error), "Run `make -B setup`.")
    return Finding(what, True, str(path))


def _serial_ports() -> list[Finding]:
    """Ports are for real boards only: none is no fault."""
    from host_tools.link.transport import serial_ports

    ports = [Finding(port.device, True, port.description, needed=False) for port in serial_ports()]
    return ports or [
        Finding(
            "serial ports",
            False,
            "none",
            "Plug in a board; emulated boards need none.",
            needed=False,
        )
    ]
