"""`make bench-compression`: every method of compression beside students that were trained smaller.

Trains the student of a recipe and narrower ones by the same teachers, then takes every method's
steps from the first. Writes `build/bench/compression.json`, the same as a table, `compression.md`,
and a plot of accuracy over flash and over instructions, `compression.svg`. Stages are kept: an
interrupted run goes on. The trainings are as short as those of `sotto train --quick`, unless
`--full` is given, where `--student-epochs` shortens the students alone; `--method` takes some
methods.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from host_tools.commands._bench_engine import run_to_exit_code
from host_tools.commands._options import ROOT
from host_tools.commands.train import check_inputs
from host_tools.errors import EXIT_OK
from host_tools.files import write_atomically
from host_tools.progress import TerminalProgress

OUT = ROOT / "build/bench"
RECIPE = ROOT / "training/recipes/commands12.toml"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench-compression", description=__doc__)
    parser.add_argument("--recipe", type=Path, default=RECIPE, help="of the baseline")
    parser.add_argument("--data", type=Path, help="folder of recordings")
    parser.add_argument("--method", action="append", default=[], help="only this; may be repeated")
    parser.add_argument("--epochs", type=int, help="of every fine-tuning")
    parser.add_argument("--student-epochs", type=int, help="of baseline and smaller students")
    parser.add_argument("--full", action="store_true", help="as many epochs as the recipe has")
    parser.add_argument("--cache", type=Path, help="finished stages, as of `sotto train`")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the results")
    return parser


def _main(options: argparse.Namespace) -> int:
    from host_tools.bench.compression_table import compared, markdown
    from host_tools.bench.pareto import pareto_plot
    from host_tools.commands._training import bench_compression

    check_inputs(options.recipe, options.data)
    results = bench_compression(
        options.recipe,
        data=options.data,
        work=options.out / "compression",
        cache=options.cache,
        only=options.method,
        epochs=options.epochs,
        student_epochs=options.student_epochs,
        quick=not options.full,
        progress=TerminalProgress(),
    )
    results["rows"] = compared(results["rows"])
    write_atomically(options.out / "compression.json", json.dumps(results, indent=1).encode())
    write_atomically(options.out / "compression.svg", pareto_plot(results["rows"]).encode())
    write_atomically(options.out / "compression.md", markdown(results["rows"]).encode())
    for row in results["rows"]:
        print(_line(row))
    return EXIT_OK


def _line(row: dict[str, Any]) -> str:
    from host_tools.bench.compression_table import told

    if "failed" in row:
        return f"{row['name']:45} {row['failed']}"
    found = row["figures"]
    instructions = "unknown" if found["instructions"] is None else f"{found['instructions']:,}"
    tail = f"  rival: {row['rival'] or 'none is so small'}" if "rival" in row else ""
    if row["needs"]:
        tail += f"  packed {found['packed_bytes']:,}, needs {row['needs']}"
    tail += "".join(f"  {kind}: {told(one)}" for kind, one in row["against"].items())
    return (
        f"{row['name']:45} {found['accuracy']:7.2%} ({found['low']:.1%} to {found['high']:.1%})"
        f" flash {found['flash_bytes']:>7,} RAM {found['ram_bytes']:>6,} instructions"
        f" {instructions:>9} coded {found['coded_flash_bytes']:>7,} in RAM"
        f" {found['coded_ram_bytes']:>6,}{tail}"
    )


def main(arguments: Sequence[str]) -> int:
    """Run every method, or those asked for."""
    options = _parser().parse_args(arguments)
    return run_to_exit_code(lambda: _main(options))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
