"""A PlatformIO project of a user's own around the library and a generated model.

All that it needs is copied into it, so it outlives the checkout that it was made from.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import jinja2

from host_tools.boards import Board
from host_tools.environments import OWN_PLATFORM, options_of
from host_tools.errors import SottoError
from host_tools.files import write_atomically
from host_tools.manifest import SILENCE_LABEL, UNKNOWN_LABEL, Manifest
from host_tools.tflm import TfliteMicro

PROGRAM = "src/main.c"

_BLOCKS_PER_SECOND = 100
_HERE = Path(__file__).parent
_COPIED_OPTIONS = (
    "platform",
    "platform_packages",
    "board",
    "board_build.ldscript",
    "upload_protocol",
    "framework",
    "build_src_flags",
)
_PORT = re.compile(r"\.\./ports/([\w./]+)")
_DEFINE = re.compile(r"^-D ")
_NO_SYMBOL = re.compile(r"[^a-z0-9]+")
_IGNORED = shutil.ignore_patterns("__pycache__", "*.md", "examples")
# What makes a port a project of ESP-IDF by itself.
_PORTS_IGNORED = shutil.ignore_patterns("CMakeLists.txt", "platformio.ini", "sdkconfig.*", "main")
_PORT_HEADERS = ("port.h", "microphone.h")
"""What ports include of the firmware."""


@dataclass(frozen=True)
class Word:
    """One word of the program.

    Attributes:
        index: of its class.
        symbol: the end of its callback's name.
        text: what the callback says, as a C string.
    """

    index: int
    symbol: str
    text: str


def write_project(
    folder: Path,
    board: Board,
    manifest: Manifest,
    root: Path,
    tflm: TfliteMicro | None = None,
) -> Path:
    """Write a project that compiles at once; returns the program that is the user's.

    Args:
        folder: made here; its name is the project's.
        root: the checkout with the library, the ports and platformio.ini.
        tflm: runs the model instead of the generated C; the project names it where it is.

    Raises:
        SottoError: `folder` is there already; nothing of it is touched.
    """
    folder = folder.resolve()
    if folder.exists():
        raise SottoError(
            f"{folder} is there already; nothing was written.",
            "Give the path of a new folder, or remove that one.",
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all: it gets its name when all is in it.
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
        made = Path(temporary) / folder.name
        _fill(made, board, manifest, root, tflm)
        made.rename(folder)
    return folder / PROGRAM


def _fill(
    folder: Path, board: Board, manifest: Manifest, root: Path, tflm: TfliteMicro | None
) -> None:
    name = folder.name
    found = options_of(board, root)
    ports = _PORT.findall(" ".join(found.get("build_src_filter", ()))) or [
        f"{Path(board.project).name}/"
    ]
    options = {
        key: ", ".join(value) if isinstance(value, list) else value
        for key in _COPIED_OPTIONS
        if (value := found.get(key))
    }
    if options["platform"].startswith(OWN_PLATFORM):
        source = options["platform"].removeprefix(OWN_PLATFORM)
        shutil.copytree(root / source, folder / "platform", ignore=_IGNORED)
        options["platform"] = f"{OWN_PLATFORM}platform"
    _copy_sources(folder, ports, manifest, root)
    if tflm is not None:
        _copy_backend(folder, root, bare_metal="board_build.ldscript" in options)
    if board.project:
        texts = _esp_idf_texts(folder, board, options, root, tflm)
    else:
        texts = {
            "platformio.ini": _render(
                "platformio.ini.j2",
                name=name,
                environment=board.environment,
                options=options,
                ports=ports,
                flags=[flag for flag in found["build_flags"] if _DEFINE.match(flag)],
                tflm=tflm,
            ),
            "link.py": _render("link.py.j2", tflm=tflm),
        }
    texts |= {
        PROGRAM: _render(
            "main.c.j2",
            name=name.replace("*/", ""),
            rate_hz=manifest.sample_rate_hz,
            block_samples=manifest.sample_rate_hz // _BLOCKS_PER_SECOND,
            words=words_of(manifest.labels),
        ),
    }
    for path, text in texts.items():
        write_atomically(folder / path, text.encode())


def _esp_idf_texts(
    folder: Path,
    board: Board,
    options: Mapping[str, str],
    root: Path,
    tflm: TfliteMicro | None,
) -> dict[str, str]:
    """Files of a project that `idf.py` and PlatformIO build alike, text by path."""
    source = root / board.project
    defaults = {path.name: path.read_text() for path in source.glob("sdkconfig.defaults*")}
    environment, name = board.environment, folder.name
    if tflm is not None:
        component, _, version = tflm.library.partition("@")
        text = f'dependencies:\n  {component}: "{version}"\n'
        defaults["src/idf_component.yml"] = text
    return defaults | {
        "platformio.ini": _render(
            "esp_idf.ini.j2", name=name, environment=environment, options=options
        ),
        "CMakeLists.txt": _render("CMakeLists.txt.j2", name=name, environment=environment),
        "src/CMakeLists.txt": _render("component.cmake.j2", port=source.name, tflm=tflm),
        "src/Kconfig.projbuild": (source / "main/Kconfig.projbuild").read_text(),
    }


def words_of(labels: tuple[str, ...]) -> list[Word]:
    """The labels that are words, each with a name that C accepts and no other word has."""
    words: list[Word] = []
    for index, label in enumerate(labels):
        if label in (UNKNOWN_LABEL, SILENCE_LABEL):
            continue
        symbol = _NO_SYMBOL.sub("_", label.lower()).strip("_")
        if not symbol or symbol in {word.symbol for word in words}:
            symbol = f"{symbol}_{index}".lstrip("_")
        words.append(Word(index, symbol, _c_string(f"{label}\r\n")))
    return words


def _c_string(text: str) -> str:
    """A C literal; octal escapes end by themselves, hexadecimal ones would run on."""
    plain = (chr(b) if 32 <= b < 127 and b not in b'"\\?' else f"\\{b:03o}" for b in text.encode())
    return f'"{"".join(plain)}"'.replace("\\015\\012", "\\r\\n")


def _copy_sources(folder: Path, ports: list[str], manifest: Manifest, root: Path) -> None:
    """Model, library, and of the ports what is compiled and the headers they share.

    Args:
        ports: folders (with a slash at the end) and files below firmware/ports.
    """
    firmware = root / "firmware"
    shutil.copytree(manifest.path.parent, folder / "model", ignore=_IGNORED)
    shutil.copytree(firmware / "lib/sotto", folder / "lib/sotto", ignore=_IGNORED)
    for port in sorted((firmware / "ports").iterdir()):
        copy = folder / "firmware/ports" / port.name
        sources = [*port.glob("*.c"), *port.glob("*.cpp")]
        if f"{port.name}/" in ports or not sources:
            shutil.copytree(port, copy, ignore=_PORTS_IGNORED)
        for source in sources:
            if f"{port.name}/{source.name}" in ports:
                copy.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, copy)
    for header in _PORT_HEADERS:
        shutil.copy(firmware / "src" / header, folder / "firmware" / header)


def _copy_backend(folder: Path, root: Path, bare_metal: bool) -> None:
    left_out = shutil.ignore_patterns() if bare_metal else shutil.ignore_patterns("bare_metal.c")
    source = root / "firmware/backends/tflm"
    shutil.copytree(source, folder / "firmware/backends/tflm", ignore=left_out)


def _render(template: str, **facts: object) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # C and INI, no HTML
    )
    return environment.get_template(template).render(facts)
