"""`sotto compile`: any int8 `.tflite` -> C for one core, and what it will cost there."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from host_tools.commands._options import (
    NAME_A_MODEL,
    ROOT,
    ConstantsOption,
    JsonOption,
    PackedOption,
    check_model_file,
)
from host_tools.errors import SottoError
from host_tools.files import write_atomically
from host_tools.progress import TerminalProgress, print_json, result_console, talk_console
from host_tools.toolchains import TOOLCHAINS

if TYPE_CHECKING:
    from host_tools.code_size import CodeSize

EXAMPLE = "Example: `sotto compile model.tflite --target cortex-m4f --out build/model`"

LIST = "list"
PLAN = "sotto_plan.svg"
FRAME_RATE_HZ = 50.0
"""Of the shipped front-end, which gives a frame every 20 ms."""


def command(
    model: Annotated[
        Path | None, typer.Argument(metavar="MODEL.tflite", help="Fully int8 model.")
    ] = None,
    target: Annotated[
        str,
        typer.Option("--target", "-t", metavar="CORE", help="The core; `list` names them all."),
    ] = "cortex-m4f",
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder to write; without it only figures are printed."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the model [default: the file's name].")
    ] = None,
    stream: Annotated[
        bool,
        typer.Option(
            "--stream", help="Take a hop of frames a step; the model must be causal over time."
        ),
    ] = False,
    packed: PackedOption = False,
    frame_rate: Annotated[
        float,
        typer.Option(metavar="HZ", min=1.0, max=1000.0, help="Frames a second, for --stream."),
    ] = FRAME_RATE_HZ,
    plan: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Draw the memory plan there, too.")
    ] = None,
    no_code: Annotated[
        bool, typer.Option("--no-code", help="Do not link it to measure its code.")
    ] = False,
    constants: ConstantsOption = "flash",
    json_out: JsonOption = False,
) -> None:
    """Compile one network for one core and say what it costs there, before anything is flashed.

    Any int8 model with one input and one output will do; it needs no labels and no front-end.
    Sizes are exact. Instructions are estimated; `make bench-engine` measures them.
    """
    from host_tools.code_size import CodeSize
    from host_tools.commands._training import compile_tflite, core_titles, write_compiled

    if target == LIST:
        _list_cores(core_titles(), json_out)
        return
    if target not in TOOLCHAINS:
        raise SottoError(
            f"There is no target {target!r}.",
            f"Use one of: {', '.join(TOOLCHAINS)}; `sotto compile --target list` explains them.",
        )
    if model is None:
        raise SottoError("No model was named.", NAME_A_MODEL)
    check_model_file(model)
    streaming: Literal["always", "never"] = "always" if stream else "never"
    description, files = compile_tflite(
        model,
        name=name or model.stem,
        core=target,
        streaming=streaming,
        placement=constants,
        weights="packed" if packed else "auto",
    )
    if constants == "storage":
        size: CodeSize | None = CodeSize(None, "sotto_storage_read is the port's")
    else:
        size = None if no_code else _measure(target, files)
    picture = _draw(description)
    if out is not None:
        write_compiled({**files, PLAN: picture}, out)
    if plan is not None:
        write_atomically(plan, picture.encode())
    work = _work_a_second(description, frame_rate)
    if json_out:
        print_json(description | work | {"code": _code_fields(size)})
    else:
        _show(description | work, size, out)


def _list_cores(titles: dict[str, tuple[str, str]], json_out: bool) -> None:
    if json_out:
        rows = [{"core": n, "kernels": k, "title": t} for n, (k, t) in titles.items()]
        print_json(rows)
        return
    for core, (kernels, title) in titles.items():
        result_console().print(f"{core:14} {kernels:9} {title}", markup=False)


def _measure(core: str, files: dict[str, str]) -> CodeSize:
    from host_tools.code_size import measure_code

    sources = {file: text for file, text in files.items() if Path(file).suffix in (".c", ".h")}
    with TerminalProgress().task(f"Compiling for {core}", total=1) as task:
        size = measure_code(core, sources, ROOT)
        task.advance()
    return size


def _draw(description: dict[str, Any]) -> str:
    from host_tools.report.plan_picture import draw_plan

    return draw_plan(description)


def _code_fields(size: CodeSize | None) -> dict[str, Any] | None:
    return asdict(size.sizes) if size is not None and size.sizes is not None else None


def _show(description: dict[str, Any], size: CodeSize | None, out: Path | None) -> None:
    """Print the figures for people."""
    from rich.markup import escape

    console = result_console()
    source, target = description["input"], description["output"]
    console.print(
        f"{escape(description['model'])} for {description['core']} "
        f"({description['kernels']} kernels): {_tensor(source)} -> {_tensor(target)}"
    )
    console.print(_layer_table(description))
    lines = _flash_lines(description, size), _ram_lines(description), _work_lines(description)
    for line in itertools.chain(*lines):
        console.print(line, markup=False)
    if out is not None:
        talk_console().print(
            f"written to {out}; docs/export.md tells how to build it", markup=False
        )


def _tensor(port: dict[str, Any]) -> str:
    return f"{'x'.join(map(str, port['shape']))} {port['dtype']}"


def _layer_table(description: dict[str, Any]) -> Any:
    from rich.table import Table

    table = Table("", "layer", "shapes", "kernel", box=None, pad_edge=False)
    for heading in ("MACs", "constants", "instructions, estimated"):
        table.add_column(heading, justify="right")
    for number, layer in enumerate(description["layers"]):
        table.add_row(
            str(number),
            layer["operator"],
            layer["shapes"],
            layer["kernel"],
            f"{layer['macs']:,}",
            f"{layer['constants_bytes']:,}",
            _estimate(layer["instructions"]),
        )
    return table


def _estimate(instructions: int | None) -> str:
    return "?" if instructions is None else f"{instructions:,}"


def _work_a_second(description: dict[str, Any], frame_rate_hz: float) -> dict[str, Any]:
    """Work on a second of audio, of a model that keeps a state and hears all frames once."""
    if description["arena"]["state_bytes"] == 0:
        return {}
    steps = frame_rate_hz / description["step_frames"]
    instructions = description["instructions"]
    return {
        "frame_rate_hz": frame_rate_hz,
        "macs_per_second": round(description["macs"] * steps),
        "instructions_per_second": None if instructions is None else round(instructions * steps),
    }


def _second_lines(description: dict[str, Any]) -> list[str]:
    if "macs_per_second" not in description:
        return []
    frames, steps = description["step_frames"], description["steps"]
    instructions = _estimate(description["instructions_per_second"])
    return [
        f"stream {frames:>9,} frames a step, {steps:,} steps a clip of "
        f"{description['window_frames']:,} frames: {steps * description['macs']:,} MACs a clip",
        f"       a second of {description['frame_rate_hz']:g} frames: "
        f"{description['macs_per_second']:,} MACs, {instructions} instructions, estimated",
    ]


def _work_lines(description: dict[str, Any]) -> list[str]:
    from host_tools.commands._training import estimate_error

    lines = [f"MACs   {description['macs']:>9,}", *_second_lines(description)]
    if description["instructions"] is None:
        unknown = {x["kernel"] for x in description["layers"] if x["instructions"] is None}
        missing = ", ".join(sorted(unknown))
        return [*lines, f"instructions: no estimate for {missing} on {description['core']}"]
    return [
        *lines,
        f"instructions, estimated: {description['instructions']:,} an inference; estimates were "
        f"within {100 * estimate_error():.0f} % of the emulator, which `make bench-engine` asks",
    ]


def _flash_lines(description: dict[str, Any], size: CodeSize | None) -> list[str]:
    flash = description["flash"]
    constants = flash["weights_bytes"] + flash["tables_bytes"]
    detail = f"weights {flash['weights_bytes']:,}, tables {flash['tables_bytes']:,}"
    if size is None or size.sizes is None:
        reason = "--no-code" if size is None else size.reason
        return [
            f"flash  {constants:>9,} bytes of constants ({detail}); code not measured: {reason}"
        ]
    total = size.sizes.flash_bytes
    return [
        f"flash  {total:>9,} bytes ({detail}, code and parameters {total - constants:,})",
    ]


def _ram_lines(description: dict[str, Any]) -> list[str]:
    arena = description["arena"]
    parts = (
        f"state {arena['state_bytes']:,}, tensors {arena['tensors_bytes']:,}, "
        f"scratch {arena['scratch_bytes']:,}"
    )
    if arena["weights_bytes"]:
        parts += f", weights {arena['weights_bytes']:,}"
    return [
        f"RAM    {description['ram_bytes']:>9,} bytes: arena {arena['bytes']:,}, "
        f"input {description['input']['bytes']:,}, output {description['output']['bytes']:,}",
        f"       the arena is fullest in call {arena['fullest_call']}: {parts}",
    ]
