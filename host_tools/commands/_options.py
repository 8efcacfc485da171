"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from host_tools.boards import BOARDS, Board
from host_tools.build import DEFAULT_PROGRAM, Backend, Firmware, Program
from host_tools.errors import SottoError

ROOT = Path(__file__).resolve().parents[2]
"""The checkout that this package runs from: platformio.ini and the firmware lie there."""

DEFAULT_GENERATED = Path("generated")
NAME_A_MODEL = "Give the path of a .tflite file."

BoardOption = Annotated[
    str,
    typer.Option("--board", "-b", metavar="NAME", help=f"One of {', '.join(BOARDS)}."),
]
PortOption = Annotated[
    str | None,
    typer.Option(
        "--port",
        "-p",
        metavar="URL",
        help="Serial port or URL of a running board: /dev/ttyACM0, COM3, /dev/ttyUSB0@115200, "
        "socket://127.0.0.1:4000.",
    ),
]
GeneratedOption = Annotated[
    Path, typer.Option("--generated", metavar="DIR", help="Folder of the generated model.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
SkipOption = Annotated[
    bool, typer.Option("--skip-unreadable", help="Go on without files that cannot be read.")
]
PackedOption = Annotated[
    bool,
    typer.Option(
        "--packed",
        help="Keep the weights of a layer in 4 or 2 bits where they take as few values: less "
        "flash, more RAM. Models that a step of compression made for it need no asking.",
    ),
]
ProgramOption = Annotated[
    Program,
    typer.Option("--program", help="What runs around the model; mlperf: MLPerf Tiny's protocol."),
]
Placement = Literal["flash", "huffman", "huffman-layers", "storage"]
"""Where constants lie until they are used; as `training.export.fetching.Placement`."""
ConstantsOption = Annotated[
    Placement,
    typer.Option(
        "--constants",
        help="Where weights lie: in flash as they are; under a Huffman code, decoded into RAM at "
        "start or before each layer; in a storage that the port reads before each layer.",
    ),
]
BackendOption = Annotated[
    Backend | None,
    typer.Option(
        "--backend",
        help="What runs the model: aot, our generated C, or tflm, the TFLite-Micro that you bring.",
    ),
]
TflmOption = Annotated[
    str | None,
    typer.Option(
        "--tflm",
        metavar="PATH|NAME",
        envvar="SOTTO_TFLM",
        help="Your TFLite-Micro: its built library, or a PlatformIO library as owner/name@version "
        "[default: the one that platformio.ini names for the board].",
    ),
]
CompareOption = Annotated[
    bool,
    typer.Option(
        "--compare-kernels",
        help="The self-test also runs the network by the reference kernels, on the board itself, "
        "and compares every layer; takes the flash of a second network.",
    ),
]
LimitOption = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Validate only N clips, balanced over the labels."),
]
JobsOption = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Emulators side by side [default: one a processor, 4 at most]."
    ),
]


def find_board(name: str) -> Board:
    """The board of that name, or an error that lists all names."""
    if name not in BOARDS:
        raise SottoError(f"There is no board {name!r}.", f"Use one of: {', '.join(BOARDS)}.")
    return BOARDS[name]


def choose_firmware(
    board: Board,
    backend: Backend | None,
    tflm: str | None,
    program: Program = DEFAULT_PROGRAM,
    compared_with: Path | None = None,
) -> Firmware:
    """The firmware that the options ask for; by itself it runs the generated C.

    Args:
        compared_with: generated folder whose network the self-test runs by the reference kernels,
            too; None: it does not.

    Raises:
        SottoError: TFLite-Micro is asked for, and not there or not to be compiled against, or
            kernels are to be compared that TFLite-Micro or another program does not have.
    """
    from host_tools.tflm import find_tflm

    if compared_with is None:
        return Firmware(program, find_tflm(tflm, board, ROOT) if backend == "tflm" else None)
    if backend == "tflm" or program != DEFAULT_PROGRAM:
        raise SottoError(
            "only sotto's firmware with its generated C compares its kernels",
            "Leave out --compare-kernels, or --backend and --program.",
        )
    from host_tools.build import reference_folder
    from host_tools.manifest import load_manifest
    from training.export.reference_network import write_reference_network

    load_manifest(compared_with)
    reference = reference_folder(compared_with, ROOT)
    write_reference_network(compared_with, reference)
    return Firmware(program, reference=reference)


def require_port(board: Board, port: str | None) -> None:
    """Refuse real hardware without a port: only emulated boards can be started here."""
    if port is None and board.kind == "hardware":
        raise SottoError(
            f"{board.name} is a real board: its port must be named.",
            "Give --port (`sotto doctor` lists the ports), or choose an emulated --board.",
        )


def check_model_file(model: Path) -> None:
    """Say what is wrong with the path of a model.

    Raises:
        SottoError: it is a folder, or nothing is there.
    """
    if not model.is_file():
        what = "is a folder" if model.is_dir() else "does not exist"
        raise SottoError(f"The model {model} {what}.", NAME_A_MODEL)
