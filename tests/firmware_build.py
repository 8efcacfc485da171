"""Builds the firmware as a Linux process around a tiny fake model, and runs it.

The fake model's scores are the first features of the first frame, so a test can say by hand what
the board must answer. Front-end and everything else are the real ones.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from conftest import C_FLAGS, FRONTEND_SOURCES, LIB, ROOT, SANITIZERS
from listening import DetectSettings, GateSettings, exp_table

from training.export.frontend_c import frontend_sources
from training.features import Frontend
from training.frontend_tables import build_tables
from training.recipe import FrontendConfig

LABELS = ("yes", "no", "für", "_unknown_", "_silence_")
CONFIG = FrontendConfig()
CLIP_SAMPLES = CONFIG.clip_samples
GOLDEN_PCM_SAMPLES = 3200
GOLDEN_CASES = 2
MODEL_HASH = bytes(range(32))

FAILING_FEATURES = (127, -128)
"""First and last feature of an input that the fake model refuses with SOTTO_E_BACKEND."""

STRIDE_FRAMES = 2
SMOOTHING_STEPS_MAX = 9
SCORE_SCALE = 0.05
DETECT = DetectSettings(
    smoothing=3, refractory=4, hysteresis=500, thresholds=(9_000, 8_000, 11_000, 0, 0)
)
GATE = GateSettings(margin=0, hold=20, rise=30)
"""Default settings of the fake firmware."""

_MODEL_H = """
#ifndef SOTTO_MODEL_GENERATED_H
#define SOTTO_MODEL_GENERATED_H
#include <stdint.h>
#include "sotto/model.h"
#define SOTTO_MODEL_NAME "fake"
#define SOTTO_MODEL_HASH_BYTES {{ {hash_bytes} }}
#define SOTTO_MODEL_FRAMES {frames}
#define SOTTO_MODEL_WINDOW_FRAMES {frames}
#define SOTTO_MODEL_STEPS 1
#define SOTTO_MODEL_BINS {bins}
#define SOTTO_MODEL_CLASSES {classes}
#define SOTTO_MODEL_INPUT_BYTES (SOTTO_MODEL_FRAMES * SOTTO_MODEL_BINS)
#define SOTTO_MODEL_ARENA_BYTES 16
#define SOTTO_TOOL_VERSION "0.0.0-fake"
extern const char *const sotto_labels[SOTTO_MODEL_CLASSES];
#endif
"""

_MODEL_C = """
#include "sotto_model.h"
#include <string.h>
const char *const sotto_labels[SOTTO_MODEL_CLASSES] = {{ {labels} }};
const char *sotto_model_backend(void) {{ return "fake"; }}
int sotto_model_init(void *arena, size_t arena_bytes) {{
  memset(arena, 0, arena_bytes);
  return SOTTO_OK;
}}
int sotto_model_reset(void *arena, size_t arena_bytes) {{
  memset(arena, 0, arena_bytes);
  return SOTTO_OK;
}}
int sotto_model_invoke(void *arena, size_t arena_bytes, const int8_t *features_s8,
                       int8_t *scores_s8) {{
  if (((uint8_t *)arena)[0] > {past_allowed:d}) return SOTTO_E_BACKEND; /* begun without a reset */
  memset(arena, 1, arena_bytes);
  if (features_s8[0] == {failing[0]} && features_s8[SOTTO_MODEL_INPUT_BYTES - 1] == {failing[1]}) {{
    return SOTTO_E_BACKEND;
  }}
  memcpy(scores_s8, features_s8, SOTTO_MODEL_CLASSES);
  return SOTTO_OK;
}}
int sotto_model_invoke_tapped(void *arena, size_t arena_bytes, const int8_t *features_s8,
                              int8_t *scores_s8, const sotto_model_tap *tap) {{
  (void)tap;
  return sotto_model_invoke(arena, arena_bytes, features_s8, scores_s8);
}}
const sotto_model_constant *sotto_model_constants(size_t *count) {{
  *count = 0;
  return NULL;
}}
"""

_LISTENER_H = """
#ifndef SOTTO_LISTENER_GENERATED_H
#define SOTTO_LISTENER_GENERATED_H
#include "sotto/listener.h"
#include "sotto_frontend_tables.h"
#include "sotto_model.h"
#define SOTTO_LISTENER_SMOOTHING_STEPS_MAX {smoothing_steps_max}
#define SOTTO_LISTENER_WORKSPACE_BYTES                                              \\
  SOTTO_LISTENER_WORKSPACE_SIZE(SOTTO_FRONTEND_WORKSPACE_BYTES, SOTTO_MODEL_FRAMES, \\
                                0, SOTTO_MODEL_BINS, SOTTO_MODEL_CLASSES, {smoothing_steps_max})
