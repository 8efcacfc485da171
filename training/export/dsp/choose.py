"""Program -> program with the kernels of sotto/nn_dsp.h, where their preconditions hold.

A call that a check refuses keeps its reference kernel: the answer is the same, it takes longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.export.addition_fit import fit_addition
from training.export.choice import FREE_SCRATCH_BYTES, order_addition, with_scratch
from training.export.dsp.pack import (
    GROUP,
    GROUPS_OF_UNIT,
    UNSIGNED_OFFSET,
    fit_or_exact,
    pack_depthwise,
    pack_depthwise_rows,
    pack_matrix,
    pack_vector,
    pad_runs,
)
from training.export.dsp.params import (
    DEPTHWISE_CHANNELS,
    MATRIX_UNITS,
    AddDspParams,
    AddFittedDspParams,
    AverageDspParams,
    DepthwiseDspParams,
    DepthwiseFive5DspParams,
    DepthwiseFiveDspParams,
    DepthwiseRows3DspParams,
    DepthwiseRows5DspParams,
    DepthwiseRowsBy2DspParams,
    DepthwiseRowsDspParams,
    DepthwiseRowsExactDspParams,
    MatrixDspParams,
    MatrixExactDspParams,
    MatrixLongDspParams,
    MatrixVectorDspParams,
    MatrixVectorExactDspParams,
    MeanDspParams,
)
from training.export.padding import pad_first, padding_of, window_geometry
from training.export.program import (
    AddParams,
    AveragePoolParams,
    Conv2dParams,
    DepthwiseConv2dParams,
    KernelCall,
    KernelParams,
    MeanParams,
    Program,
)
from training.export.step.choose import depthwise_column_kernel
from training.export.weighted import (
    EXPONENT_LIMIT,
    GEOMETRY,
    INT8_MAX,
    INT8_MIN,
    SCALED_ACCUMULATOR_LIMIT,
    as_conv2d,
    layer_factors,
)

TILE_PAIRS = 3
EXACT_MACS = 1_024
"""Of all layers that do not fit: for fewer, a kernel of 1.4 KB of flash is not worth its speed."""
VECTOR_MACS = 1_024
"""Of all layers of few windows: for fewer, kernels of their own are not worth their flash."""
VECTOR_WINDOWS = 2
"""For three, the kernels that take three at a time are as good."""
VECTOR_CONSTANTS = 2
"""Words of a channel beside its weights."""
MEANS_POSITIONS = 256
"""Sums of as many int8 fit 16 bits."""
MEANS_CHANNELS = 4


_ROWS_GEOMETRY = (
    "input_height",
    "input_width",
    "output_height",
    "output_width",
    "kernel_height",
    "stride_height",
    "stride_width",
    "dilation_height",
    "pad_top",
    "pad_left",
)


@dataclass(frozen=True)
class _Matrix:
    """An unpadded layer with weights that the kernels for matrices may take.

    Attributes:
        conv: the layer.
        weights: int64[output channels, taps].
        fits, start, ends: what `fit_or_exact` gives.
    """

    conv: Conv2dParams
    weights: np.ndarray
    fits: bool
    start: np.ndarray
    ends: np.ndarray


def _requantised(
    weights: np.ndarray, params: Conv2dParams | DepthwiseConv2dParams
) -> tuple[bool, np.ndarray, np.ndarray] | None:
    """What `fit_or_exact` gives, or None where a check refuses.

    Args:
        weights: int64[channels, taps].
    """
    factors = layer_factors(weights, params, SCALED_ACCUMULATOR_LIMIT)
    if factors is None:
        return None
    return fit_or_exact(weights, params.bias, params.input_offset, params.output_offset, factors)


def _matrix(params: KernelParams) -> _Matrix | None:
    """The layer as a matrix, or None where a check refuses."""
    conv = as_conv2d(params)
    if conv is None or padding_of(conv) is not None:
        return None
    weights = conv.weights.reshape(conv.output_channels, -1).astype(np.int64)
    # A weight of -128 would leave its 16-bit lane: 256 * -128 - 1.
    requantised = None if weights.min() == INT8_MIN else _requantised(weights, conv)
    return None if requantised is None else _Matrix(conv, weights, *requantised)


def matrix_vector_kernel(params: KernelParams) -> MatrixVectorDspParams | None:
    """The kernel for an unpadded layer of few windows, or None where a check refuses."""
    conv = as_conv2d(params)
    if conv is None or conv.output_height * conv.output_width > VECTOR_WINDOWS:
        return None
    geometry, matrix = window_geometry(conv), _matrix(conv)
    if matrix is None or geometry["row_runs"] != 1:
        return None
    weights = pad_runs(matrix.weights, geometry["kernel_rows"])
    stream = pack_vector(weights, matrix.start, conv.input_offset, matrix.ends)
    in_row = conv.output_width > 1
    return (MatrixVectorDspParams if matrix.fits else MatrixVectorExactDspParams)(
        output_channels=conv.output_channels,
        windows=conv.output_height * conv.output_width,
        window_step_bytes=geometry["column_step_bytes" if in_row else "row_step_bytes"],
        runs=geometry["kernel_rows"],
        run_step_bytes=geometry["kernel_row_step_bytes"],
        run_bytes=geometry["run_bytes"],
        groups=stream.size // conv.output_channels - VECTOR_CONSTANTS,
        channel_words=stream.size // conv.output_channels,
        rounding_base=2 * conv.output_offset + 1,
        activation_min=conv.activation_min,
        activation_max=conv.activation_max,
        stream=stream,
    )


def matrix_kernel(params: KernelParams) -> MatrixDspParams | None:
    """The matrix kernel for an unpadded layer with weights, or None where a check refuses."""
    matrix = _matrix(params)
    if matrix is None:
        return None
    conv, weights = matrix.conv, matrix.weights
    geometry = window_geometry(conv)
    words = geometry["row_runs"] == 1 and geometry["run_bytes"] % GROUP == 0
    stream = pack_matrix(weights, matrix.start, conv.input_offset, matrix.ends)
    units = -(-weights.shape[1] // (GROUP * GROUPS_OF_UNIT))
    fitted = MatrixDspParams if units <= MATRIX_UNITS else MatrixLongDspParams
    height, width = conv.output_height, conv.output_width
    if geometry["row_step_bytes"] == width * geometry["column_step_bytes"]:
        height, width = 1, height * width  # windows stand one after the other over all rows
    return (fitted if matrix.fits else MatrixExactDspParams)(
        output_height=height,
        output_width=width,
        output_channels=conv.output_channels,
        **geometry,
        copied_groups=0 if words else -(-weights.shape[1] // GROUP),
        units=units,
        pair_words=stream.shape[1],
        rounding_base=2 * conv.output_offset + 1,
        activation_min=conv.activation_min,
        activation_max=conv.activation_max,
        stream=stream,
    )


def depthwise_kernel(params: KernelParams) -> DepthwiseDspParams | None:
    """The depthwise kernel for a depthwise layer, or None where a check refuses."""
    if not isinstance(params, DepthwiseConv2dParams):
        return None
    channels = params.input_channels
    if params.depth_multiplier != 1 or channels < DEPTHWISE_CHANNELS:
        return None
    weights = params.weights.reshape(-1, channels).astype(np.int64)
    factors = layer_factors(weights.T, params, SCALED_ACCUMULATOR_LIMIT)
    if factors is None:
        return None
    rows, columns = np.divmod(np.arange(len(weights)), params.kernel_width)
    rows, columns = rows * params.dilation_height, columns * params.dilation_width
    image = (rows * params.input_width + columns) * channels
    patch = np.arange(len(weights)) * channels
    if len(weights) % 2:  # the second tap of the last pair has weight 0: read any
        image, patch = (np.append(offsets, offsets[-1]) for offsets in (image, patch))
    return DepthwiseDspParams(
        **{name: getattr(params, name) for name in GEOMETRY},
        channels=channels,
        pad_value=-params.input_offset,
        taps_padded=len(image),
        rounding_base=2 * params.output_offset + 1,
        activation_min=params.activation_min,
        activation_max=params.activation_max,
        image_offsets=image.astype(np.int32),
        patch_offsets=patch.astype(np.int32),
        stream=pack_depthwise(weights, params.bias, params.input_offset, factors),
    )


def depthwise_rows_kernel(params: KernelParams) -> DepthwiseRowsDspParams | None:
    """The kernel by rows for a depthwise layer of three columns, or None where a check refuses."""
    if not isinstance(params, DepthwiseConv2dParams):
        return None
    channels = params.input_channels
    ones = params.depth_multiplier, params.dilation_width
    strides = params.stride_width in (1, 2)
    if params.kernel_width != 3 or ones != (1, 1) or not strides or channels < DEPTHWISE_CHANNELS:
        return None
    if params.pad_left > 1:
        return None
    weights = params.weights.reshape(params.kernel_height, 3, channels).astype(np.int64)
    requantised = _requantised(weights.reshape(-1, channels).T, params)
    if requantised is None:
        return None
    fits, start, ends = requantised
    tall = {3: DepthwiseRows3DspParams, 5: DepthwiseRows5DspParams}
    fitted: type[DepthwiseRowsDspParams] = DepthwiseRowsBy2DspParams
    if params.stride_width == 1:
        fitted = tall.get(params.kernel_height, DepthwiseRowsDspParams)
    reach = (params.kernel_height - 1) * params.dilation_height
    tiles = -(-params.output_width // (2 * TILE_PAIRS))
    stream, channel_bytes = pack_depthwise_rows(weights, start, params.input_offset, ends)
    chosen = (fitted if fits else DepthwiseRowsExactDspParams)(
        **{name: getattr(params, name) for name in _ROWS_GEOMETRY},
        channels=channels,
        pad_value=-params.input_offset,
        plane_rows=(params.output_height - 1) * params.stride_height + reach + 1,
        plane_pairs=TILE_PAIRS * params.stride_width * tiles + 1,
        channel_bytes=channel_bytes,
        rounding_base=2 * params.output_offset + 1,
        activation_min=params.activation_min,
        activation_max=params.activation_max,
        stream=stream,
    )
    # More memory than one more tensor has to be little.
    image_bytes = params.input_height * params.input_width * channels
    return chosen if chosen.scratch_bytes <= max(image_bytes, FREE_SCRATCH_BYTES) else None


def depthwise_five_kernel(params: KernelParams) -> DepthwiseFiveDspParams | None:
    """The kernel for rows of five columns, or None where a check refuses."""
    if not isinstance(params, DepthwiseConv2dParams):
        return None
    kernels = {3: DepthwiseFiveDspParams, 5: DepthwiseFive5DspParams}
    ones = {
        getattr(params, name)
        for name in (
            "depth_multiplier",
            "stride_height",
            "stride_width",
            "dilation_height",
            "dilation_width",
            "pad_left",
        )
    }
    widths = params.input_width, params.output_width, params.kernel_width
    channels, height = params.input_channels, params.kernel_height
    if ones != {1} or widths != (5, 5, 3) or height not in kernels:
        return None
    if channels < DEPTHWISE_CHANNELS or params.input_offset != UNSIGNED_OFFSET:
        return None
    weights = params.weights.reshape(height, 3, channels).astype(np.int64)
    requantised = _requantised(weights.reshape(-1, channels).T, params)
    if requantised is None or not requantised[0]:
        return None
    _, start, ends = requantised
    # Values are read unsigned, which is their offset: it is no part of the bias.
    stream, channel_bytes = pack_depthwise_rows(weights, start, 0, ends)
    return kernels[height](
        input_height=params.input_height,
        channels=channels,
        output_height=params.output_height,
        pad_top=params.pad_top,
        plane_rows=max(params.output_height + height - 1, params.pad_top + params.input_height),
        channel_bytes=channel_bytes,
        activation_min=params.activation_min,
        activation_max=params.activation_max,
        stream=stream,
    )


def add_fitted_kernel(call: KernelCall) -> KernelCall | None:
    """The addition in one step, or None where it does not fit."""
    p = call.params
    if not isinstance(p, AddParams) or max(p.input1_shift, p.input2_shift, p.output_shift) > 0:
        return None
    fit = fit_addition(p)
    if fit is None:
        return None
    params = AddFittedDspParams(
        elements=p.elements,
        factor1=fit.factor1,
        factor2=fit.factor2,
        beta=fit.beta,
        activation_min=p.activation_min,
        activation_max=p.activation_max,
    )
    return replace(call, params=params)


def add_kernel(call: KernelCall) -> KernelCall | None:
    """The addition whose first input has the greater scale, or None where a check refuses."""
    p = call.params
    if not isinstance(p, AddParams):
        return None
    ordered, exponent = order_addition(p, call.inputs), -p.output_shift
    if ordered is None or not -31 <= ordered.shift <= 0 or not 1 <= exponent <= EXPONENT_LIMIT:
        return None
    params = AddDspParams(
        elements=p.elements,
        input1_offset=ordered.offsets[0],
        input2_offset=ordered.offsets[1],
        input2_multiplier=ordered.multiplier,
        input2_exponent=-ordered.shift,
        output_multiplier=p.output_multiplier,
        output_exponent_less_1=exponent - 1,
        rounding_base=2 * p.output_offset + 1,
        activation_min=p.activation_min,
        activation_max=p.activation_max,
    )
    return replace(call, params=params, inputs=ordered.inputs)


def means_kernel(params: KernelParams) -> AverageDspParams | None:
    """The kernel for an average or mean over a whole image, or None where a check refuses."""
    if isinstance(params, AveragePoolParams):
        image = params.input_height, params.input_width
        whole = (params.output_height, params.output_width) == (1, 1)
        if not whole or image != (params.filter_height, params.filter_width):
            return None
        chosen = AverageDspParams(
            positions=params.input_height * params.input_width,
            channels=params.channels,
            activation_min=params.activation_min,
            activation_max=params.activation_max,
            input_offset=0,
            output_offset=0,
            multiplier=0,
            shift=0,
        )
    elif isinstance(params, MeanParams):
        names = ("positions", "channels", "input_offset", "output_offset", "multiplier", "shift")
        values = {name: getattr(params, name) for name in names}
        chosen = MeanDspParams(activation_min=INT8_MIN, activation_max=INT8_MAX, **values)
    else:
        return None
    small = chosen.positions <= MEANS_POSITIONS and chosen.channels >= MEANS_CHANNELS
    return chosen if small else None


def layer_kernel(params: KernelParams) -> KernelParams | None:
    """The fastest kernel for a layer with weights, or None where all checks refuse."""
    kernels = (
        matrix_kernel,
        depthwise_column_kernel,
        depthwise_five_kernel,
        depthwise_rows_kernel,
        depthwise_kernel,
    )
    chosen = (kernel(params) for kernel in kernels)
    return next((found for found in chosen if found is not None), None)


def _unweighted(call: KernelCall) -> KernelCall:
    """A call without weights, with a packed kernel where one takes it."""
    means = means_kernel(call.params)
    if means is not None:
        return replace(call, params=means)
    return add_fitted_kernel(call) or add_kernel(call) or call


def _one_window_kernels(calls: Sequence[KernelCall]) -> list[MatrixVectorDspParams | None]:
    """For each call the kernel of few windows; None where a check refuses or few products pay."""
    vectors = [matrix_vector_kernel(call.params) for call in calls]
    taken = (call.macs for call, params in zip(calls, vectors, strict=True) if params is not None)
    return vectors if sum(taken) >= VECTOR_MACS else [None] * len(vectors)


def choose_dsp_kernels(program: Program) -> Program:
    """Give every call the kernel of Armv7E-M that computes the same bytes, if there is one."""
    program = pad_first(program, lambda conv: matrix_kernel(conv) is not None)
    vectors = _one_window_kernels(program.calls)
    chosen = [
        vector or layer_kernel(call.params)
        for vector, call in zip(vectors, program.calls, strict=True)
    ]
    exact = [isinstance(p, MatrixExactDspParams | MatrixVectorExactDspParams) for p in chosen]
    macs = sum(call.macs for call, is_exact in zip(program.calls, exact, strict=True) if is_exact)
    calls = (
        _unweighted(call)
        if params is None or (is_exact and macs < EXACT_MACS)
        else replace(call, params=params)
        for call, params, is_exact in zip(program.calls, chosen, exact, strict=True)
    )
    return with_scratch(program, calls)
