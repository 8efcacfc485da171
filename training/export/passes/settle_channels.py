"""Program -> program whose channels without weights have factors that every kernel takes.

A channel that pruning has emptied says the same whatever it hears. Its scale means nothing, and the
converter leaves one so small that bias and exponent leave the range of the faster kernels: the
whole layer would run on the reference kernel. What the channel says is known here, so a plain
bias and factor say it as well.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.export.fixed_point import requantize
from training.export.program import Conv2dParams, DepthwiseConv2dParams, KernelParams, Program

MULTIPLIER, SHIFT = 2**30, -7
"""Of 2^-8: a bias of 256 v gives v, as both roundings are exact."""
STEPS = 256
LEAST, GREATEST = -256, 255
"""Results beyond saturate, whatever the zero point."""


def settle_channels(program: Program) -> Program:
    """The same bytes from other biases, multipliers and shifts of channels without weights."""
    return replace(
        program,
        calls=tuple(replace(call, params=_settled(call.params)) for call in program.calls),
    )


def _settled(params: KernelParams) -> KernelParams:
    if isinstance(params, DepthwiseConv2dParams):
        channels = params.weights.reshape(-1, params.bias.size).T
    elif isinstance(params, Conv2dParams):
        channels = params.weights.reshape(params.bias.size, -1)
    else:
        return params
    empty = ~channels.any(axis=1)
    if not empty.any():
        return params
    said = [
        requantize(int(bias), int(multiplier), int(shift))
        for bias, multiplier, shift in zip(
            params.bias, params.multiplier, params.shift, strict=True
        )
    ]
    bias = STEPS * np.clip(said, LEAST, GREATEST)
    return replace(
        params,
        bias=np.where(empty, bias, params.bias).astype(params.bias.dtype),
        multiplier=np.where(empty, MULTIPLIER, params.multiplier).astype(params.multiplier.dtype),
        shift=np.where(empty, SHIFT, params.shift).astype(params.shift.dtype),
    )
