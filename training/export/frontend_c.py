"""The front-end's tables as C text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.frontend_tables import FrontendTables

HEADER_NAME = "sotto_frontend_tables.h"
SOURCE_NAME = "sotto_frontend_tables.c"
LINE_COLUMNS = 100
INDENT = "    "


def _lines(words: Sequence[str]) -> str:
    """Join initialisers with commas into lines of at most LINE_COLUMNS."""
    lines: list[str] = []
    line = INDENT
    for word in words:
        if len(line) + len(word) + 1 > LINE_COLUMNS:
            lines.append(line.rstrip())
            line = INDENT
        line += f"{word}, "
    return "\n".join([*lines, line.rstrip()])


def _array(name: str, c_type: str, values: NDArray) -> str:
    if values.dtype == np.uint32:
        words = [f"0x{int(value):08X}U" for value in values]
    else:
        words = [str(int(value)) for value in values]
    return f"static const {c_type} {name}[{values.size}] = {{\n{_lines(words)}\n}};\n"


def _header(tables: FrontendTables, header_comment: str) -> str:
    config = tables.config
    sizes = {
        "SAMPLE_RATE_HZ": config.sample_rate_hz,
        "CLIP_SAMPLES": config.clip_samples,
        "WINDOW_SAMPLES": config.window_samples,
        "HOP_SAMPLES": config.hop_samples,
        "FFT_SAMPLES": config.fft_samples,
        "FRAMES": config.frames,
        "BINS": config.mel_bins,
        "WORKSPACE_BYTES": tables.workspace_bytes,
    }
    defines = "\n".join(f"#define SOTTO_FRONTEND_{name} {value}" for name, value in sizes.items())
    return f"""{header_comment}
#ifndef SOTTO_FRONTEND_TABLES_H
#define SOTTO_FRONTEND_TABLES_H

#include "sotto/frontend.h"

#ifdef __cplusplus
extern "C" {{
#endif

{defines}

/* Workspace of sotto_frontend_init: SOTTO_FRONTEND_WORKSPACE_ALIGN aligned. */
extern const sotto_frontend_tables sotto_frontend_default_tables;

#ifdef __cplusplus
}}
#endif
#endif
"""


def _source(tables: FrontendTables, header_comment: str) -> str:
    arrays = "\n".join(
        [
            _array("window_q15", "int16_t", tables.window_q15),
            _array("twiddles_q15", "uint32_t", tables.twiddles_q15),
            _array("split_q15", "uint32_t", tables.split_q15),
            _array("band_start", "uint16_t", tables.band_start),
            _array("rising_q15", "uint16_t", tables.rising_q15),
            _array("log2_q15", "uint16_t", tables.log2_q15),
        ]
    )
    return f"""{header_comment}
#include "{HEADER_NAME}"

_Static_assert(SOTTO_FRONTEND_WORKSPACE_BYTES ==
                   SOTTO_FRONTEND_WORKSPACE_SIZE(SOTTO_FRONTEND_WINDOW_SAMPLES,
                                                 SOTTO_FRONTEND_FFT_SAMPLES),
               "the library lays out its workspace in another way: regenerate");
_Static_assert(SOTTO_FRONTEND_LOG2_SEGMENTS + 1 == {tables.log2_q15.size}, "log2 table");

{arrays}
const sotto_frontend_tables sotto_frontend_default_tables = {{
    .window_samples = SOTTO_FRONTEND_WINDOW_SAMPLES,
    .hop_samples = SOTTO_FRONTEND_HOP_SAMPLES,
    .fft_samples = SOTTO_FRONTEND_FFT_SAMPLES,
    .bins = SOTTO_FRONTEND_BINS,
    .window_q15 = window_q15,
    .twiddles_q15 = twiddles_q15,
    .twiddle_words = {tables.twiddles_q15.size},
    .split_q15 = split_q15,
    .band_start = band_start,
    .rising_q15 = rising_q15,
    .log2_q15 = log2_q15,
    .noise_floor_log2 = {tables.noise_floor_log2},
    .zero_log2_q15 = {tables.zero_log2_q15},
    .steps_per_octave_q16 = {tables.steps_per_octave_q16},
}};
"""


def frontend_sources(tables: FrontendTables, header_comment: str) -> dict[str, str]:
    """C files that define `sotto_frontend_default_tables`.

    Args:
        tables: from `build_tables`.
        header_comment: C comment to put on top of each file, without a newline at its end.

    Returns:
        file name -> text; the same text for the same arguments.
    """
    return {
        HEADER_NAME: _header(tables, header_comment),
        SOURCE_NAME: _source(tables, header_comment),
    }
