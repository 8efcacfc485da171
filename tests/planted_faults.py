"""Firmware with one fault planted in it: by other generated files, wrapped symbols, compiler flags,
or bytes changed in the linked program. No source of the firmware knows of it.
"""

from __future__ import annotations

import enum
import re
import shutil
import subprocess
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from conftest import LIB, ROOT

from host_tools.twin.guess import Cause
from training.export.frontend_c import frontend_sources
from training.frontend_tables import build_tables
from training.recipe import FrontendConfig

FIRMWARE = ROOT / "firmware"
NETWORK = "sotto_model_aot.c"
FLAGS = ["-std=c11", "-O1", "-ffunction-sections", "-fdata-sections"]


class PlantedFault(enum.Enum):
    """What is wrong with a firmware."""

    WEIGHT_IN_FLASH = enum.auto()
    NETWORK_OF_ANOTHER_EXPORT = enum.auto()
    TABLES_OF_ANOTHER_EXPORT = enum.auto()
    LAYER_CLAMPS_EARLY = enum.auto()
    KERNEL_ROUNDS_DOWN = enum.auto()
    FFT_OF_OTHER_SOURCES = enum.auto()
    WRITES_BEHIND_THE_ARENA = enum.auto()
    SCORES_OVERWRITTEN_ONCE = enum.auto()
    SAMPLES_DROPPED = enum.auto()
    SAMPLES_HALVED = enum.auto()
    SAMPLES_TWICE = enum.auto()
    INT8_WITHOUT_SIGN = enum.auto()


@dataclass(frozen=True)
class Expected:
    """What must be found.

    Attributes:
        stage: of the difference, as a regular expression.
        at_layer: the fault is in that layer of the network, `LAYER`.
    """

    cause: Cause
    stage: str
    at_layer: bool = False


EXPECTED = {
    PlantedFault.WEIGHT_IN_FLASH: Expected(Cause.FLASH_CORRUPTED, r"layer \d+", True),
    PlantedFault.NETWORK_OF_ANOTHER_EXPORT: Expected(Cause.OTHER_MODEL, r"layer \d+", True),
    PlantedFault.TABLES_OF_ANOTHER_EXPORT: Expected(Cause.STALE_TABLES, "mel"),
    PlantedFault.LAYER_CLAMPS_EARLY: Expected(Cause.SATURATION, r"layer \d+", True),
    PlantedFault.KERNEL_ROUNDS_DOWN: Expected(Cause.OTHER_KERNEL, r"layer \d+", True),
    PlantedFault.FFT_OF_OTHER_SOURCES: Expected(Cause.OTHER_KERNEL, "spectrum"),
    PlantedFault.WRITES_BEHIND_THE_ARENA: Expected(Cause.MEMORY_OVERWRITTEN, r"layer \d+"),
    PlantedFault.SCORES_OVERWRITTEN_ONCE: Expected(Cause.MEMORY_OVERWRITTEN, "run"),
    PlantedFault.SAMPLES_DROPPED: Expected(Cause.SAMPLES_LOST, "samples"),
    PlantedFault.SAMPLES_HALVED: Expected(Cause.AUDIO_SCALE, "windowed"),
    PlantedFault.SAMPLES_TWICE: Expected(Cause.AUDIO_RATE, "windowed"),
    PlantedFault.INT8_WITHOUT_SIGN: Expected(Cause.COMPILER_FLAG, r"layer \d+"),
}

