"""Any int8 `.tflite` -> program and memory plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from training.errors import UserError
from training.export.fetching import Placement, fetch_constants
from training.export.graph import Graph
from training.export.lower import lower
from training.export.packed.choose import pack_weights
from training.export.passes import LAST_PASSES, PROGRAM_PASSES, apply_all, simplify
from training.export.passes.stream import stream as stream_graph
from training.export.plan import Plan, lifetimes_of, plan_memory, verify_plan
from training.export.program import Buffer, Program
from training.export.reader import read_tflite
from training.export.summary import ModelSummary, summarize
from training.export.targets import PORTABLE, Target
from training.export.verify import verify_program

Streaming = Literal["never", "auto", "always"]
"""Whether a network over a window becomes one that takes a hop of frames a step; `auto` does that
where it can be done."""

Weights = Literal["auto", "int8", "packed"]
"""Whether layers keep their weights in as few bits as they need; `auto` where the file asks for it,
as those do that a step of compression made for it, and no code makes its constants smaller."""


@dataclass(frozen=True)
class CompiledModel:
    """A model ready to be printed: the kernel calls, where their tensors lie, what it costs.

    Attributes:
        window_frames: frames of a clip. A step takes as many, or one hop of them.
        not_streamed: why `auto` left the model a network over a window; empty otherwise.
    """

    name: str
    tflite: bytes
    program: Program
    plan: Plan
    summary: ModelSummary
    window_frames: int
    target: Target = PORTABLE
    not_streamed: str = ""

    @property
    def input(self) -> Buffer:
        """The one input."""
        return self.program.buffers[self.program.inputs[0]]

    @property
    def output(self) -> Buffer:
        """The one output."""
        return self.program.buffers[self.program.outputs[0]]

    @property
    def frames_bins(self) -> tuple[int, int]:
        """Input of a step as frames x bins."""
        frames = _frames(self.input.shape)
        return frames, self.input.elements // frames

    @property
    def steps(self) -> int:
        """Steps of a clip: its whole hops."""
        return self.window_frames // self.frames_bins[0]


def _frames(shape: tuple[int, ...]) -> int:
    """The first dimension after the batch, where others follow."""
    return shape[1] if len(shape) > 2 else 1


def _check_quantised(graph: Graph) -> None:
    """Refuse a model that computes in floating point, before its first layer does."""
    for tensor in (graph.tensors[i] for i in (*graph.inputs, *graph.outputs)):
        if tensor.dtype.startswith("float"):
            raise UserError(
                f"{graph.location} is not quantised: '{tensor.name}' is {tensor.dtype}",
                "Convert it with full integer quantisation: a representative data set, and int8 as "
                "inference_input_type and inference_output_type.",
            )


def _streamed(graph: Graph, streaming: Streaming) -> tuple[Graph, str]:
    """The graph of a step, or the graph and why `auto` left it as it is."""
    if streaming == "never":
        return graph, ""
    try:
        return stream_graph(graph).graph, ""
    except UserError as refusal:
        if streaming == "always":
            raise
        return graph, refusal.message


def compile_model(
    tflite: bytes,
    *,
    name: str = "model",
    target: Target = PORTABLE,
    streaming: Streaming = "never",
    placement: Placement = "flash",
    weights: Weights = "auto",
) -> CompiledModel:
    """Compile an int8 model with one input and one output.

    Args:
        tflite: content of the file.
        name: what error messages and generated files call it.
        target: kind of core whose kernels are chosen; all compute the same bytes.
        streaming: whether a step takes one hop of frames or the whole window.
        placement: where constants lie until they are used.
        weights: whether layers keep their weights in as few bits as they need.

    Raises:
        UserError: damaged file, an operator or case that sotto lacks, not one input and output, or
            a network that cannot be streamed and is to be.
    """
    graph = read_tflite(tflite, name)
    _check_quantised(graph)
    window = simplify(graph)
    step, not_streamed = _streamed(window, streaming)
    program = lower(step)
    if len(program.inputs) != 1 or len(program.outputs) != 1 or not program.calls:
        raise UserError(
            f"{name} has {len(program.inputs)} inputs, {len(program.outputs)} outputs and "
            f"{len(program.calls)} layers",
            "Give a model with one input, one output and at least one layer.",
        )
    if all(program.holder(call.output) != program.outputs[0] for call in program.calls):
        raise UserError(
            f"no layer of {name} writes its output '{program.buffers[program.outputs[0]].name}'",
            "Convert the model to .tflite again; this file is damaged.",
        )
    program = target.choose(apply_all(PROGRAM_PASSES, program))
    # A code and packing are two ways to the same end; together they gain nothing.
    asked = graph.packed and placement in ("flash", "storage")
    if weights == "packed" or (weights == "auto" and asked):
        program = pack_weights(program)
    program = fetch_constants(apply_all(LAST_PASSES, program), placement)
    lifetimes = lifetimes_of(program)
    plan = plan_memory(lifetimes)
    verify_plan(lifetimes, plan)
    verify_program(program, plan)
    summary = summarize(program, plan, len(tflite))
    window_frames = _frames(window.tensors[window.inputs[0]].shape)
    return CompiledModel(name, tflite, program, plan, summary, window_frames, target, not_streamed)
