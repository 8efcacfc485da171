"""What a student costs and how often it is right, as the report of a step tells it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training import evaluate
from training.compress.calibrate import to_int8
from training.compress.grid import Grid, Zeros
from training.compress.network import kernel_of, weighted_layers
from training.compress.quantise import int8_logits
from training.compress.student import Context, Student
from training.export.compile import compile_model
from training.export.cores import Core
from training.export.describe import Description, describe
from training.models import deployed_parameters
from training.train import predict

BITS = 8


@dataclass(frozen=True)
class Figures:
    """A student as it would be deployed now.

    Attributes:
        parameters: weights and biases of inference.
        macs: of one inference, which takes one hop of frames where the network can be streamed.
        step_frames: that an inference takes.
        instructions: of one inference, estimated; None where a kernel's cost is not known.
        flash_bytes: constants of the int8 model.
        ram_bytes: arena, input and output.
        packed_bytes: of all kernels once packed kernels exist; None where no form asks for it.
        zeros: part of the weights that is zero.
        float_right: test clips that the float network hears right.
        right: test clips that the int8 model hears right.
        clips: in the test set.
        low: of the 95 % Wilson interval of the int8 model's accuracy; high likewise.
    """

    core: str
    parameters: int
    macs: int
    step_frames: int
    instructions: int | None
    flash_bytes: int
    ram_bytes: int
    packed_bytes: int | None
    zeros: float
    float_right: int
    right: int
    clips: int
    accuracy: float
    low: float
    high: float


def costs(tflite: bytes, core: Core) -> Description:
    """What an int8 model costs on a core, taken a hop at a time where it can be.

    Raises:
        UserError: sotto cannot compile it.
    """
    return describe(compile_model(tflite, target=core.target, streaming="auto"), core)


def measure(student: Student, context: Context, tflite: bytes | None = None) -> Figures:
    """Convert, compile and evaluate.

    Args:
        student: as it is now.
        context: has the test clips and the core.
        tflite: of the student, where it is there already.

    Raises:
        UserError: sotto cannot compile it.
    """
    tflite = to_int8(student, context) if tflite is None else tflite
    told = costs(tflite, context.core)
    targets = context.test.labels
    heard = evaluate.decide(predict(student.network, context.test.features))
    reached = evaluate.accuracy(
        evaluate.decide(int8_logits(tflite, context.test.features)), targets
    )
    return Figures(
        core=context.core.name,
        parameters=deployed_parameters(student.network),
        macs=told.macs,
        step_frames=told.step_frames,
        instructions=told.instructions,
        flash_bytes=told.flash.weights_bytes + told.flash.tables_bytes,
        ram_bytes=told.ram_bytes,
        packed_bytes=packed_bytes(student) if student.needs else None,
        zeros=zero_share(student),
        float_right=int(np.sum(heard == targets)),
        right=reached.right,
        clips=reached.clips,
        accuracy=reached.value,
        low=reached.low,
        high=reached.high,
    )


def packed_bytes(student: Student) -> int:
    """Kernels as closely as their forms allow: codes of few bits with their codebook, a bit a
    weight that tells zeros, and the weights that are none."""
    bits = 0
    for layer in weighted_layers(student.network):
        kernel, form = kernel_of(layer), student.forms.get(layer.name)
        if isinstance(form, Grid):
            bits += kernel.size * form.bits + form.codes.size * BITS
        elif isinstance(form, Zeros):
            bits += kernel.size + int(np.count_nonzero(form.kept)) * BITS
        else:
            bits += kernel.size * BITS
    return -(-bits // BITS)


def zero_share(student: Student) -> float:
    """Part of the weights of all kernels that is zero."""
    kernels = [kernel_of(layer) for layer in weighted_layers(student.network)]
    size = sum(kernel.size for kernel in kernels)
    return 1.0 - sum(int(np.count_nonzero(kernel)) for kernel in kernels) / size