_WRAPPERS = {
    # The first depthwise layer runs by this one alone.
    PlantedFault.KERNEL_ROUNDS_DOWN: (
        "sotto_depthwise_column_s8",
        """
#include "sotto/nn_step.h"
void __real_sotto_depthwise_column_s8(const sotto_depthwise_column_params *params,
                                      const int8_t *input, int8_t *output);
void __wrap_sotto_depthwise_column_s8(const sotto_depthwise_column_params *params,
                                      const int8_t *input, int8_t *output) {
  __real_sotto_depthwise_column_s8(params, input, output);
  for (int32_t i = 0; i < params->channels; i++) {
    if (output[i] > -128) output[i]--;
  }
}
""",
    ),
    PlantedFault.FFT_OF_OTHER_SOURCES: (
        "sotto_fft",
        """
#include <stddef.h>
#include <stdint.h>
int __real_sotto_fft(uint32_t *spectrum, size_t points, const uint32_t *twiddles, int exponent,
                     uint32_t *seen);
int __wrap_sotto_fft(uint32_t *spectrum, size_t points, const uint32_t *twiddles, int exponent,
                     uint32_t *seen) {
  const int result = __real_sotto_fft(spectrum, points, twiddles, exponent, seen);
  spectrum[37] += 3;
  return result;
}
""",
    ),
    PlantedFault.WRITES_BEHIND_THE_ARENA: (
        "sotto_model_reset",
        """
#include <stdint.h>
#include <string.h>
#include "sotto_model.h"
int __real_sotto_model_reset(void *arena, size_t arena_bytes);
int __wrap_sotto_model_reset(void *arena, size_t arena_bytes) {
  const int status = __real_sotto_model_reset(arena, arena_bytes);
  memset(arena, 17, SOTTO_MODEL_STATE_BYTES);
  ((uint8_t *)arena)[SOTTO_MODEL_ARENA_BYTES + 1] = 0;
  return status;
}
""",
    ),
    PlantedFault.SCORES_OVERWRITTEN_ONCE: (
        "sotto_model_invoke",
        """
#include "sotto/model.h"
int __real_sotto_model_invoke(void *arena, size_t arena_bytes, const int8_t *features,
                              int8_t *scores);
int __wrap_sotto_model_invoke(void *arena, size_t arena_bytes, const int8_t *features,
                              int8_t *scores) {
  const int status = __real_sotto_model_invoke(arena, arena_bytes, features, scores);
  scores[1] ^= 5;
  return status;
}
""",
    ),
    PlantedFault.SAMPLES_DROPPED: (
        "sotto_frontend_push_tapped",
        """
#include "sotto/frontend.h"
static size_t calls;
int __real_sotto_frontend_push_tapped(sotto_frontend *fe, const int16_t *samples, size_t count,
                                      size_t *consumed, int8_t *frame,
                                      const sotto_frontend_tap *tap);
int __wrap_sotto_frontend_push_tapped(sotto_frontend *fe, const int16_t *samples, size_t count,
                                      size_t *consumed, int8_t *frame,
                                      const sotto_frontend_tap *tap) {
  if (++calls == 30 && count > 7) {
    *consumed = 7;
    return 0;
  }
  return __real_sotto_frontend_push_tapped(fe, samples, count, consumed, frame, tap);
}
""",
    ),
}
_WINDOW = """
#include <stddef.h>
#include <stdint.h>
int __real_sotto_window(const uint32_t *pairs, const int16_t *window, size_t samples,
                        uint32_t *spectrum, size_t fft);
int __wrap_sotto_window(const uint32_t *pairs, const int16_t *window, size_t samples,
                        uint32_t *spectrum, size_t fft) {
  static union { int16_t samples[1024]; uint32_t pairs[512]; } heard;
  const int16_t *sent = (const int16_t *)(const void *)pairs;
  for (size_t i = 0; i < samples; i++) heard.samples[i] = (int16_t)(HEARD);
  return __real_sotto_window(heard.pairs, window, samples, spectrum, fft);
}
"""
_HEARD = {
    PlantedFault.SAMPLES_HALVED: "sent[i] >> 1",
    PlantedFault.SAMPLES_TWICE: "sent[i / 2]",
}
_IN_FILES = (
    PlantedFault.LAYER_CLAMPS_EARLY,
    PlantedFault.NETWORK_OF_ANOTHER_EXPORT,
    PlantedFault.TABLES_OF_ANOTHER_EXPORT,
)
_UNSIGNED_INT8 = "#include <stdint.h>\n#define int8_t uint8_t\n"

_CALL = re.compile(r"^  sotto_depthwise_column_s8\(&depthwise_column_(\d+),", re.MULTILINE)


def faulty_layer(generated: Path, source: str = NETWORK) -> int:
    """Number of the layer that faults are planted in: the first depthwise one.

    Every call of a streaming network of ours is shown, so its position is its number.
    """
    found = _CALL.search((generated / source).read_text())
    assert found is not None
    return int(found[1])


def plant_in_files(fault: PlantedFault, generated: Path, source: str = NETWORK) -> None:
    """Change generated files as a fault wants, in place."""
    path = generated / source
    text, layer = path.read_text(), faulty_layer(generated, source)
    if fault is PlantedFault.LAYER_CLAMPS_EARLY:
        struct = text.index(f"params depthwise_column_{layer} = {{")
        at = text.index(".activation_max = 127", struct)
        path.write_text(f"{text[:at]}.activation_max = -120{text[at + 21 :]}")
    elif fault is PlantedFault.NETWORK_OF_ANOTHER_EXPORT:
        path.write_text(_with_another_weight(text, f"depthwise_column_{layer}_weights"))
    elif fault is PlantedFault.TABLES_OF_ANOTHER_EXPORT:
        tables = build_tables(replace(FrontendConfig(), low_hz=200.0))
        for name, content in frontend_sources(tables, "/* Of another export. */").items():
            (generated / name).write_text(content)


