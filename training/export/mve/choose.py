"""Program -> program with the kernels of sotto/nn_mve.h, where their preconditions hold.

A call that a check refuses keeps its reference kernel: the answer is the same, it takes longer.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from training.export.choice import FREE_SCRATCH_BYTES, order_addition, with_scratch
from training.export.mve.pack import pack_depthwise, pack_matrix, whole_vectors
from training.export.mve.params import (
    PLANES,
    VECTOR_BYTES,
    AddMveParams,
    AveragePoolMveParams,
    DepthwiseLongMveParams,
    DepthwiseMveParams,
    MatrixMveParams,
    MeanMveParams,
)
from training.export.passes.in_place import work_in_place
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
    as_conv2d,
    layer_factors,
)

ACCUMULATOR_LIMIT = 2**30 - 1
PLANE_LIMIT = (2**16 - 1) // (PLANES[0] - 1)
"""Offsets of planes are 16-bit numbers."""
# Instructions, counted in the assembly, that the choice of strips weighs against each other.
OUTPUT_COST, LONG_OUTPUT_COST, LONG_VECTOR_COST = 26, 30, 13
PIXEL_COST, ROW_COST = 6, 14


def _ties_away(params: Conv2dParams | DepthwiseConv2dParams | AddParams) -> int:
    """Whether a negative result can be seen: else all of them are clamped to the zero point."""
    return int(params.activation_min < params.output_offset)


def matrix_kernel(params: KernelParams) -> MatrixMveParams | None:
    """The matrix kernel for a layer with weights, or None where a check refuses."""
    conv = as_conv2d(params)
    if conv is None:
        return None
    columns = conv.weights.reshape(conv.output_channels, -1).astype(np.int64)
    factors = layer_factors(columns, conv, ACCUMULATOR_LIMIT)
    if factors is None:
        return None
    vectors = whole_vectors(columns.shape[1])
    return MatrixMveParams(
        **{name: getattr(conv, name) for name in GEOMETRY},
        input_channels=conv.input_channels,
        output_channels=conv.output_channels,
        pad_value=-conv.input_offset,
        vectors=vectors,
        tail_bytes=max(columns.shape[1] - VECTOR_BYTES * vectors, 0),
        ties_away=_ties_away(conv),
        rounding_base=2 * conv.output_offset + 1,
        activation_min=conv.activation_min,
        activation_max=conv.activation_max,
        stream=pack_matrix(columns, conv.bias, conv.input_offset, factors),
    )


@dataclass(frozen=True)
class Strips:
    """How a plane is cut; see `sotto_depthwise_mve_params`."""

    params: DepthwiseConv2dParams
    outputs: int
    planes: int = PLANES[0]
    one_by_one: bool = False

    @property
    def held(self) -> int:
        """Strips that a plane has room for."""
        return 1 if self.one_by_one else self.count

    @property
    def count(self) -> int:
        """Strips side by side."""
        return -(-self.params.output_width // self.outputs)

    @property
    def span(self) -> int:
        """Columns that a kernel row reaches over."""
        return (self.params.kernel_width - 1) * self.params.dilation_width + 1

    @property
    def columns(self) -> int:
        """Bytes of a row. Padding at its end is left to that at the start of the next."""
        p = self.params
        needed = (self.outputs - 1) * p.stride_width + self.span
        right = needed - p.pad_left - p.input_width
        spared = max(0, min(p.pad_left, right)) if self.count == 1 else 0
        return max(needed - spared, self.span)  # no byte may stand for two taps

    @property
    def reach(self) -> int:
        """Rows from the first to the last tap of a window."""
        return (self.params.kernel_height - 1) * self.params.dilation_height

    @property
    def rows(self) -> int:
        """Input rows with their padding."""
        return (self.params.output_height - 1) * self.params.stride_height + self.reach + 1

    @property
    def vectors(self) -> int:
        """Vectors of a window."""
        return -(-(self.reach * self.columns + self.span) // VECTOR_BYTES)

    @property
    def plane_bytes(self) -> int:
        """Bytes up to the end of what any window reads."""
        p = self.params
        below = (p.output_height - 1) * p.stride_height * self.columns
        last = below + (self.outputs - 1) * p.stride_width + self.vectors * VECTOR_BYTES
        return (self.held - 1) * self.rows * self.columns + max(last, self.rows * self.columns)

    @property
    def cost(self) -> float:
        """About the instructions for one channel."""
        p = self.params
        long = LONG_OUTPUT_COST + LONG_VECTOR_COST * self.vectors
        outputs = p.output_height * p.output_width * (OUTPUT_COST if self.vectors == 1 else long)
        unpacked = self.count * self.rows * (ROW_COST + PIXEL_COST * self.columns)
        return outputs / 4 + unpacked / self.planes

    @property
    def places(self) -> np.ndarray:
        """Of each tap among the bytes of a window."""
        p = self.params
        rows = np.arange(p.kernel_height) * p.dilation_height * self.columns
        return (rows[:, None] + np.arange(p.kernel_width) * p.dilation_width).reshape(-1)


def choose_strips(params: DepthwiseConv2dParams, *, one_by_one: bool) -> Strips | None:
    """The fastest strips of those whose planes take no more memory than is allowed, if any do."""
    channels = params.input_channels
    image_bytes = params.input_height * params.input_width * channels
    limit = max(image_bytes, FREE_SCRATCH_BYTES)
    ways = [
        Strips(params, outputs, planes, one_by_one)
        for planes in PLANES
        if planes == min(PLANES) or channels > min(PLANES)
        for outputs in range(1, params.output_width + 1)
    ]
    fitting = [w for w in ways if w.plane_bytes <= min(limit // w.planes, PLANE_LIMIT)]
    return min(fitting, key=lambda way: way.cost, default=None)


def depthwise_kernel(
    params: KernelParams, *, one_by_one: bool = False
) -> DepthwiseMveParams | None:
    """The depthwise kernel for a depthwise layer, or None where a check refuses.

    Args:
        one_by_one: hold one strip at a time: less memory, but not over the layer's input.
    """
    if not isinstance(params, DepthwiseConv2dParams) or params.depth_multiplier != 1:
        return None
    channels = params.input_channels
    columns = params.weights.reshape(-1, channels).T.astype(np.int64)
    factors = layer_factors(columns, params, ACCUMULATOR_LIMIT)
    strips = choose_strips(params, one_by_one=one_by_one)
    if factors is None or strips is None:
        return None
    one_vector = strips.vectors == 1
    kernel = DepthwiseMveParams if one_vector else DepthwiseLongMveParams
    tap_of = np.zeros(VECTOR_BYTES, np.uint8)
    if one_vector:
        tap_of[strips.places] = np.arange(len(strips.places))
    geometry = (name for name in GEOMETRY if not name.startswith(("kernel", "dilation")))
    return kernel(
        **{name: getattr(params, name) for name in geometry},
        channels=channels,
        pad_value=-params.input_offset,
        strips=strips.count,
        strips_held=strips.held,
        strip_outputs=strips.outputs,
        strip_columns=strips.columns,
        strip_rows=strips.rows,
        planes=strips.planes,
        plane_bytes=strips.plane_bytes,
        vectors=strips.vectors,
        taps=len(strips.places),
        bytes_with_tap=sum(1 << int(place) for place in strips.places) if one_vector else 0,
        ties_away=_ties_away(params),
        rounding_base=2 * params.output_offset + 1,
        activation_min=params.activation_min,
        activation_max=params.activation_max,
        tap_of=tap_of,
        stream=pack_depthwise(columns, params.bias, params.input_offset, factors, strips.places),
    )


def add_kernel(call: KernelCall) -> KernelCall | None:
    """The addition whose first input has the greater scale, or None where a check refuses."""
    p = call.params
    if not isinstance(p, AddParams):
        return None
    ordered, exponent = order_addition(p, call.inputs), -p.output_shift
    if ordered is None or ordered.shift > 0 or not 1 <= exponent <= EXPONENT_LIMIT:
        return None
    params = AddMveParams(
        elements=p.elements,
        input1_offset=ordered.offsets[0],
        input2_offset=ordered.offsets[1],
        input2_multiplier=ordered.multiplier,
        input2_shift=ordered.shift,
        output_multiplier=p.output_multiplier,
        output_exponent_less_1=exponent - 1,
        ties_away=_ties_away(p),
        rounding_base=2 * p.output_offset + 1,
        activation_min=p.activation_min,
        activation_max=p.activation_max,
    )
    return replace(call, params=params, inputs=ordered.inputs)


def same_params_kernel(params: KernelParams) -> KernelParams | None:
    """The kernel with vectors that takes the reference kernel's own parameters, if there is one."""
    kinds: tuple[tuple[type[KernelParams], type[KernelParams]], ...] = (
        (AveragePoolParams, AveragePoolMveParams),
        (MeanParams, MeanMveParams),
    )
    for reference, vectors in kinds:
        if type(params) is reference:
            return vectors(**{field.name: getattr(params, field.name) for field in fields(params)})
    return None


def _fastest(call: KernelCall) -> KernelCall:
    """The call with a kernel of Armv8.1-M, if there is one."""
    call = add_kernel(call) or call
    p = call.params
    depthwise = depthwise_column_kernel(p) or depthwise_kernel(p)
    params = matrix_kernel(p) or depthwise or same_params_kernel(p) or p
    return replace(call, params=params)


def choose_mve_kernels(program: Program) -> Program:
    """Give every call the kernel of Armv8.1-M that computes the same bytes, if there is one.

    A depthwise layer that will not write over its input needs its strips only one by one.
    """
    fastest = [_fastest(call) for call in program.calls]
    in_place = work_in_place(with_scratch(program, fastest)).calls
    calls = []
    for call, chosen, placed in zip(program.calls, fastest, in_place, strict=True):
        over_input = placed.output in placed.inputs
        strips = isinstance(chosen.params, DepthwiseMveParams) and not over_input
        narrow = depthwise_kernel(call.params, one_by_one=True) if strips else None
        calls.append(replace(chosen, params=narrow or chosen.params))
    return with_scratch(program, calls)