extern const sotto_listener_model sotto_listener_default_model;
extern const sotto_listener_settings sotto_listener_default_settings;
#endif
"""

_LISTENER_C = """
#include "sotto_listener.h"
#include "sotto/model.h"
static const uint16_t exp_q15[] = {{ {exp_q15} }};
static const uint16_t threshold_q15[SOTTO_MODEL_CLASSES] = {{ {threshold_q15} }};
const sotto_listener_model sotto_listener_default_model = {{
    .tables = &sotto_frontend_default_tables,
    .scores = {{SOTTO_SCORES_LOGITS_S8, SOTTO_MODEL_CLASSES, exp_q15,
               sizeof exp_q15 / sizeof exp_q15[0]}},
    .frames = SOTTO_MODEL_FRAMES,
    .window_frames = SOTTO_MODEL_WINDOW_FRAMES,
    .smoothing_steps_max = {smoothing_steps_max},
    .init = sotto_model_init,
    .reset = sotto_model_reset,
    .invoke = sotto_model_invoke,
}};
const sotto_listener_settings sotto_listener_default_settings = {{
    .stride_frames = {stride},
    .gate = {{{gate.margin}, {gate.hold}, {gate.rise}}},
    .detect = {{{detect.smoothing}, {detect.refractory}, {detect.hysteresis}, threshold_q15}},
}};
"""

_GOLDEN_H = """
#ifndef SOTTO_GOLDEN_H
#define SOTTO_GOLDEN_H
#include "sotto_model.h"
#define SOTTO_GOLDEN_PCM_SAMPLES {pcm_samples}
#define SOTTO_GOLDEN_FRAMES {frames}
#define SOTTO_GOLDEN_CASES {cases}
typedef struct sotto_golden_case {{
  int8_t features[SOTTO_MODEL_INPUT_BYTES];
  int8_t scores[SOTTO_MODEL_CLASSES];
}} sotto_golden_case;
extern const int16_t sotto_golden_pcm[SOTTO_GOLDEN_PCM_SAMPLES];
extern const int8_t sotto_golden_frames[SOTTO_GOLDEN_FRAMES * SOTTO_MODEL_BINS];
extern const sotto_golden_case sotto_golden_cases[SOTTO_GOLDEN_CASES];
#endif
"""

_GOLDEN_C = """
#include "sotto_golden.h"
const int16_t sotto_golden_pcm[SOTTO_GOLDEN_PCM_SAMPLES] = {{ {pcm} }};
const int8_t sotto_golden_frames[SOTTO_GOLDEN_FRAMES * SOTTO_MODEL_BINS] = {{ {frames} }};
const sotto_golden_case sotto_golden_cases[SOTTO_GOLDEN_CASES] = {{ {cases} }};
"""


def write_fake_generated(
    folder: Path,
    wrong_frame_at: int | None = None,
    wrong_score_at: int | None = None,
    frames_too_many: int = 0,
    past_allowed: bool = False,
) -> None:
    """Fill `folder` with what export would write, one golden value raised by 1 on request.

    `wrong_score_at` counts scores of the last golden case. `frames_too_many` golden frames follow
    those that the golden audio gives. `past_allowed` lets the model run again without a reset, as a
    stream does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(20)
    pcm = rng.integers(-9000, 9000, GOLDEN_PCM_SAMPLES, dtype=np.int16)
    frames = Frontend(CONFIG).clip(pcm).astype(int)
    frames = np.pad(frames, ((0, frames_too_many), (0, 0)))
    features = rng.integers(-50, 50, (GOLDEN_CASES, CONFIG.frames * CONFIG.mel_bins))
    scores = features[:, : len(LABELS)].copy()
    if wrong_frame_at is not None:
        frames.reshape(-1)[wrong_frame_at] += 1
    if wrong_score_at is not None:
        scores[-1, wrong_score_at] += 1
    texts = frontend_sources(build_tables(CONFIG), "/* For tests. */")
    texts["sotto_model.h"] = _MODEL_H.format(
        hash_bytes=", ".join(map(str, MODEL_HASH)),
        frames=CONFIG.frames,
        bins=CONFIG.mel_bins,
        classes=len(LABELS),
    )
    texts["sotto_model_fake.c"] = _MODEL_C.format(
        labels=", ".join(f'"{label}"' for label in LABELS),
        failing=FAILING_FEATURES,
        past_allowed=past_allowed,
    )
    texts["sotto_listener.h"] = _LISTENER_H.format(smoothing_steps_max=SMOOTHING_STEPS_MAX)
    texts["sotto_listener.c"] = _LISTENER_C.format(
        exp_q15=_list(exp_table(SCORE_SCALE)),
        threshold_q15=", ".join(map(str, DETECT.thresholds)),
        smoothing_steps_max=SMOOTHING_STEPS_MAX,
        stride=STRIDE_FRAMES,
        gate=GATE,
        detect=DETECT,
    )
    texts["sotto_golden.h"] = _GOLDEN_H.format(
        pcm_samples=len(pcm), frames=len(frames), cases=GOLDEN_CASES
    )
    texts["sotto_golden.c"] = _GOLDEN_C.format(
        pcm=_list(pcm),
        frames=_list(frames),
        cases=", ".join(
            f"{{ {{ {_list(one)} }}, {{ {_list(score)} }} }}"
            for one, score in zip(features, scores, strict=True)
        ),
    )
    for name, text in texts.items():
        (folder / name).write_text(text)


