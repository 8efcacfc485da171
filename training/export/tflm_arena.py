"""How much arena TFLite-Micro needs, measured with TFLite-Micro itself.

The measurement runs in a process of its own: the interpreter reports on the C stderr, and a model
that crashes it must not take the training along.
"""

from __future__ import annotations

import re
import subprocess
import sys

from training.errors import UserError
from training.export.plan import ALIGNMENT_BYTES
from training.export.program import Conv2dParams, DepthwiseConv2dParams, Program

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
    try:
        return _measure(tflite, program, name)
    except subprocess.TimeoutExpired as error:
        raise UserError(
            f"TFLite-Micro did not run {name} once in {CHILD_TIMEOUT_S} s",
            "Try again on an idle machine, or give a smaller model.",
        ) from error


def _measure(tflite: bytes, program: Program, name: str) -> int:
    done = _run(tflite, ROOMY_ARENA_BYTES)
    total = TOTAL.search(done.stderr.decode(errors="replace"))
    if done.returncode == 0 and total is not None:
        needed = int(total.group(1)) + scratch_bytes(program) + ALIGNMENT_BYTES
        least = -(-needed // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
        for arena_bytes in range(least, least + GROWTHS * GROWTH_BYTES, GROWTH_BYTES):
            done = _run(tflite, arena_bytes)
            if done.returncode == 0:
                return arena_bytes
    lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
    raise UserError(
        f"TFLite-Micro refuses {name} (exit code {done.returncode}): {lines[-1]}",
        "Use operators that TFLite-Micro has, in int8.",
    )
