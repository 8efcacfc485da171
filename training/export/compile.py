"""Any int8 `.tflite` -> program and memory plan."""

from __future__ import annotations

from dataclasses import dataclass

from training.errors import UserError
from training.export.graph import Graph
from training.export.lower import lower
from training.export.passes import LAST_PASSES, PROGRAM_PASSES, apply_all, simplify
from training.export.plan import Plan, lifetimes_of, plan_memory, verify_plan
from training.export.program import Buffer, Program
from training.export.reader import read_tflite
from training.export.summary import ModelSummary, summarize
from training.export.targets import PORTABLE, Target
from training.export.verify import verify_program


@dataclass(frozen=True)
class CompiledModel:
    """A model ready to be printed: the kernel calls, where their tensors lie, what it costs."""

    name: str
    tflite: bytes
    program: Program
    plan: Plan
    summary: ModelSummary
    target: Target = PORTABLE

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
        """Input as frames x bins: the first dimension after the batch, and all others."""
        frames = self.input.shape[1] if len(self.input.shape) > 2 else 1
        return frames, self.input.elements // frames


def _check_quantised(graph: Graph) -> None:
    """Refuse a model that computes in floating point, before its first layer does."""
    for tensor in (graph.tensors[i] for i in (*graph.inputs, *graph.outputs)):
        if tensor.dtype.startswith("float"):
            raise UserError(
                f"{graph.location} is not quantised: '{tensor.name}' is {tensor.dtype}",
                "Convert it with full integer quantisation: a representative data set, and int8 as "
                "inference_input_type and inference_output_type.",
            )


def compile_model(
    tflite: bytes, *, name: str = "model", target: Target = PORTABLE
) -> CompiledModel:
    """Compile an int8 model with one input and one output.

    Args:
        tflite: content of the file.
        name: what error messages and generated files call it.
        target: kind of core whose kernels are chosen; all compute the same bytes.

    Raises:
        UserError: damaged file, an operator or case that sotto lacks, or not one input and
            output.
    """
    graph = read_tflite(tflite, name)
    _check_quantised(graph)
    program = lower(simplify(graph))
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
    program = apply_all(LAST_PASSES, target.choose(apply_all(PROGRAM_PASSES, program)))
    lifetimes = lifetimes_of(program)
    plan = plan_memory(lifetimes)
    verify_plan(lifetimes, plan)
    verify_program(program, plan)
    summary = summarize(program, plan, len(tflite))
    return CompiledModel(name, tflite, program, plan, summary, target)