def _list(values: np.ndarray) -> str:
    return ", ".join(str(int(value)) for value in values.reshape(-1))


def build_host_firmware(generated: Path, program: Path) -> Path:
    """Build the host firmware with ASan and UBSan around the files in `generated`."""
    firmware = ROOT / "firmware"
    mains = [*(firmware / "src").glob("*.c"), *(firmware / "ports" / "host").glob("*.c")]
    return build_around(generated, mains, program)


def build_around(
    generated: Path,
    sources: Sequence[Path],
    program: Path,
    compiler: Sequence[str] = ("gcc", "-O1", *SANITIZERS),
) -> Path:
    """Build `sources` with the library and the files in `generated`, under ASan and UBSan."""
    everything = [
        *sources,
        *(LIB / "src" / "link").glob("*.c"),
        *(LIB / "src" / "detect").glob("*.c"),
        *(LIB / "src" / "microphone").glob("*.c"),
        *FRONTEND_SOURCES,
        *generated.glob("*.c"),
    ]
    includes = ["-I", str(ROOT / "firmware" / "src"), "-I", str(generated)]
    command = [*compiler, *C_FLAGS, *includes, *map(str, everything)]
    done = subprocess.run(
        [*command, "-o", str(program)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return program


@contextmanager
def running(program: Path) -> Iterator[str]:
    """Start a host firmware; yields its URL, ends it, and shows what a sanitizer said."""
    process = subprocess.Popen(
        [program, "--port", "0", "--exit-with-stdin"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    try:
        assert line.startswith("listening "), line
        yield f"socket://{line.split()[1]}"
    finally:
        # Closing its standard input ends it; by itself it never ends.
        _, complaints = process.communicate(timeout=30)
        assert (process.returncode, complaints) == (0, "")
