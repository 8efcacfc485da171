"""What `lower` makes of a graph: buffers and kernel calls, independent of how they are printed.

Each `*Params` class mirrors the C struct of the same kernel in `sotto/nn.h`, field by field: an
`int` is an `int32_t`, an array is a pointer to constants of its dtype, parameters are a pointer to
constant parameters. Kernels of one kind of core have theirs in its own package.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from training.export.fetching import Fetching
from training.export.graph import Quantization


@dataclass(frozen=True)
class KernelParams:
    """Parameters of one kernel call: what every kernel's class has.

    Attributes:
        kernel: what the C function is called between `sotto_` and its suffix.
        struct: the C type is `sotto_<struct>_params`.
        suffix: type of the input that the C function's name ends with.
    """

    kernel: ClassVar[str]
    struct: ClassVar[str]
    suffix: ClassVar[str] = "s8"

    @property
    def function(self) -> str:
        """The C function."""
        return f"sotto_{self.kernel}_{self.suffix}"

    @property
    def scratch_bytes(self) -> int:
        """Bytes of memory that the kernel needs during the call, by its last argument."""
        return 0

    @property
    def writes_over_input(self) -> bool:
        """Whether the kernel allows its output to be any of its inputs."""
        return False

    @property
    def written_part(self) -> tuple[int, int] | None:
        """First byte and bytes of the part of the output that the kernel writes; None for all."""
        return None

    @property
    def constant_bytes(self) -> int:
        """Bytes of the constant arrays that the parameters point to."""
        values = [getattr(self, field.name) for field in fields(self)]
        arrays = sum(value.nbytes for value in values if isinstance(value, np.ndarray))
        return arrays + sum(v.constant_bytes for v in values if isinstance(v, KernelParams))


@dataclass(frozen=True)
class Conv2dParams(KernelParams):
    """`sotto_conv2d_params`."""

    kernel: ClassVar[str] = "conv2d"
    struct: ClassVar[str] = "conv2d"
    input_height: int
    input_width: int
    input_channels: int
    output_height: int
    output_width: int
    output_channels: int
    kernel_height: int
    kernel_width: int
    stride_height: int
    stride_width: int
    dilation_height: int
    dilation_width: int
    pad_top: int
    pad_left: int
    input_offset: int
    output_offset: int
    activation_min: int
    activation_max: int
    weights: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray
    shift: np.ndarray


@dataclass(frozen=True)
class DepthwiseConv2dParams(KernelParams):
    """`sotto_depthwise_conv2d_params`."""

    kernel: ClassVar[str] = "depthwise_conv2d"
    struct: ClassVar[str] = "depthwise_conv2d"
    input_height: int
    input_width: int
    input_channels: int
    output_height: int
    output_width: int
    depth_multiplier: int
    kernel_height: int
    kernel_width: int
    stride_height: int
    stride_width: int
    dilation_height: int
    dilation_width: int
    pad_top: int
    pad_left: int
    input_offset: int
    output_offset: int
    activation_min: int
    activation_max: int
    weights: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray
    shift: np.ndarray


@dataclass(frozen=True)
class FullyConnectedParams(KernelParams):
    """`sotto_fully_connected_params`."""

    kernel: ClassVar[str] = "fully_connected"
    struct: ClassVar[str] = "fully_connected"
    rows: int
    input_features: int
    output_features: int
    input_offset: int
    output_offset: int
    activation_min: int
    activation_max: int
    weights: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray
    shift: np.ndarray


class ElementwiseParams(KernelParams):
    """Of kernels that read an element of each input before they write that of the output."""

    @property
    def writes_over_input(self) -> bool:
        """Always."""
        return True


@dataclass(frozen=True)
class SumParams(ElementwiseParams):
    """`sotto_add_params`."""

    struct: ClassVar[str] = "add"
    elements: int
    input1_offset: int
    input2_offset: int
    output_offset: int
    input1_multiplier: int
    input1_shift: int
    input2_multiplier: int
    input2_shift: int
    output_multiplier: int
    output_shift: int
    activation_min: int
    activation_max: int


@dataclass(frozen=True)
class AddParams(SumParams):
    """`sotto_add_params` of a sum."""

    kernel: ClassVar[str] = "add"


@dataclass(frozen=True)
class SubParams(SumParams):
    """`sotto_add_params` of a difference."""

    kernel: ClassVar[str] = "sub"


@dataclass(frozen=True)
class MulParams(ElementwiseParams):
    """`sotto_mul_params`."""

    kernel: ClassVar[str] = "mul"
    struct: ClassVar[str] = "mul"
    elements: int
    input1_offset: int
    input2_offset: int
    output_offset: int
    multiplier: int
    shift: int
    activation_min: int
    activation_max: int


@dataclass(frozen=True)
class BroadcastParams(KernelParams):
    """`sotto_broadcast_params`, a part of other parameters."""

    kernel: ClassVar[str] = "broadcast"
    struct: ClassVar[str] = "broadcast"
    runs: int
    run_elements: int
    input1_step: int
    input2_step: int
    extents: np.ndarray
    input1_strides: np.ndarray
    input2_strides: np.ndarray


@dataclass(frozen=True)
class SumBroadcastParams(ElementwiseParams):
    """`sotto_add_broadcast_params`."""

    struct: ClassVar[str] = "add_broadcast"
    arithmetic: SumParams
    shape: BroadcastParams


@dataclass(frozen=True)
class AddBroadcastParams(SumBroadcastParams):
    """`sotto_add_broadcast_params` of a sum."""

    kernel: ClassVar[str] = "add_broadcast"


@dataclass(frozen=True)
class SubBroadcastParams(SumBroadcastParams):
    """`sotto_add_broadcast_params` of a difference."""

    kernel: ClassVar[str] = "sub_broadcast"


@dataclass(frozen=True)
class MulBroadcastParams(ElementwiseParams):
    """`sotto_mul_broadcast_params`."""

    kernel: ClassVar[str] = "mul_broadcast"
    struct: ClassVar[str] = "mul_broadcast"
    arithmetic: MulParams
    shape: BroadcastParams


@dataclass(frozen=True)
class _PoolParams(KernelParams):
    struct: ClassVar[str] = "pool"
    input_height: int
    input_width: int
    channels: int
    output_height: int
    output_width: int
    filter_height: int
    filter_width: int
    stride_height: int
    stride_width: int
    pad_top: int
    pad_left: int
    activation_min: int
    activation_max: int


@dataclass(frozen=True)
class AveragePoolParams(_PoolParams):
    """`sotto_pool_params` of an average."""

    kernel: ClassVar[str] = "average_pool"


@dataclass(frozen=True)
class MaxPoolParams(_PoolParams):
    """`sotto_pool_params` of a maximum."""

    kernel: ClassVar[str] = "max_pool"


@dataclass(frozen=True)
class MeanParams(KernelParams):
    """`sotto_mean_params`."""

    kernel: ClassVar[str] = "mean"
    struct: ClassVar[str] = "mean"
    positions: int
    channels: int
    input_offset: int
    output_offset: int
    multiplier: int
    shift: int


@dataclass(frozen=True)
class MeanAxesParams(KernelParams):
    """`sotto_mean_axes_params`."""

    kernel: ClassVar[str] = "mean_axes"
    struct: ClassVar[str] = "mean_axes"
    outputs: int
    positions: int
    input_offset: int
    output_offset: int
    multiplier: int
    shift: int
    kept_extents: np.ndarray
    kept_strides: np.ndarray
    reduced_extents: np.ndarray
    reduced_strides: np.ndarray


@dataclass(frozen=True)
class SoftmaxParams(KernelParams):
    """`sotto_softmax_params`."""

    kernel: ClassVar[str] = "softmax"
    struct: ClassVar[str] = "softmax"
    rows: int
    classes: int
    exp_entries: int
    exp_table_q31: np.ndarray


@dataclass(frozen=True)
class LookupParams(ElementwiseParams):
    """`sotto_lookup_params`."""

    kernel: ClassVar[str] = "lookup"
    struct: ClassVar[str] = "lookup"
    elements: int
    table: np.ndarray


@dataclass(frozen=True)
class NarrowParams(KernelParams):
    """`sotto_narrow_params`: int16 to int8."""

    kernel: ClassVar[str] = "narrow"
    struct: ClassVar[str] = "narrow"
    suffix: ClassVar[str] = "s16"
    elements: int
    input_offset: int
    output_offset: int
    multiplier: int
    shift: int


@dataclass(frozen=True)
class RescaleParams(NarrowParams):
    """`sotto_narrow_params`: int16 to int16."""

    kernel: ClassVar[str] = "rescale"

    @property
    def writes_over_input(self) -> bool:
        """Always."""
        return True


@dataclass(frozen=True)
class WidenParams(KernelParams):
    """`sotto_widen_params`."""

    kernel: ClassVar[str] = "widen"
    struct: ClassVar[str] = "widen"
    elements: int
    table: np.ndarray


@dataclass(frozen=True)
class View:
    """The place of a buffer that lies within another one."""

    buffer: int
    start_byte: int


BUFFER_TYPES = ("int8", "uint8", "int16")
INT8_STEPS_BELOW_ZERO = 128
"""Tables are indexed by the stored int8 plus this."""
VIEW_ALIGNMENT_BYTES = 4
"""Views start at multiples of it, as all tensors in the arena do: kernels may load words."""


@dataclass(frozen=True)
class Buffer:
    """A dense tensor that calls read and write.

    Attributes:
        dtype: int8, uint8 or int16.
        data: content of a constant, in flash.
        initial: content of a state before the first inference. What calls write to it is there in
            the next inference.
        view: where it lies, when it has no memory of its own.
    """

    name: str
    shape: tuple[int, ...]
    quantization: Quantization
    data: np.ndarray | None = None
    dtype: str = "int8"
    initial: np.ndarray | None = None
    view: View | None = None

    @property
    def elements(self) -> int:
        """Number of elements; a scalar has one."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def item_bytes(self) -> int:
        """Size of an element."""
        return np.dtype(self.dtype).itemsize

    @property
    def bytes(self) -> int:
        """Size."""
        return self.elements * self.item_bytes


