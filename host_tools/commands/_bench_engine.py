"""`make bench-engine`: what an inference costs on emulated cores, beside TFLite-Micro.

Each model is compiled for a core's target, linked with the kernels, a port and
`firmware/bench/engine.c`, and run once in QEMU under an execution trace. Its scores must be those
of TFLite-Micro. Instructions are not cycles: the cycles here are estimates by Arm's published
timings, without wait states (docs/bench.md).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from host_tools.bench import budget, document, measure
from host_tools.bench.baselines import FRONTEND
from host_tools.bench.build import ROOT
from host_tools.bench.cores import BUDGET_CORES, CORES, Core
from host_tools.bench.measure import Call, Figures, Job, bench_input
from host_tools.commands._options import Placement
from host_tools.errors import EXIT_CHECK_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, SottoError
from host_tools.files import write_atomically
from host_tools.progress import TerminalProgress

if TYPE_CHECKING:
    from training.export.program import Program

MODELS_BESIDE = ROOT.parent / "shared/models"
DEFAULT_OUT = Path("build/bench/engine.json")
FRONTEND_STATE_BYTES = 16
"""sizeof(sotto_frontend) where pointers have 32 bits."""
EXAMPLE = """example, the layers of one model on one core:
  .venv/bin/python -m host_tools.commands._bench_engine --model shipped --core cortex-m4f --layers
"""


STORAGE_READER = """#include "sotto/storage.h"

#include <string.h>

#include "sotto_model.h"

