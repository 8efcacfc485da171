"""The verifier finds every fault in a planned program, and none where there is none."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from model_builder import every_operator_model, keyword_model, split_and_join_model
from stream_models import recurrent_model, streaming_model

from training.export.compile import compile_model
from training.export.graph import Quantization
from training.export.moving_params import CopyParams, ShiftParams
from training.export.plan import Plan
from training.export.program import Buffer, KernelCall, LookupParams, Program, View
from training.export.targets import TARGETS, Target
from training.export.verify import verify_program

NOTHING = Quantization((), ())
TABLE = LookupParams(8, np.zeros(256, np.int8))


def _buffer(size: int, **more: object) -> Buffer:
    return Buffer("", (size,), NOTHING, **more)


def _call(params: object, inputs: tuple[int, ...], output: int, scratch: int | None = None):
    return KernelCall("", params, inputs, output, "", scratch=scratch)


STATE = np.zeros(16, np.int8)
PROGRAM = Program(
    buffers=(
        _buffer(8),
        _buffer(16, initial=STATE),
        _buffer(8, view=View(1, 8)),
        _buffer(8),
        _buffer(8),
        _buffer(4),
    ),
    calls=(
        _call(ShiftParams(8, 8), (), 1),
        _call(TABLE, (0,), 2),
        _call(TABLE, (2,), 3, 5),
        _call(TABLE, (3,), 4),
    ),
    inputs=(0,),
    outputs=(4,),
)
PLAN = Plan({1: 0, 3: 16, 5: 32}, 48)


def test_a_sound_plan_passes() -> None:
    verify_program(PROGRAM, PLAN)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize(
    "build",
    [keyword_model, every_operator_model, split_and_join_model, streaming_model, recurrent_model],
)
def test_compiled_models_pass(build: Callable[[], bytes], target: Target) -> None:
    model = compile_model(build(), target=target)
    verify_program(model.program, model.plan)
    shifted = {buffer: 0 for buffer in model.plan.offsets}
    with pytest.raises(ValueError, match=r"in call|beyond"):
        verify_program(model.program, Plan(shifted, model.plan.arena_bytes))


def _calls(*calls: KernelCall) -> Program:
    return dataclasses.replace(PROGRAM, calls=calls)


@pytest.mark.parametrize(
    ("program", "plan", "words"),
    [
        (PROGRAM, Plan({1: 0, 3: 8, 5: 32}, 48), "in call 2, byte 0 of buffer 2 belongs to 3"),
        (PROGRAM, Plan({1: 0, 3: 16, 5: 20}, 48), "in call 2, byte 0 of buffer 5 belongs to 3"),
        (PROGRAM, Plan({1: 0, 3: 16, 5: 8}, 48), "in call 2, byte 0 of buffer 2 belongs to 5"),
        (PROGRAM, Plan({1: 0, 3: 16, 5: 46}, 48), "buffer 5 ends beyond the arena"),
        (_calls(*PROGRAM.calls[3:]), PLAN, "in call 0, byte 0 of buffer 3 belongs to -1"),
        (
            _calls(*PROGRAM.calls, _call(TABLE, (0,), 3), _call(TABLE, (3,), 4)),
            Plan({1: 0, 3: 4, 5: 32}, 48),
            "in call 2, byte 0 of buffer 2 belongs to 3",
        ),
        (
            _calls(_call(CopyParams(1, 4, 0, 0, 4, 0), (0,), 3), _call(TABLE, (3,), 4)),
            PLAN,
            "in call 1, byte 0 of buffer 3 belongs to -1",
        ),
        (
            _calls(_call(TABLE, (0,), 3), _call(TABLE, (3,), 4), _call(TABLE, (0,), 2)),
            Plan({1: 0, 3: 0}, 48),
            "in call 3, byte 0 of buffer 1 belongs to 3",
        ),
    ],
)
def test_faults_are_named(program: Program, plan: Plan, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        verify_program(program, plan)
