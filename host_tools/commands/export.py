"""`sotto export`: an int8 `.tflite` -> C in `generated/`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from host_tools.commands._options import (
    DEFAULT_GENERATED,
    ConstantsOption,
    PackedOption,
    check_model_file,
)
from host_tools.errors import SottoError
from host_tools.progress import result_console

EXAMPLE = "Example: `sotto export model.tflite --labels yes,no,_unknown_,_silence_ --out generated`"


def command(
    model: Annotated[Path, typer.Argument(metavar="MODEL.tflite", help="Fully int8 model.")],
    labels: Annotated[
        str,
        typer.Option(metavar="A,B,...", help="Labels in output order, or a file with one a line."),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write.")] = DEFAULT_GENERATED,
    name: Annotated[
        str | None, typer.Option(help="Name of the model [default: the file's name].")
    ] = None,
    detection: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Detection settings, as a detection.json."),
    ] = None,
    constants: ConstantsOption = "flash",
    packed: PackedOption = False,
) -> None:
    """Write the C files of a model: network, weights, front-end tables, labels, self-test."""
    from host_tools.commands._training import export_tflite

    check_model_file(model)
    words = read_labels(labels)
    model_hash = export_tflite(
        model,
        name=name or model.stem,
        labels=words,
        out=out,
        detection=detection,
        placement=constants,
        packed=packed,
    )
    result_console().print(f"{out}: model {model_hash}", markup=False)


def read_labels(text: str) -> list[str]:
    """Labels from `a,b,c` or from a file of one label a line."""
    path = Path(text)
    raw = _text_of(path).splitlines() if _is_file(path) else text.split(",")
    words = [word.strip() for word in raw if word.strip()]
    if len(words) < 2 or len(set(words)) != len(words):
        raise SottoError(
            f"--labels {text}: {len(words)} labels, {len(set(words))} different ones.",
            "Name at least two different labels, separated by commas.",
        )
    return words


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # many labels make a name that is too long for a file
        return False


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SottoError(
            f"--labels {path}: {error.reason} at byte {error.start}, this is no UTF-8 text.",
            "Give a text file with one label a line, or the labels with commas between.",
        ) from error
