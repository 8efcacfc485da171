"""`sotto listen`: play recordings to a board and print the words that it hears."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from host_tools.boards import DEFAULT_BOARD
from host_tools.commands._board import SetOption, apply, listening_board
from host_tools.commands._options import (
    DEFAULT_GENERATED,
    BoardOption,
    GeneratedOption,
    JsonOption,
    PortOption,
    find_board,
    require_port,
)
from host_tools.progress import TerminalProgress, print_json, result_console

if TYPE_CHECKING:
    from host_tools.link.device import Device
    from host_tools.link.listen import Heard
    from host_tools.link.listen_messages import HeardWord
    from host_tools.manifest import Manifest

EXAMPLE = "Example: `sotto listen kitchen.wav --board stm32f405 --set threshold=0.8`"


def command(
    recordings: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="WAV, FLAC or OGG, of any length.")
    ],
    port: PortOption = None,
    board: BoardOption = DEFAULT_BOARD,
    generated: GeneratedOption = DEFAULT_GENERATED,
    changes: SetOption = None,
    json_out: JsonOption = False,
) -> None:
    """Stream recordings to a board in its listening mode; print when it hears which word.

    Each file is a stream of its own. A board that is slower than the audio holds the host back.
    """
    from host_tools.audio import read_clip
    from host_tools.manifest import load_manifest
    from host_tools.settings import scale_of

    target = find_board(board)
    require_port(target, port)
    manifest = load_manifest(generated)
    streams = [(path, read_clip(path, manifest.sample_rate_hz)) for path in recordings]
    with listening_board(target, port, generated) as device:
        apply(device, scale_of(manifest), changes or ())
        unit = device.info().tick_unit
        found = [
            _listen(device, path, pcm, manifest, unit, talk=not json_out) for path, pcm in streams
        ]
    if json_out:
        print_json({"model_hash": manifest.model_hash, "streams": found})


def _listen(
    device: Device, path: Path, pcm: Any, manifest: Manifest, unit: str, *, talk: bool
) -> dict[str, Any]:
    rate_hz = manifest.sample_rate_hz
    console = result_console()
    seconds = len(pcm) / rate_hz
    began_s = time.monotonic()
    with TerminalProgress().task(path.name, total=len(pcm)) as task:
        done = 0

        def advance(have: int, _: int) -> None:
            nonlocal done
            task.advance(have - done)
            done = have

        def say(word: HeardWord) -> None:
            line = _word(word, manifest)
            console.print(
                f"{line['time_s']:9.2f} s  {line['word']}  {line['average']:.2f}", markup=False
            )

        heard = device.listen(pcm, say if talk else None, advance)
    document = {
        "file": str(path),
        "seconds": seconds,
        "words": [_word(word, manifest) for word in heard.words],
        "tick_unit": unit,
        "statistics": asdict(heard.statistics),
        "wall_s": time.monotonic() - began_s,
    }
    if talk:
        console.print(f"{path}: {_summary(heard, seconds, unit)}", markup=False)
    return document


def _word(word: HeardWord, manifest: Manifest) -> dict[str, Any]:
    from host_tools.link.listen_messages import ONE_Q15

    return {
        "time_s": word.sample / manifest.sample_rate_hz,
        "sample": word.sample,
        "word": manifest.labels[word.label],
        "average": word.average_q15 / ONE_Q15,
    }


def _summary(heard: Heard, seconds: float, unit: str) -> str:
    done = heard.statistics
    ticks = {
        "front-end": done.ticks_frontend,
        "network": done.ticks_network,
        "detection": done.ticks_detect,
    }
    per_second = ", ".join(f"{name} {count / seconds:,.0f}" for name, count in ticks.items())
    return (
        f"{done.words} words in {seconds:.1f} s; asleep in {done.steps_skipped} of {done.steps} "
        f"steps; {unit} per second of audio: {per_second}"
    )
