"""Where TFLite-Micro comes from: its user brings it, built before or as a PlatformIO library."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from host_tools.boards import Board
from host_tools.environments import OWN_PLATFORM, options_of
from host_tools.errors import SottoError
from host_tools.toolchains import TOOLCHAINS, Toolchain

ARCHIVE = "libtensorflow-microlite.a"
"""What TFLite-Micro's own Makefile calls the library that it builds."""
INI_OPTION = "custom_tflm"
"""Of an environment in platformio.ini: the library that serves its boards."""

_DOWNLOADS = "tensorflow/lite/micro/tools/make/downloads"
_HEADER = "tensorflow/lite/micro/micro_interpreter.h"
_OTHERS = {
    "flatbuffers/flatbuffers.h": "flatbuffers/include",
    "fixedpoint/fixedpoint.h": "gemmlowp",
    "ruy/profiler/instrumentation.h": "ruy",
}
"""Headers that those of TFLite-Micro include, each with the folder that its sources keep it in."""
_LIBRARY_NAME = re.compile(r"[\w.-]+/[\w. -]+@\S+|\w+://\S+")
_NEXT = (
    f"Give --tflm: the path of a built {ARCHIVE}, or a PlatformIO library as owner/name@version "
    "(docs/backends.md), or leave out --backend tflm: the generated C needs neither."
)


@dataclass(frozen=True)
class TfliteMicro:
    """TFLite-Micro for one processor.

    Attributes:
        archive: the built library; None where PlatformIO builds one.
        includes: folders of its headers, beside an archive.
        library: what PlatformIO's `lib_deps` calls it; empty beside an archive.
    """

    archive: Path | None = None
    includes: tuple[Path, ...] = ()
    library: str = ""

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables by which platformio.ini and its script find it."""
        return {
            "SOTTO_TFLM_ARCHIVE": str(self.archive or ""),
            "SOTTO_TFLM_INCLUDE": os.pathsep.join(map(str, self.includes)),
            "SOTTO_TFLM_LIBRARY": self.library,
        }


def find_tflm(where: str | None, board: Board, root: Path) -> TfliteMicro:
    """What a user named, or else platformio.ini for the board.

    Args:
        where: path of a built library or of a folder that holds one; or the name of a PlatformIO
            library with its version.
        root: the project, which holds platformio.ini.

    Raises:
        SottoError: nothing is named, it is not there, or this machine's compiler has no C++.
    """
    options = options_of(board, root)
    where = where or options.get(INI_OPTION)
    if where is None:
        raise SottoError(f"nothing says where TFLite-Micro for {board.name} is.", _NEXT)
    if options["platform"].startswith(OWN_PLATFORM):
        _require_cxx(TOOLCHAINS[board.compile_target])
    path = Path(where).expanduser()
    if path.exists() and board.project:
        raise SottoError(
            f"--tflm {where}: ESP-IDF builds {board.name} and takes a component by its name.",
            f"Leave --tflm out: {board.project} names one.",
        )
    if path.exists():
        return _built(path.resolve())
    if not _LIBRARY_NAME.fullmatch(where):
        raise SottoError(
            f"--tflm {where} is neither a path nor the name of a library with its version.", _NEXT
        )
    return TfliteMicro(library=where)


def _require_cxx(toolchain: Toolchain) -> None:
    missing = toolchain.missing_cxx()
    if missing is not None:
        raise SottoError(
            f"TFLite-Micro is C++, and {missing}.",
            "Install it (Debian: libstdc++-arm-none-eabi-newlib for Arm; it has none for RISC-V), "
            "or leave out --backend tflm.",
        )


def _built(path: Path) -> TfliteMicro:
    archive = path if path.is_file() else _only_archive(path)
    headers = next((f for f in _around(archive) if (f / _HEADER).is_file()), None)
    if headers is None:
        raise SottoError(
            f"no folder above {archive} holds {_HEADER} or include/{_HEADER}.",
            "Leave the library where TFLite-Micro's Makefile wrote it, or put it beside the "
            "headers of the same version.",
        )
    return TfliteMicro(archive, (headers, *_other_includes(headers)))


def _only_archive(folder: Path) -> Path:
    found = sorted(folder.rglob(ARCHIVE))
    if len(found) != 1:
        names = ", ".join(str(path) for path in found) or "none"
        raise SottoError(
            f"{folder} must hold one {ARCHIVE}; it holds {names}.",
            "Name the one for your board's processor: `--tflm PATH`. TFLite-Micro's Makefile "
            "builds it with the goal `microlite`.",
        )
    return found[0]


def _around(archive: Path) -> Iterator[Path]:
    for folder in archive.parents:
        yield folder
        yield folder / "include"


def _other_includes(headers: Path) -> Iterator[Path]:
    for header, folder in _OTHERS.items():
        places = (
            headers,
            headers / "third_party" / folder,
            headers / _DOWNLOADS / folder,
        )
        found = next((place for place in places if (place / header).is_file()), None)
        if found is None:
            raise SottoError(
                f"{headers} holds TFLite-Micro without {header}, which its headers include.",
                f"Build it there with its own Makefile, which puts that into {_DOWNLOADS}, or use "
                "a tree that its create_tflm_tree.py made.",
            )
        if found != headers:
            yield found
