"""The constants of `sotto/listener.h` as C text: what a network is to a listener, and settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from training.errors import UserError
from training.export import c_text
from training.export.c_writer import Identity
from training.export.compile import CompiledModel
from training.export.detection import ONE_Q15, ListenerNumbers

HEADER_NAME = "sotto_listener.h"
SOURCE_NAME = "sotto_listener.c"
PROBABILITY_SCALE = 1.0 / 256.0
"""Of the outputs of SOFTMAX and LOGISTIC in TFLite's int8 specification."""
PROBABILITY_ZERO_POINT = -128
DISTANCES = 256
WORKSPACE = r"""#define SOTTO_LISTENER_WORKSPACE_BYTES                                  \
    SOTTO_LISTENER_WORKSPACE_SIZE(                                                  \
        SOTTO_FRONTEND_WORKSPACE_BYTES, SOTTO_MODEL_FRAMES,                         \
        SOTTO_LISTENER_PREROLL_STEPS, SOTTO_MODEL_BINS, SOTTO_MODEL_CLASSES,        \
        SOTTO_LISTENER_SMOOTHING_STEPS_MAX)
"""
MOST_CLASSES = 255


@dataclass(frozen=True)
class Numbers:
    """The settings by back-end: the same unless the ahead-of-time C takes a hop a step."""

    ours: ListenerNumbers
    tflm: ListenerNumbers


def exp_table(scale: float) -> np.ndarray:
    """uint16[entries]: round(2^15 exp(-distance * scale)), up to the last one that is not 0."""
    values = np.rint(ONE_Q15 * np.exp(-scale * np.arange(DISTANCES)))
    return values[values > 0].astype(np.uint16)


def _score_kind(model: CompiledModel) -> str:
    q = model.output.quantization
    if q.scales == (PROBABILITY_SCALE,) and q.zero_points == (PROBABILITY_ZERO_POINT,):
        return "SOTTO_SCORES_PROBABILITY_S8"
    return "SOTTO_SCORES_LOGITS_S8"


def _by_backend(text: Callable[[ListenerNumbers], str], numbers: Numbers) -> str:
    """C that is different where TFLite-Micro runs windows, and ours steps of the same network."""
    ours, theirs = text(numbers.ours), text(numbers.tflm)
    if ours == theirs:
        return ours
    return f"#if SOTTO_BACKEND == SOTTO_BACKEND_TFLM\n{theirs}#else\n{ours}#endif\n"


def _macros(numbers: ListenerNumbers) -> str:
    return c_text.defines(
        [
            ("SOTTO_LISTENER_PREROLL_STEPS", str(numbers.preroll_steps)),
            ("SOTTO_LISTENER_SMOOTHING_STEPS_MAX", str(numbers.smoothing_steps_max)),
        ]
    )


def _settings(n: ListenerNumbers) -> str:
    return (
        f"    .stride_frames = {n.stride_frames},\n"
        f"    .gate = {{{n.gate_margin}, {n.gate_hold_frames}, {n.gate_rise_frames}}},\n"
        f"    .detect = {{{n.smoothing_steps}, {n.refractory_steps}, {n.hysteresis_q15}, "
        "threshold_q15},\n"
    )


def _header(identity: Identity, numbers: Numbers) -> str:
    return (
        f"{identity.banner}#ifndef SOTTO_GENERATED_LISTENER_H\n"
        "#define SOTTO_GENERATED_LISTENER_H\n\n"
        '#include "sotto/listener.h"\n#include "sotto_frontend_tables.h"\n'
        f"{identity.include_model[1:]}\n"
        '#ifdef __cplusplus\nextern "C" {\n#endif\n\n'
        f"{_by_backend(_macros, numbers)}"
        f"{WORKSPACE}"
        "\n/* The model of this folder, and how it listens unless told otherwise. */\n"
        "extern const sotto_listener_model sotto_listener_default_model;\n"
        "extern const sotto_listener_settings sotto_listener_default_settings;\n\n"
        "#ifdef __cplusplus\n}\n#endif\n#endif\n"
    )


def _scores(model: CompiledModel) -> tuple[str, str]:
    """Constants in front, and the initialiser of `sotto_scores`."""
    kind = _score_kind(model)
    if kind != "SOTTO_SCORES_LOGITS_S8":
        return "", f"{{{kind}, SOTTO_MODEL_CLASSES, NULL, 0}}"
    if model.output.elements < 2:
        raise UserError(
            f"{model.name} has one output that is no probability",
            "End the model with LOGISTIC, or give it a class for everything else.",
        )
    table = exp_table(model.output.quantization.scales[0])
    array = c_text.array("exp_q15", table)
    return f"{array}\n", f"{{{kind}, SOTTO_MODEL_CLASSES, exp_q15, {table.size}}}"


def _source(model: CompiledModel, identity: Identity, numbers: Numbers) -> str:
    constants, scores = _scores(model)
    thresholds = np.array(numbers.ours.thresholds_q15, np.uint16)
    return (
        f'{identity.banner}#include "{HEADER_NAME}"\n\n'
        '#include "sotto/model.h"\n\n'
        f"{constants}{c_text.array('threshold_q15', thresholds, size='SOTTO_MODEL_CLASSES')}\n"
        "const sotto_listener_model sotto_listener_default_model = {\n"
        "    .tables = &sotto_frontend_default_tables,\n"
        f"    .scores = {scores},\n"
        "    .frames = SOTTO_MODEL_FRAMES,\n"
        "    .window_frames = SOTTO_MODEL_WINDOW_FRAMES,\n"
        "    .preroll_steps = SOTTO_LISTENER_PREROLL_STEPS,\n"
        "    .smoothing_steps_max = SOTTO_LISTENER_SMOOTHING_STEPS_MAX,\n"
        "    .init = sotto_model_init,\n"
        "    .reset = sotto_model_reset,\n"
        "    .invoke = sotto_model_invoke,\n};\n\n"
        "const sotto_listener_settings sotto_listener_default_settings = {\n"
        f"{_by_backend(_settings, numbers)}}};\n"
    )


def listener_sources(model: CompiledModel, identity: Identity, numbers: Numbers) -> dict[str, str]:
    """sotto_listener.h and .c.

    Raises:
        UserError: the scores are of a form that detection cannot read.
    """
    if model.output.elements > MOST_CLASSES:
        raise UserError(
            f"{model.name} has {model.output.elements} classes; detection takes {MOST_CLASSES}",
            "Train a model with fewer words.",
        )
    return {
        HEADER_NAME: _header(identity, numbers),
        SOURCE_NAME: _source(model, identity, numbers),
    }