int sotto_storage_read(uint32_t offset_bytes, void *destination, size_t length_bytes) {
  if (offset_bytes > SOTTO_MODEL_STORAGE_BYTES) return SOTTO_E_SIZE;
  if (length_bytes > SOTTO_MODEL_STORAGE_BYTES - offset_bytes) return SOTTO_E_SIZE;
  memcpy(destination, sotto_model_storage + offset_bytes, length_bytes);
  return SOTTO_OK;
}
"""
"""A storage that the core can address after all."""


def compile_job(
    model: str,
    tflite: bytes,
    target: str,
    *,
    stream: bool = False,
    placement: Placement = "flash",
) -> Job:
    """Compile a model for a target and compute what it must answer.

    Args:
        stream: let it take a hop of frames a step, where it can; its last step is benched.
        placement: of its constants.

    Raises:
        UserError: sotto cannot compile it.
    """
    import numpy as np

    from training.export import c_writer
    from training.export.compile import Streaming, compile_model
    from training.export.reference import run_micro
    from training.export.targets import find_target
    from training.export.tflm_arena import ROOMY_ARENA_BYTES

    streaming: Streaming = "auto" if stream else "never"
    kernels = find_target(target)
    compiled = compile_model(
        tflite, name=model, target=kernels, streaming=streaming, placement=placement
    )
    identity = c_writer.Identity(model, "0" * 64)
    step_frames, bins = compiled.frames_bins
    source = np.zeros(compiled.window_frames * bins * compiled.input.item_bytes, np.int8)
    given = np.frombuffer(bench_input(compiled.input.bytes * compiled.steps), np.int8)
    source[: given.size] = given  # frames behind the last step do not count
    return Job(
        model=model,
        sources={
            "sotto_model.h": c_writer.model_header([compiled], identity, None),
            "sotto_model_aot.c": c_writer.model_source(compiled, identity),
            **({"storage.c": STORAGE_READER} if placement == "storage" else {}),
        },
        calls=tuple(_calls(compiled.program)),
        expected=run_micro(tflite, source[np.newaxis], ROOMY_ARENA_BYTES).tobytes(),
        step_frames=step_frames if compiled.summary.state_bytes else 0,
    )


def _calls(program: Program) -> Iterator[Call]:
    """What an inference calls: kernels, and what brings their weights."""
    for position, call in enumerate(program.calls):
        block = None if program.fetching is None else program.fetching.before(position)
        if block is not None:
            yield Call("FETCH", f"{program.buffers[block.buffer].bytes:,} bytes", 0)
        yield Call(call.operator, call.shapes, call.macs)


def frontend_job() -> Job:
    """The front-end in its default configuration, and the features that it must compute."""
    import numpy as np

    from training.export.frontend_c import frontend_sources
    from training.features import Frontend
    from training.recipe import FrontendConfig

    config = FrontendConfig()
    frontend = Frontend(config)
    samples = config.window_samples + config.hop_samples
    noise = np.frombuffer(bench_input(samples * 2), "<i2")
    return Job(
        model=FRONTEND,
        sources=frontend_sources(frontend.tables, "/* For the bench. */"),
        expected=frontend.clip(noise)[-1].tobytes(),
        subject=measure.FRONTEND,
    )


def job_for(model: str, tflite: bytes | None, target: str, placement: Placement = "flash") -> Job:
    """What to bench: a model, or for None the front-end."""
    if tflite is None:
        return frontend_job()
    return compile_job(model, tflite, target, stream=True, placement=placement)


def models(beside: Path) -> dict[str, bytes | None]:
    """What is benched: front-end, shipped model, and every `.tflite` in the folder `beside`."""
    from training.export.regenerate import read_exported_tflite

    found = {FRONTEND: None, document.SHIPPED: read_exported_tflite(ROOT / "generated")}
    return found | {path.stem: path.read_bytes() for path in sorted(beside.glob("*.tflite"))}


def study_models() -> dict[str, bytes | None]:
    """Layers of many shapes, and the model whose layers they are compared with."""
    from training.export import shape_study
    from training.export.bench_model import keyword_shapes_model

    return {"keyword_shapes": keyword_shapes_model(), **shape_study.study_models()}


def packed_models() -> dict[str, bytes | None]:
    """Models of keyword spotting with int8 weights, and with few values in place of them."""
    from training.export.bench_model import packed_models as models

    return dict(models())


def budget_models() -> dict[str, bytes | None]:
    """What the budget holds: all that a clone has without downloads."""
    from training.export.bench_model import keyword_shapes_model
    from training.export.regenerate import read_exported_tflite

    shipped = read_exported_tflite(ROOT / "generated")
    return {FRONTEND: None, document.SHIPPED: shipped, "keyword_shapes": keyword_shapes_model()}


def run_all(
    chosen: dict[str, bytes | None],
    cores: Sequence[Core],
    progress: TerminalProgress,
    placement: Placement = "flash",
) -> list[Figures]:
    """Bench every model, or for None the front-end, on every core.

    Notes models that sotto cannot compile.
    """
    from training.errors import UserError

    rows = []
    with progress.task("benching", len(chosen) * len(cores)) as task:
        for name, tflite in chosen.items():
            for core in cores:
                try:
                    job = job_for(name, tflite, core.target, placement)
                    rows.append(measure.bench(job, core))
                except UserError as error:
                    progress.note(f"left out on {core.name}: {error.message}")
                task.advance(1, f"{name} on {core.name}")
    return rows


def _line(row: dict[str, Any]) -> str:
    text = "{model:32} {core:19} {instructions:>10,} instructions"
    text += "  {cycles:>10,} cycles" if row["cycles"] is not None else " " * 19
    text += "  {flash_bytes:>8,} B flash  {ram_bytes:>7,} B RAM  {stack_bytes:>5,} B stack"
    ratios = [row[f"ratio_{what}"] for what in ("instructions", "cycles", "flash", "ram")]
    if any(ratios):
        text += "  TFLite-Micro x " + " / ".join("-" if r is None else f"{r:.3f}" for r in ratios)
    return text.format(**row)


def frames_per_s() -> float:
    """Of the front-end that is benched."""
    from training.recipe import FrontendConfig

    config = FrontendConfig()
    return config.sample_rate_hz / config.hop_samples


def _always_on_lines(rows: Sequence[Figures]) -> list[str]:
    """Front-end and network on a second of audio, for each streaming model."""
    frontends = {row.core: row.instructions for row in rows if row.model == FRONTEND}
    lines = []
    for row in rows:
        if row.step_frames and row.core in frontends:
            frontend = frontends[row.core]
            parts = document.second_of_audio(
                frontend, row.instructions, row.step_frames, frames_per_s()
            )
            lines.append(
                f"{row.model} on {row.core}, a second of audio: {sum(parts):,.0f} instructions "
                f"(front-end {parts[0]:,.0f}, network {parts[1]:,.0f})"
            )
    return lines


def _layer_line(layer: dict[str, Any]) -> str:
    what = "{operator:20} {shapes:56} {macs:>9,} MACs" if layer["shapes"] else "{function:91}"
    text = f"    {what} {{instructions:>10,}} instructions" + _per_mac(layer, "instructions")
    if layer["cycles"] is not None:
        text += " {cycles:>10,} cycles" + _per_mac(layer, "cycles")
    return text.format(**layer)


def _part(part: dict[str, Any]) -> str:
    return "{name} {flash_bytes:,}".format(**part)


def _per_mac(layer: dict[str, Any], what: str) -> str:
    return f" {layer[what] / layer['macs']:6.3f}/MAC" if layer["macs"] else " " * 11


def choose(wanted: Sequence[str], known: dict[str, Any], what: str) -> dict[str, Any]:
    """The named entries, or all when none is named.

    Raises:
        SottoError: a name is not known; lists those that are.
    """
    for name in wanted:
        if name not in known:
            raise SottoError(f"there is no {what} '{name}'", f"Choose of {', '.join(known)}.")
    return {name: known[name] for name in wanted or known}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make bench-engine",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    again = "; may be repeated"
    parser.add_argument("--model", action="append", default=[], help=f"only this{again}")
    parser.add_argument(
        "--core", action="append", default=[], help=f"only this: {', '.join(CORES)}{again}"
    )
    parser.add_argument(
        "--target", help="take the kernels of another target: reference, portable, dsp, mve"
    )
    parser.add_argument(
        "--constants",
        choices=get_args(Placement),
        default="flash",
        help="where weights lie, as of `sotto compile`",
    )
    parser.add_argument("--layers", action="store_true", help="show every layer")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--out", type=Path, help=f"where the JSON goes; all: {DEFAULT_OUT}")
    parser.add_argument(
        "--write-budget", action="store_true", help="measure what the tests hold, and hold it"
    )
    parser.add_argument(
        "--write-docs", action="store_true", help="put what was measured into the documents"
    )
    parser.add_argument(
        "--shapes", action="store_true", help="instead of the models, layers of many shapes"
    )
    parser.add_argument(
        "--packed", action="store_true", help="instead of the models, weights in fewer bits"
    )
    parser.add_argument("--models", type=Path, default=MODELS_BESIDE, help="folder of .tflite")
    return parser


def _main(options: argparse.Namespace) -> int:
    progress = TerminalProgress()
    if options.write_budget:
        held = [CORES[name] for name in BUDGET_CORES]
        rows = run_all(budget_models(), held, progress)
        budget.write_budget(rows)
        for path in (budget.FILE, *document.write(rows, frames_per_s())):
            progress.note(f"wrote {path}")
        return EXIT_OK
    if not options.models.is_dir():
        progress.note(f"no folder {options.models}: its models are not benched")
    known = study_models() if options.shapes else models(options.models)
    if options.packed:
        known = packed_models()
    chosen = choose(options.model, known, "model")
    cores = list(choose(options.core, CORES, "core").values())
    if options.target:
        cores = [replace(core, target=options.target) for core in cores]
    rows = run_all(chosen, _that_compile(cores, progress), progress, options.constants)
    if not rows:
        raise SottoError("nothing was benched", "The notes above say why.", EXIT_CHECK_FAILED)
    if options.write_docs:
        for path in document.write(rows, frames_per_s()):
            progress.note(f"wrote {path}")
    special = options.target or options.shapes or options.packed or options.constants != "flash"
    everything = not (options.model or options.core or special)
    if out := options.out or (DEFAULT_OUT if everything else None):
        from host_tools.bench.plot import write_plots

        content = json.dumps([asdict(row) for row in rows], indent=2)
        write_atomically(out, content.encode() + b"\n")
        for path in (out, *write_plots(rows, out)):
            progress.note(f"wrote {path}")
    _print(rows, options)
    return EXIT_OK


def _that_compile(cores: Sequence[Core], progress: TerminalProgress) -> list[Core]:
    """The cores whose compiler is on this machine; notes the others."""
    missing = {core.name: core.toolchain.missing() for core in cores}
    for name, reason in missing.items():
        if reason:
            progress.note(f"{name} is left out: {reason}; `make setup` installs what it needs")
    return [core for core in cores if not missing[core.name]]


def _print(rows: Sequence[Figures], options: argparse.Namespace) -> None:
    tables = [asdict(row) for row in rows]
    if options.json:
        print(json.dumps(tables, indent=2))
        return
    for table in tables:
        print(_line(table))
        if options.layers or options.shapes:
            print("\n".join(map(_layer_line, table["layers"])))
            if table["stages"]:
                print("    stages: " + ", ".join(f"{k} {n:,}" for k, n in table["stages"].items()))
            print("    flash: " + ", ".join(map(_part, table["parts"])))
    print("\n".join(_always_on_lines(rows)))


def run_to_exit_code(work: Callable[[], int]) -> int:
    """Do what a command does; says what goes wrong on stderr, with the next step."""
    from training.errors import UserError

    try:
        return work()
    except (SottoError, UserError) as error:
        print(f"error: {error.message}\n  next: {error.remedy}", file=sys.stderr)
        return error.exit_code if isinstance(error, SottoError) else EXIT_USAGE
    except OSError as error:
        print(f"error: {error}\n  next: mend that, then run again", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def main(arguments: Sequence[str]) -> int:
    """Bench every model on every core, or those asked for; write JSON and a table."""
    options = _parser().parse_args(arguments)
    return run_to_exit_code(lambda: _main(options))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
