"""`sotto listen`: what a board hears, in recordings that it is given or by its own microphone."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
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
    SkipOption,
    find_board,
    require_port,
)
from host_tools.errors import SottoError
from host_tools.progress import TerminalProgress, print_json, result_console

if TYPE_CHECKING:
    import numpy as np

    from host_tools.link.device import Device
    from host_tools.link.listen import Heard
    from host_tools.link.listen_messages import HeardWord
    from host_tools.manifest import Manifest

STDIN = Path("-")
_BLOCK_BYTES = 3_200
"""A tenth of a second at 16 kHz: what is read at most before the board gets it."""

EXAMPLE = (
    "Example: `sotto listen kitchen.wav --board stm32f405 --set threshold=0.8`, "
    "`sotto listen recordings/ --real-time --port /dev/ttyACM0`, "
    "`sotto listen --microphone --port /dev/ttyACM0 --board disco_f407`, "
    "`sotto listen --from-board-mic heard.wav --seconds 60 --data recordings/ --port /dev/ttyACM0`"
)


def command(
    recordings: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE...]",
            help="WAV, FLAC or OGG, of any length, or folders of them; - reads raw samples (s16le) "
            "from stdin.",
        ),
    ] = None,
    real_time: Annotated[
        bool,
        typer.Option(
            "--real-time",
            help="Play files no faster than they were spoken, and tell how late each word comes.",
        ),
    ] = False,
    skip_unreadable: SkipOption = False,
    microphone: Annotated[
        bool, typer.Option("--microphone", help="Let the board listen to its own microphone.")
    ] = False,
    from_board_mic: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.wav",
            help="Record what the board hears; an interrupted one goes on when asked again.",
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.1, help="How long, with a microphone [default: until Ctrl-C; 10]."),
    ] = None,
    gain_db: Annotated[
        float | None, typer.Option(help="Gain of the microphone [default: that of the board].")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Compare the recording with these labelled clips."),
    ] = None,
    port: PortOption = None,
    board: BoardOption = DEFAULT_BOARD,
    generated: GeneratedOption = DEFAULT_GENERATED,
    changes: SetOption = None,
    json_out: JsonOption = False,
) -> None:
    """Play recordings to a board, or let it use its own microphone; print the words it hears.

    Each file is a stream of its own. A board that is slower than the audio holds the host back; a
    microphone does not wait, and what is lost is counted.
    """
    from host_tools.commands._microphone import (
        DEFAULT_RECORD_S,
        gain_q8,
        listen_live,
        record_board,
    )
    from host_tools.labelled import read_files
    from host_tools.manifest import load_manifest
    from host_tools.settings import scale_of

    _check_source(recordings, microphone=microphone, from_board_mic=from_board_mic)
    piped = recordings == [STDIN]
    files = [] if piped else _files(recordings or ())
    if real_time and not files:
        raise SottoError("--real-time is for files", "Leave it out: a live source sets the pace.")
    target = find_board(board)
    require_port(target, port)
    gain = gain_q8(gain_db)
    manifest = load_manifest(generated)
    rate_hz, progress = manifest.sample_rate_hz, TerminalProgress()
    reading = read_files(files, rate_hz, skip_unreadable=skip_unreadable, progress=progress)
    streams = list(reading) if files else []
    with listening_board(target, port, generated) as device:
        apply(device, scale_of(manifest), changes or ())
        if microphone:
            document = listen_live(device, manifest, gain, seconds, talk=not json_out)
        elif from_board_mic is not None:
            length_s = seconds or DEFAULT_RECORD_S
            document = record_board(
                device, manifest, from_board_mic, gain, length_s, data, talk=not json_out
            )
        else:
            unit = device.info().tick_unit
            found = [_listen_stdin(device, manifest, unit, talk=not json_out)] if piped else []
            found += [
                _listen(device, path, pcm, manifest, unit, real_time=real_time, talk=not json_out)
                for path, pcm in streams
            ]
            document = {"streams": found}
    if json_out:
        print_json({"model_hash": manifest.model_hash, **document})


def _check_source(
    recordings: list[Path] | None, *, microphone: bool, from_board_mic: Path | None
) -> None:
    """Exactly one source of sound.

    Raises:
        SottoError: none, or several.
    """
    if sum((bool(recordings), microphone, from_board_mic is not None)) != 1:
        raise SottoError(
            "sotto listen needs one source of sound",
            "Give audio files, or --microphone, or --from-board-mic OUT.wav.",
        )


def _files(recordings: Iterable[Path]) -> list[Path]:
    """The files that are named, and those of folders that are named.

    Raises:
        SottoError: a folder holds no recording.
    """
    from host_tools.audio import AUDIO_SUFFIXES, audio_files_below

    found: list[Path] = []
    for path in recordings:
        inside = audio_files_below(path) if path.is_dir() else [path]
        if not inside:
            suffixes = ", ".join(sorted(AUDIO_SUFFIXES))
            raise SottoError(f"{path} holds no recording", f"Put files there: {suffixes}.")
        found += inside
    return found


def _listen_stdin(device: Device, manifest: Manifest, unit: str, *, talk: bool) -> dict[str, Any]:
    """Raw samples from standard input, until it ends or Ctrl-C."""
    console = result_console()

    def say(word: HeardWord) -> None:
        console.print(_line(_word(word, manifest)), markup=False)

    began_s = time.monotonic()
    heard = device.listen_live(_blocks(sys.stdin.fileno()), say if talk else None)
    seconds = heard.statistics.samples / manifest.sample_rate_hz
    if talk:
        console.print(f"stdin: {_summary(heard, seconds, unit)}", markup=False)
    return _document(STDIN, heard, seconds, manifest, unit, time.monotonic() - began_s)


def _blocks(descriptor: int) -> Iterator[np.ndarray]:
    """int16[n] as they come; ends with the pipe, or at Ctrl-C."""
    import numpy as np

    held = b""
    with suppress(KeyboardInterrupt):
        while data := os.read(descriptor, _BLOCK_BYTES):
            held += data
            whole = len(held) // 2 * 2
            yield np.frombuffer(held[:whole], "<i2").astype(np.int16)
            held = held[whole:]


def paced(
    pcm: np.ndarray,
    block: int,
    rate_hz: int,
    now_s: Callable[[], float] = time.monotonic,
    wait: Callable[[float], None] = time.sleep,
) -> Iterator[np.ndarray]:
    """Blocks of int16[n], none before its last sample would have been spoken."""
    began_s = now_s()
    for stop in range(block, len(pcm) + block, block):
        spoken_s = began_s + min(stop, len(pcm)) / rate_hz
        wait(max(0.0, spoken_s - now_s()))
        yield pcm[stop - block : stop]


def _listen(
    device: Device,
    path: Path,
    pcm: np.ndarray,
    manifest: Manifest,
    unit: str,
    *,
    real_time: bool,
    talk: bool,
) -> dict[str, Any]:
    rate_hz = manifest.sample_rate_hz
    console = result_console()
    seconds = len(pcm) / rate_hz
    late_s: list[float] = []
    began_s = time.monotonic()
    with TerminalProgress().task(path.name, total=len(pcm)) as task:
        done = 0

        def advance(have: int, _: int) -> None:
            nonlocal done
            task.advance(have - done)
            done = have

        def say(word: HeardWord) -> None:
            late_s.append(time.monotonic() - began_s - word.sample / rate_hz)
            late = f"  {1000 * late_s[-1]:.0f} ms after its frame" if real_time else ""
            if talk:
                console.print(_line(_word(word, manifest)) + late, markup=False)

        if real_time:
            blocks = paced(pcm, manifest.hop_samples, rate_hz)
            heard = device.listen_live(blocks, say, advance)
        else:
            heard = device.listen(pcm, say, advance)
    if talk:
        console.print(f"{path}: {_summary(heard, seconds, unit)}", markup=False)
    document = _document(path, heard, seconds, manifest, unit, time.monotonic() - began_s)
    if real_time:
        for row, late in zip(document["words"], late_s, strict=True):
            row["latency_s"] = late
    return document


def _document(
    path: Path, heard: Heard, seconds: float, manifest: Manifest, unit: str, wall_s: float
) -> dict[str, Any]:
    return {
        "file": str(path),
        "seconds": seconds,
        "words": [_word(word, manifest) for word in heard.words],
        "tick_unit": unit,
        "statistics": asdict(heard.statistics),
        "wall_s": wall_s,
    }


def _line(word: dict[str, Any]) -> str:
    return f"{word['time_s']:9.2f} s  {word['word']}  {word['average']:.2f}"


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
    per_second = ", ".join(f"{name} {count / (seconds or 1):,.0f}" for name, count in ticks.items())
    return (
        f"{done.words} words in {seconds:.1f} s; asleep in {done.steps_skipped} of {done.steps} "
        f"steps; {unit} per second of audio: {per_second}"
    )