@dataclass(frozen=True)
class KernelCall:
    """One kernel over buffers (indices into `Program.buffers`).

    `scratch`: a buffer that only this call uses, and that it reaches by its last argument.
    `weights`: a buffer that a call before has unpacked the weights to, the kernel's first buffer.
    `in_place`: the buffer that `output` stands for, where the call writes over one of its inputs.
    """

    operator: str
    params: KernelParams
    inputs: tuple[int, ...]
    output: int
    shapes: str
    macs: int = 0
    scratch: int | None = None
    in_place: int | None = None
    weights: int | None = None

    @property
    def tensor(self) -> int:
        """The buffer that describes what the call computes, wherever that lies."""
        return self.output if self.in_place is None else self.in_place

    @property
    def buffers(self) -> tuple[int, ...]:
        """All buffers in the order of the kernel's arguments."""
        every = (self.weights, *self.inputs, self.output, self.scratch)
        return tuple(buffer for buffer in every if buffer is not None)


@dataclass(frozen=True)
class Program:
    """Kernel calls in execution order. The caller owns inputs and outputs, the arena the rest.

    `fetching`: which constants are not where the kernels read them; None for none.
    """

    buffers: tuple[Buffer, ...]
    calls: tuple[KernelCall, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    fetching: Fetching | None = None

    def place(self, buffer: int) -> View:
        """The buffer whose memory holds `buffer`, and the byte at which it begins there."""
        start_byte = 0
        while (view := self.buffers[buffer].view) is not None:
            buffer, start_byte = view.buffer, start_byte + view.start_byte
        return View(buffer, start_byte)

    def holder(self, buffer: int) -> int:
        """The buffer whose memory holds `buffer`: itself unless it is a view."""
        return self.place(buffer).buffer

    @property
    def states(self) -> tuple[int, ...]:
        """Buffers that are kept between inferences and that a call uses."""
        used = {self.holder(b) for call in self.calls for b in call.buffers}
        return tuple(i for i in sorted(used) if self.buffers[i].initial is not None)

    @property
    def in_arena(self) -> frozenset[int]:
        """Buffers with memory in the arena: no constant, no input, no output, no view."""
        outside = {*self.inputs, *self.outputs}
        return frozenset(
            i
            for i, buffer in enumerate(self.buffers)
            if i not in outside and buffer.data is None and buffer.view is None
        )

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(call.macs for call in self.calls)

    @property
    def constant_bytes(self) -> int:
        """Bytes of weights, biases, multipliers and tables in flash."""
        fixed = sum(b.bytes for b in self.buffers if b.data is not None)
        plain = fixed + sum(call.params.constant_bytes for call in self.calls)
        return plain if self.fetching is None else plain - self.fetching.saved_bytes
