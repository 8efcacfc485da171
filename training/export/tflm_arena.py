"""How much arena TFLite-Micro needs, measured with TFLite-Micro itself.

The measurement runs in a process of its own: the interpreter reports on the C stderr, and a model
that crashes it must not take the training along.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass

from training.errors import UserError
from training.export.compile import compile_model
from training.export.plan import ALIGNMENT_BYTES
from training.export.program import Conv2dParams, DepthwiseConv2dParams, Program
from training.export.tflm import resolver_of

CHILD = """
import sys
import numpy as np
from tflite_micro.python.tflite_micro import runtime
interpreter = runtime.Interpreter.from_bytes(sys.stdin.buffer.read(), arena_size=int(sys.argv[1]))
detail = interpreter.get_input_details(0)
interpreter.set_input(np.zeros(detail["shape"], detail["dtype"]), 0)
interpreter.invoke()
interpreter.print_allocations()
"""
GROWTH_BYTES = 512
GROWTHS = 64
"""Preparing many small tensors takes more for a while than the arena holds in the end."""
ROOMY_ARENA_BYTES = 16 * 1024 * 1024
CHILD_TIMEOUT_S = 120
TOTAL = re.compile(r"Arena allocation total (\d+) bytes")
HEAD = re.compile(r"Arena allocation head (\d+) bytes")
TAIL = re.compile(r"Arena allocation tail (\d+) bytes")
RECORD = re.compile(r"'([^']+)' used (\d+) bytes .* for (\d+) ")
REST = "allocator, planner and operators' parameters"
"""What the records do not tell of the tail."""


@dataclass(frozen=True)
class Record:
    """A part of the tail.

    Attributes:
        name: what TFLite-Micro calls it.
        bytes: with what aligns it.
        count: allocations, or the structs in them; 0 where TFLite-Micro does not count.
    """

    name: str
    bytes: int
    count: int


@dataclass(frozen=True)
class ArenaUse:
    """How TFLite-Micro fills its arena, on this host.

    Attributes:
        total_bytes: the least arena with which the model runs here: head and tail.
        head_bytes: tensors and scratch buffers, each until its last reader has run.
        tail_bytes: what stays as long as the interpreter.
        tail: parts of the tail, which sum up to it.
    """

    total_bytes: int
    head_bytes: int
    tail_bytes: int
    tail: tuple[Record, ...]


@dataclass(frozen=True)
class ArenaReport:
    """What `sotto arena` tells.

    Attributes:
        arena_bytes: what the generated header declares.
        scratch_bytes: of it, for kernels of CMSIS-NN, which this host does not run.
        rounding_bytes: of it, one alignment, and what rounds it up.
        operators: X of each `MicroMutableOpResolver::AddX`.
        variables: resource variables.
    """

    arena_bytes: int
    use: ArenaUse
    scratch_bytes: int
    rounding_bytes: int
    operators: tuple[str, ...]
    variables: int


def _run(tflite: bytes, arena_bytes: int) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", CHILD, str(arena_bytes)],
        input=tflite,
        capture_output=True,
        timeout=CHILD_TIMEOUT_S,
        check=False,
    )


def scratch_bytes(program: Program) -> int:
    """Greatest scratch buffer that CMSIS-NN's kernels ask for beyond the measured ones.

    Its convolutions copy two kernel windows as int16 on cores with the DSP extension
    (`arm_convolve_s8_get_buffer_size`, `arm_depthwise_conv_s8_opt_get_buffer_size`); the measured
    reference kernels copy nothing.
    """
    windows = [0]
    for call in program.calls:
        p = call.params
        if isinstance(p, Conv2dParams | DepthwiseConv2dParams):
            windows.append(p.kernel_height * p.kernel_width * p.input_channels)
    return 2 * 2 * max(windows)


def measure_tflm_arena(tflite: bytes, program: Program, name: str) -> int:
    """Arena in bytes with which `tflite` runs in TFLite-Micro.

    The sum of: what the interpreter used on this host, where pointers are twice as long as on a
    32-bit chip; the scratch of CMSIS-NN's kernels; one alignment. A run with the sum proves it, or
    with the first of somewhat larger ones that suffices.

    Raises:
        UserError: TFLite-Micro refuses the model, or does not end.
    """
    return _measure(tflite, program, name)[0]


def explain_tflm_arena(tflite: bytes, name: str) -> ArenaReport:
    """What the arena of `measure_tflm_arena` is made of.

    Raises:
        UserError: as `compile_model`, `resolver_of` and `measure_tflm_arena`.
    """
    program = compile_model(tflite, name=name).program
    resolver = resolver_of(tflite, name)
    arena_bytes, use = _measure(tflite, program, name)
    scratch = scratch_bytes(program)
    rounding = arena_bytes - use.total_bytes - scratch
    return ArenaReport(arena_bytes, use, scratch, rounding, resolver.operators, resolver.variables)


def _measure(tflite: bytes, program: Program, name: str) -> tuple[int, ArenaUse]:
    try:
        return _grow(tflite, program, name)
    except subprocess.TimeoutExpired as error:
        raise UserError(
            f"TFLite-Micro did not run {name} once in {CHILD_TIMEOUT_S} s",
            "Try again on an idle machine, or give a smaller model.",
        ) from error


def _grow(tflite: bytes, program: Program, name: str) -> tuple[int, ArenaUse]:
    done = _run(tflite, ROOMY_ARENA_BYTES)
    use = _read_use(done.stderr.decode(errors="replace"))
    if done.returncode == 0 and use is not None:
        needed = use.total_bytes + scratch_bytes(program) + ALIGNMENT_BYTES
        least = -(-needed // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
        for arena_bytes in range(least, least + GROWTHS * GROWTH_BYTES, GROWTH_BYTES):
            done = _run(tflite, arena_bytes)
            if done.returncode == 0:
                return arena_bytes, use
    lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
    raise UserError(
        f"TFLite-Micro refuses {name} (exit code {done.returncode}): {lines[-1]}",
        "Use operators that TFLite-Micro has, in int8.",
    )


def _read_use(text: str) -> ArenaUse | None:
    """What `print_allocations` printed, None where it did not come to that."""
    found = [pattern.search(text) for pattern in (TOTAL, HEAD, TAIL)]
    sums = [int(match[1]) for match in found if match is not None]
    if len(sums) < len(found):
        return None
    total, head, tail = sums
    records = [Record(m[1], int(m[2]), int(m[3])) for m in RECORD.finditer(text)]
    rest = Record(REST, tail - sum(record.bytes for record in records), 0)
    return ArenaUse(total, head, tail, (*records, rest))
