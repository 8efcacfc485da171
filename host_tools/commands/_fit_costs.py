"""`make fit-costs`: the factors by which `sotto compile` estimates instructions, from measurements.

Runs the probe networks of training/export/probes.py on emulated cores, fits the factors of every
kernel to their layers, and tells how far the estimates are off for networks that were not fitted
to: the shipped one, and those in the folder `--models`. `--write` keeps the
factors.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from host_tools.bench import measure
from host_tools.bench.cores import CORES, Core
from host_tools.commands._bench_engine import (
    MODELS_BESIDE,
    choose,
    compile_job,
    models,
    run_to_exit_code,
)
from host_tools.errors import EXIT_CHECK_FAILED, EXIT_OK, SottoError
from host_tools.files import write_atomically
from host_tools.progress import TerminalProgress

if TYPE_CHECKING:
    from training.export.costs import Sample


def measure_calls(name: str, tflite: bytes, core: Core) -> list[Sample]:
    """The work of every kernel call of a network, and the instructions that it took on a core."""
    from training.export.compile import compile_model
    from training.export.costs import Sample, kernel_of, work_of
    from training.export.targets import find_target

    program = compile_model(tflite, name=name, target=find_target(core.target)).program
    figures = measure.bench(compile_job(name, tflite, core.target), core)
    return [
        Sample(kernel_of(call), work_of(program, call), layer.instructions)
        for call, layer in zip(program.calls, figures.layers, strict=True)
    ]


def _has_other(name: str, tflite: bytes, core: Core, known: Mapping[str, Any]) -> bool:
    """Whether a network takes a kernel on a core that is not known."""
    from training.export.compile import compile_model
    from training.export.costs import kernel_of
    from training.export.targets import find_target

    program = compile_model(tflite, name=name, target=find_target(core.target)).program
    return not {kernel_of(call) for call in program.calls} <= set(known)


def fit_core(
    core: Core, fallback: bool, progress: TerminalProgress, known: Mapping[str, Any]
) -> dict[str, Any]:
    """Factors of every kernel that the probes use on a core; prints them.

    Args:
        fallback: measure the kernels of sotto/nn.h, too.
        known: factors by kernel that stay as they are.
    """
    from training.export.costs import fit
    from training.export.probes import fallback_probes, probes
    from training.export.targets import REFERENCE

    samples: defaultdict[str, list[Sample]] = defaultdict(list)
    plain = replace(core, target=REFERENCE.name)
    runs = [(core, *network) for network in probes().items()]
    if fallback:
        runs += [(plain, *network) for network in fallback_probes().items()]
    if known:
        runs = [(on, name, net) for on, name, net in runs if _has_other(name, net, on, known)]
    with progress.task(f"probes on {core.name}", len(runs)) as task:
        for on, name, tflite in runs:
            for sample in measure_calls(name, tflite, on):
                samples[sample.kernel].append(sample)
            task.advance(1, name)
    fits = {k: fit(found) for k, found in sorted(samples.items()) if k not in known}
    print(core.name)
    for kernel, found in fits.items():
        terms = " + ".join(f"{factor:g} * {count}" for count, factor in found.factors.items())
        print(f"  {kernel:22} {found.samples:3} layers, within {found.worst:6.1%}: {terms}")
    return {**known, **{kernel: dict(found.factors) for kernel, found in fits.items()}}


def check_core(core: Core, chosen: dict[str, bytes], factors: dict[str, dict[str, float]]) -> None:
    """Print estimate and measurement of networks that the factors were not fitted to."""
    from training.errors import UserError

    for name, tflite in chosen.items():
        try:
            samples = measure_calls(name, tflite, core)
        except UserError as error:
            print(f"  {name}: left out, {error.message}")
            continue
        unknown = sorted({sample.kernel for sample in samples} - set(factors))
        if unknown:
            print(f"  {name}: not estimated, no probe has {', '.join(unknown)}")
            continue
        measured = sum(sample.instructions for sample in samples)
        estimated = sum(
            factor * getattr(sample.work, count)
            for sample in samples
            for count, factor in factors[sample.kernel].items()
        )
        off = estimated / measured - 1
        print(f"  {name}: estimated {estimated:,.0f}, measured {measured:,}, {off:+.1%}")


def keyword_shapes() -> dict[str, bytes]:
    """The network of MLPerf Tiny's shapes, which every clone has."""
    from training.export.bench_model import keyword_shapes_model

    return {"keyword_shapes": keyword_shapes_model()}


def _main(options: argparse.Namespace) -> bool:
    """Fit and write; returns whether every core could be measured."""
    from training.export.cores import CORES as COMPILED
    from training.export.costs import SAME_CODE, TABLE

    table = json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.exists() else {}
    table = {name: kernels for name, kernels in table.items() if name in COMPILED}
    fitted = {name: CORES[name] for name in CORES if name in set(COMPILED) - set(SAME_CODE)}
    good = True
    for core in choose(options.core, fitted, "core to fit").values():
        try:
            known = table.get(core.name, {}) if options.new else {}
            fallback = not options.no_fallback
            table[core.name] = fit_core(core, fallback, TerminalProgress(), known)
        except SottoError as error:
            TerminalProgress().note(f"{core.name} keeps its factors: {error.message}")
            good = False
            continue
        networks = {n: tflite for n, tflite in models(options.models).items() if tflite}
        check_core(core, networks | keyword_shapes(), table[core.name])
        if options.write:
            write_atomically(TABLE, json.dumps(table, indent=1, sort_keys=True).encode() + b"\n")
    return good


def main(arguments: Sequence[str]) -> int:
    """Fit every core of the bench that `sotto compile` knows, or those asked for."""
    parser = argparse.ArgumentParser(prog="make fit-costs", description=__doc__)
    parser.add_argument("--core", action="append", default=[], help="only this; may be repeated")
    parser.add_argument("--models", type=Path, default=MODELS_BESIDE, help="folder of .tflite")
    parser.add_argument("--no-fallback", action="store_true", help="without kernels of sotto/nn.h")
    parser.add_argument("--new", action="store_true", help="only kernels without factors")
    parser.add_argument("--write", action="store_true", help="keep the factors in costs.json")
    options = parser.parse_args(arguments)
    return run_to_exit_code(lambda: EXIT_OK if _main(options) else EXIT_CHECK_FAILED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
