"""Builds and runs one compiled model, or the front-end, on one core; puts the figures together."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from host_tools.bench.baselines import BASELINES
from host_tools.bench.build import MODEL as MODEL_FOLDER
from host_tools.bench.build import PARTS, build, usage_files
from host_tools.bench.cores import Core
from host_tools.bench.disassembly import Program, disassemble
from host_tools.bench.layers import (
    Cost,
    cost_of,
    last_call,
    split_by_calls,
    split_by_function,
    sum_of,
)
from host_tools.bench.stack import Frames, addresses_in, read_usage
from host_tools.bench.stages import split_by_stage
from host_tools.bench.trace import Trace, run_traced
from host_tools.errors import EXIT_CHECK_FAILED, SottoError
from host_tools.sizes import Part, Sizes, measure

COUNTER_TOLERANCE = 100
LCG_STEP, LCG_INCREMENT = 1_664_525, 1_013_904_223


@dataclass(frozen=True)
class Subject:
    """What a bench program runs.

    Attributes:
        main: the program, a file of firmware/bench.
        function: the call that is measured; the last one of several.
        variables: of the program; what the caller of the function must provide in RAM.
    """

    main: str
    function: str
    variables: tuple[str, ...]


MODEL = Subject("engine.c", "sotto_model_invoke", ("arena", "features", "scores"))
FRONTEND = Subject("frame.c", "sotto_frontend_push", ("workspace", "frontend", "frame"))
PDM = Subject("pdm.c", "sotto_pdm_push", ("pdm",))


@dataclass(frozen=True)
class Call:
    """One kernel call of the compiled model."""

    operator: str
    shapes: str
    macs: int


@dataclass(frozen=True)
class Job:
    """A model compiled for a target, or the front-end.

    Attributes:
        model: what the figures are filed under.
        sources: C files by name.
        calls: of the kernels, one a layer; the front-end has none and is shown by function.
        expected: the result that the host computes for `bench_input`.
        step_frames: that an inference takes of a streaming model; 0 of others.
    """

    model: str
    sources: dict[str, str]
    expected: bytes
    calls: tuple[Call, ...] = ()
    subject: Subject = MODEL
    step_frames: int = 0


@dataclass(frozen=True)
class Layer:
    """What one kernel call takes; of the front-end, what one function takes by itself.

    Attributes:
        function: the kernel.
        cycles: estimated; None where the core has no cycle model.
    """

    operator: str
    shapes: str
    function: str
    macs: int
    instructions: int
    cycles: int | None


@dataclass(frozen=True)
class Figures:
    """One model on one core.

    Attributes:
        instructions: of one inference or one frame, from the first of the call to its return;
            the layers add up to them.
        cycles: estimated, memory without wait states; None where the core has no cycle model.
        flash_bytes: the whole bench program: model, kernels, port, C library.
        ram_bytes: arena with its states, input and output; of the front-end state, workspace and
            one frame.
        stack_bytes: the most that the call can take, computed (stack.py).
        stack_painted_bytes: what it took in this run, found by painting.
        parts: flash and RAM of the program by origin.
        ratio_instructions: ours / TFLite-Micro's, or None where that was not measured.
        stages: of the front-end, the instructions of each.
        step_frames: as of the job.
    """

    model: str
    core: str
    target: str
    macs: int
    instructions: int
    cycles: int | None
    flash_bytes: int
    ram_bytes: int
    stack_bytes: int
    stack_painted_bytes: int
    ratio_instructions: float | None
    ratio_cycles: float | None
    ratio_flash: float | None
    ratio_ram: float | None
    ratio_stack: float | None
    layers: tuple[Layer, ...]
    parts: tuple[Part, ...]
    stages: dict[str, int] = field(default_factory=dict)
    step_frames: int = 0


def bench_input(count: int) -> bytes:
    """The bytes that the bench programs make for themselves (firmware/bench/bench.h)."""
    state, values = 1, bytearray()
    for _ in range(count):
        state = (state * LCG_STEP + LCG_INCREMENT) % 2**32
        values.append(state >> 24)
    return bytes(values)


def bench(job: Job, core: Core) -> Figures:
    """Measure one model on one core.

    Raises:
        SottoError: it does not build or run, or its scores are wrong.
    """
    prefix = core.toolchain.prefix
    with tempfile.TemporaryDirectory() as name:
        elf = _link(job, core, Path(name))
        program = disassemble(elf, prefix)
        trace = run_traced(core, elf, program)
        counted, painted = _check_words(job, core, trace.said)
        worst = _worst_stack(job, core, program, elf)
        _check_stack(job, core, painted, worst)
        region = last_call(trace, program, program.functions[job.subject.function], "main")
        layers = _layers(job, core, program, trace, region)
        _check_total(core, sum(layer.instructions for layer in layers), counted)
        return _figures(
            job,
            core,
            layers,
            sizes=measure(elf.with_suffix(".map"), PARTS),
            ram_bytes=_ram_bytes(core, elf, job.subject),
            stack_bytes=worst,
            stack_painted_bytes=painted,
            stages={} if job.calls else split_by_stage(trace, region, program, elf, prefix),
        )


def _link(job: Job, core: Core, folder: Path) -> Path:
    (folder / MODEL_FOLDER).mkdir()
    for file, text in job.sources.items():
        (folder / MODEL_FOLDER / file).write_text(text, encoding="utf-8")
    return build(core, job.subject.main, folder)


def _worst_stack(job: Job, core: Core, program: Program, elf: Path) -> int:
    usage, library = read_usage(usage_files(core, elf.parent))
    pointed_at = addresses_in(elf, program, core.toolchain.prefix) & library
    return Frames(program, usage, pointed_at).worst(job.subject.function)


def _layers(
    job: Job, core: Core, program: Program, trace: Trace, region: slice
) -> tuple[Layer, ...]:
    if job.calls:
        parts = split_by_calls(trace, region, program.functions[job.subject.function])
        _check_count(job, len(parts))
    else:
        parts = split_by_function(trace, region, program)
    calls = job.calls or tuple(Call("", "", 0) for _ in parts)
    costs = [cost_of(trace, blocks, program, core.timing) for _, blocks in parts]
    return tuple(
        Layer(call.operator, call.shapes, name, call.macs, cost.instructions, cost.cycles)
        for call, (name, _), cost in zip(calls, parts, costs, strict=True)
    )


def _figures(
    job: Job,
    core: Core,
    layers: tuple[Layer, ...],
    *,
    sizes: Sizes,
    ram_bytes: int,
    stack_bytes: int,
    stack_painted_bytes: int,
    stages: dict[str, int],
) -> Figures:
    total = sum_of([Cost(layer.instructions, layer.cycles) for layer in layers])
    base = BASELINES.get((job.model, core.name))
    return Figures(
        model=job.model,
        core=core.name,
        target=core.target,
        macs=sum(call.macs for call in job.calls),
        instructions=total.instructions,
        cycles=total.cycles,
        flash_bytes=sizes.flash_bytes,
        ram_bytes=ram_bytes,
        stack_bytes=stack_bytes,
        stack_painted_bytes=stack_painted_bytes,
        ratio_instructions=_ratio(total.instructions, base.instructions if base else None),
        ratio_cycles=_ratio(total.cycles, base.cycles if base else None),
        ratio_flash=_ratio(sizes.flash_bytes, base.flash_bytes if base else None),
        ratio_ram=_ratio(ram_bytes, base.ram_bytes if base else None),
        ratio_stack=_ratio(stack_bytes, base.stack_bytes if base else None),
        layers=layers,
        parts=sizes.parts,
        stages=stages,
        step_frames=job.step_frames,
    )


def _ram_bytes(core: Core, elf: Path, subject: Subject) -> int:
    """Bytes of the subject's variables in the linked program."""
    command = [f"{core.toolchain.prefix}nm", "--print-size", "--radix=d", str(elf)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    sizes = {}
    for line in done.stdout.splitlines():
        match line.split():
            case [_, size, "b" | "B", name]:
                sizes[name.split(".")[0]] = int(size)
    return sum(sizes[name] for name in subject.variables)


def _check_words(job: Job, core: Core, said: str) -> tuple[int, int]:
    """What the program counted itself and the stack that it found used, if its result is right."""
    words = said.split()
    if len(words) != 4 or words[1] != "instructions":
        raise SottoError(f"the bench on {core.name} said {said!r}", "Run it by hand.")
    if bytes.fromhex(words[3]) != job.expected:
        raise SottoError(
            f"{job.model} on {core.name} computes {words[3]}, not {job.expected.hex()}",
            "A kernel or its packing is wrong; tests/cross finds which.",
            EXIT_CHECK_FAILED,
        )
    return int(words[0]), int(words[2])


def _check_stack(job: Job, core: Core, painted: int, worst: int) -> None:
    if painted > worst:
        raise SottoError(
            f"{job.model} on {core.name} took {painted} bytes of stack, more than the {worst} "
            "that its code allows",
            "The stack use of a function was not followed right (host_tools/bench/stack.py).",
            EXIT_CHECK_FAILED,
        )


def _check_total(core: Core, traced: int, counted: int) -> None:
    """The port's counter reads a little more: it surrounds the call, and may step by 40."""
    if abs(counted - traced) > COUNTER_TOLERANCE:
        raise SottoError(
            f"on {core.name} the trace has {traced} instructions, the counter {counted}",
            "One of them does not count what it should.",
            EXIT_CHECK_FAILED,
        )


def _check_count(job: Job, parts: int) -> None:
    if parts != len(job.calls):
        raise SottoError(
            f"{job.subject.function} made {parts} calls for {len(job.calls)} layers of {job.model}",
            "Layers cannot be told apart in code like that.",
        )


def _ratio(ours: int | None, theirs: int | None) -> float | None:
    return round(ours / theirs, 4) if ours is not None and theirs is not None else None
