"""The most stack that the firmware can take: `python -m host_tools.commands._firmware_stack`.

Builds the firmware of boards, follows every call of the linked program, and compares the deepest
chain with what the linker script reserves. Exit code 1 when one does not fit.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from host_tools.bench.firmware_stack import ENTRIES, bound_stack
from host_tools.boards import Board
from host_tools.build import build
from host_tools.commands._bench_engine import run_to_exit_code
from host_tools.commands._options import DEFAULT_GENERATED, ROOT, find_board
from host_tools.errors import EXIT_CHECK_FAILED, EXIT_OK, SottoError
from host_tools.progress import TerminalProgress, print_json, result_console
from host_tools.toolchains import TOOLCHAINS

DEFAULT_BOARDS = ("stm32f405", "mps2_m7", "riscv_virt")


def _toolchain(board: Board) -> str:
    prefix = TOOLCHAINS[board.compile_target].prefix
    if prefix not in ENTRIES:
        raise SottoError(
            f"the code of {board.name} cannot be followed: {board.core}",
            "Give a board with a Cortex-M or a RISC-V core.",
        )
    return prefix


def _run(options: argparse.Namespace) -> int:
    progress, document, fits = TerminalProgress(), [], True
    table = Table("board", "calls", "interrupt", "together", "reserve", "deepest chain", box=None)
    boards = [find_board(name) for name in options.board or DEFAULT_BOARDS]
    prefixes = [_toolchain(board) for board in boards]
    with progress.task("Following the stack", total=len(boards)) as task:
        for board, prefix in zip(boards, prefixes, strict=True):
            bound = bound_stack(build(board, options.generated, ROOT).elf, prefix)
            fits = fits and bound.fits
            document.append({"board": board.name, **asdict(bound), "bytes": bound.bytes})
            numbers = (bound.main_bytes, bound.interrupt_bytes, bound.bytes, bound.reserve_bytes)
            table.add_row(board.name, *(f"{one:,}" for one in numbers), " > ".join(bound.chain))
            task.advance()
    if options.json:
        print_json(document)
    else:
        result_console().print(table)
    return EXIT_OK if fits else EXIT_CHECK_FAILED


def main(arguments: Sequence[str]) -> int:
    """Run the command line; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--board", action="append", metavar="NAME", help="may be repeated")
    parser.add_argument("--generated", type=Path, default=ROOT / DEFAULT_GENERATED)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    return run_to_exit_code(lambda: _run(options))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
