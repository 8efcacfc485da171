"""`sotto build`: generated model + firmware -> a binary for one board."""

from __future__ import annotations

from dataclasses import asdict

from host_tools.boards import DEFAULT_BOARD
from host_tools.build import DEFAULT_PROGRAM
from host_tools.commands._options import (
    DEFAULT_GENERATED,
    ROOT,
    BackendOption,
    BoardOption,
    CompareOption,
    GeneratedOption,
    JsonOption,
    ProgramOption,
    TflmOption,
    choose_firmware,
    find_board,
)
from host_tools.progress import TerminalProgress, print_json, result_console

EXAMPLE = "Example: `sotto build --board stm32f405 --generated generated`"


def command(
    board: BoardOption = DEFAULT_BOARD,
    generated: GeneratedOption = DEFAULT_GENERATED,
    program: ProgramOption = DEFAULT_PROGRAM,
    backend: BackendOption = None,
    tflm: TflmOption = None,
    compare_kernels: CompareOption = False,
    json_out: JsonOption = False,
) -> None:
    """Build the firmware of one board and say how much flash and RAM it takes."""
    from host_tools.build import build
    from host_tools.manifest import load_manifest

    target = find_board(board)
    load_manifest(generated)
    compared = generated if compare_kernels else None
    firmware = choose_firmware(target, backend, tflm, program, compared)
    with TerminalProgress().task(f"Building {target.name}", total=1) as task:
        result = build(target, generated, ROOT, firmware)
        task.advance()
    if json_out:
        print_json({"board": target.name, "elf": str(result.elf), "sizes": asdict(result.sizes)})
        return
    console = result_console()
    console.print(str(result.elf), markup=False)
    console.print(f"flash {result.sizes.flash_bytes:,} bytes, RAM {result.sizes.ram_bytes:,} bytes")