def _with_another_weight(text: str, array: str) -> str:
    """A network that fits itself: the array's check sum is changed with it."""
    found = re.search(rf"{array}\[\d+\] = \{{(.*?)\}}", text, re.DOTALL)
    assert found is not None
    weights = np.array([int(n) for n in found[1].split(",") if n.strip()], np.int8)
    weights[0] ^= 0x55
    numbers = ", ".join(map(str, weights))
    text = text[: found.start(1)] + numbers + text[found.end(1) :]
    crc32 = zlib.crc32(weights.tobytes())
    row = re.compile(rf"(\{{{array}, sizeof {array}, )0x[0-9a-f]+u")
    text, changed = row.subn(rf"\g<1>0x{crc32:08x}u", text)
    assert changed == 1
    return text


Objects = dict[Path, list[Path]]
"""Object files by the folder that their sources lie in."""

_UNSIGNED_FOLDERS = ("nn", "nn_portable", "nn_step", "src")
"""Those whose compiler flags a fault changes: kernels and application."""


def compile_all(generated: Path, folder: Path) -> Objects:
    """The host's firmware around `generated`, compiled once for all faults."""
    sources = [*(LIB / "src").rglob("*.c"), *(FIRMWARE / "src").glob("*.c")]
    sources += [*(FIRMWARE / "ports" / "host").glob("*.c"), *generated.glob("*.c")]
    folders = sorted({source.parent for source in sources})
    return {one: _compile(one, generated, folder / str(n)) for n, one in enumerate(folders)}


def build_faulty(
    fault: PlantedFault | None, objects: Objects, generated: Path, folder: Path
) -> Path:
    """A program of what `compile_all` made of `generated`, with a fault or without."""
    own, linked, flags = folder / "generated", dict(objects), list[str]()
    if fault in _IN_FILES:
        shutil.copytree(generated, own)
        plant_in_files(fault, own)
        linked[generated] = _compile(own, own, folder / "objects")
    if fault is PlantedFault.INT8_WITHOUT_SIGN:
        header = folder / "unsigned_int8.h"
        header.write_text(_UNSIGNED_INT8)
        for one in (path for path in objects if path.name in _UNSIGNED_FOLDERS):
            linked[one] = _compile(one, generated, folder / one.name, ["-include", str(header)])
    wrapper = _wrapper(fault)
    if wrapper is not None:
        symbol, text = wrapper
        (folder / "wrapper").mkdir()
        (folder / "wrapper" / "wrapper.c").write_text(text)
        linked[folder] = _compile(folder / "wrapper", generated, folder / "wrapped")
        flags.append(f"-Wl,--wrap={symbol}")
    elf = folder / "firmware.elf"
    files = [str(path) for paths in linked.values() for path in paths]
    _gcc([*files, *flags, "-Wl,--gc-sections", "-o", str(elf)], folder)
    if fault is PlantedFault.WEIGHT_IN_FLASH:
        corrupt(elf, f"depthwise_column_{faulty_layer(generated)}_weights")
    return elf


def _compile(sources: Path, generated: Path, folder: Path, flags: Sequence[str] = ()) -> list[Path]:
    """All sources of a folder, by one call of the compiler."""
    folder.mkdir()
    includes = [LIB / "include", LIB / "src", FIRMWARE / "src", generated]
    options = [*FLAGS, *flags, *(f"-I{path}" for path in includes)]
    _gcc(["-c", *options, *map(str, sorted(sources.glob("*.c")))], folder)
    return sorted(folder.glob("*.o"))


def _gcc(arguments: Sequence[str], folder: Path) -> None:
    done = subprocess.run(
        ["gcc", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def _wrapper(fault: PlantedFault | None) -> tuple[str, str] | None:
    if fault in _HEARD:
        return "sotto_window", _WINDOW.replace("HEARD", _HEARD[fault])
    return _WRAPPERS.get(fault) if fault is not None else None


def corrupt(elf: Path, symbol: str, tools: str = "") -> None:
    """Flip bits in a quarter of an array in flash, as a worn page would."""
    found = _readelf(tools, "-sW", elf, rf"\s([0-9a-f]+)\s+(\d+)\s+OBJECT\s.*\s(\d+)\s+{symbol}$")
    address, size, section = int(found[1], 16), int(found[2]), int(found[3])
    where = _readelf(
        tools, "-SW", elf, rf"\[\s*{section}\]\s+\S+\s+\S+\s+([0-9a-f]+)\s+([0-9a-f]+)"
    )
    start, offset = int(where[1], 16), int(where[2], 16)
    data = bytearray(elf.read_bytes())
    middle = offset + address - start + size // 2
    for at in range(middle, middle + size // 4):
        data[at] ^= 0x81
    elf.write_bytes(data)


def _readelf(tools: str, option: str, elf: Path, pattern: str) -> re.Match[str]:
    command = [f"{tools}readelf", option, str(elf)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(pattern, done.stdout, re.MULTILINE)
    assert found is not None, pattern
    return found
