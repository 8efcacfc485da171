"""`sotto listen` with the board's own microphone: words live, or a recording and advice."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from host_tools.errors import SottoError
from host_tools.progress import TerminalProgress, result_console, talk_console

if TYPE_CHECKING:
    import numpy as np

    from host_tools.labelled import LabelledClip
    from host_tools.link.capture import Capture, Counters, Word
    from host_tools.link.device import Device
    from host_tools.manifest import Manifest
    from host_tools.microphone.advice import Band, Level

DEFAULT_RECORD_S = 10.0
REFERENCE_CLIPS = 300
GREATEST_GAIN_DB = 48
"""Fits 16 bits in 1/256, as its inverse does."""
_POLL_S = 0.02
_DB_PER_OCTAVE = 3.0103


def gain_q8(gain_db: float | None) -> int:
    """A gain as the board takes it; 0, the board's own, for None.

    Raises:
        SottoError: the board cannot multiply by that.
    """
    from host_tools.link.microphone_messages import UNITY_GAIN_Q8

    if gain_db is None:
        return 0
    if not -GREATEST_GAIN_DB <= gain_db <= GREATEST_GAIN_DB:
        limits = f"-{GREATEST_GAIN_DB} to {GREATEST_GAIN_DB} dB"
        raise SottoError(f"a gain of {gain_db:g} dB", f"Give one from {limits}.")
    return round(UNITY_GAIN_Q8 * 10 ** (gain_db / 20))


def listen_live(
    device: Device, manifest: Manifest, gain: int, seconds: float | None, *, talk: bool
) -> dict[str, Any]:
    """Let the board listen, and print the words as they come, until the time is over or Ctrl-C."""
    words: list[dict[str, Any]] = []
    facts = device.microphone()
    console = result_console()
    capture = device.capture()
    began_s = time.monotonic()
    with capture.begin(gain_q8=gain):
        if talk:
            talk_console().print(f"{facts.name}: speak; Ctrl-C ends.", markup=False)
        try:
            while seconds is None or time.monotonic() - began_s < seconds:
                words += _words_now(capture, manifest, console if talk else None)
                time.sleep(_POLL_S)
        except KeyboardInterrupt:
            if seconds is not None:
                raise  # it was to last longer
        words += _words_now(capture, manifest, console if talk else None)
    document = {"microphone": asdict(facts), "words": words, "counters": asdict(capture.counters)}
    if talk:
        console.print(_losses(capture.counters, manifest), markup=False)
    return document


def _words_now(capture: Capture, manifest: Manifest, console: Any) -> list[dict[str, Any]]:
    """Words that have come, with the time from the end of their frame to this computer."""
    asked_s = time.monotonic()
    fresh = capture.words()
    travelled_s = time.monotonic() - asked_s
    rows = [_row(word, travelled_s, manifest) for word in fresh]
    for row in rows if console else ():
        console.print(
            f"{row['time_s']:9.2f} s  {row['word']}  {row['average']:.2f}  "
            f"{1000 * row['latency_s']:.0f} ms after its frame",
            markup=False,
        )
    return rows


def _row(word: Word, travelled_s: float, manifest: Manifest) -> dict[str, Any]:
    from host_tools.link.listen_messages import ONE_Q15

    rate_hz = manifest.sample_rate_hz
    return {
        "time_s": word.heard.sample / rate_hz,
        "word": manifest.labels[word.heard.label],
        "average": word.heard.average_q15 / ONE_Q15,
        "latency_s": word.late_samples / rate_hz + travelled_s,
    }


def _losses(counters: Counters, manifest: Manifest) -> str:
    seconds = counters.captured / manifest.sample_rate_hz
    return (
        f"{seconds:.1f} s captured; lost on the board {counters.lost_on_board} samples, "
        f"{counters.words_lost} words fetched too late; clipped {counters.at_limit}; "
        f"offset {counters.offset}"
    )


def record_board(
    device: Device,
    manifest: Manifest,
    out: Path,
    gain: int,
    seconds: float,
    data: Path | None,
    *,
    talk: bool,
) -> dict[str, Any]:
    """Record what the board hears to a WAV file, and say how it compares."""
    from host_tools.labelled import choose_balanced, scan_labelled
    from host_tools.link.microphone_messages import CaptureChoice
    from host_tools.microphone.advice import advise, measure
    from host_tools.microphone.recording import PieceFolder, record

    # Before anything is recorded: a folder that is not there is known at once.
    reference = scan_labelled(data, manifest.labels).clips if data is not None else []
    rate_hz = manifest.sample_rate_hz
    folder = PieceFolder(out, rate_hz)
    wanted = round(seconds * rate_hz)
    if folder.samples:
        talk_console().print(
            f"{out}: going on after {folder.samples / rate_hz:.1f} s", markup=False
        )
    left = max(0, wanted - folder.samples)
    with TerminalProgress().task(f"Recording {out.name}", total=left) as task:
        if left:
            capture = device.capture()
            with capture.begin(gain_q8=gain, choices=CaptureChoice(0)):
                record(capture, folder, wanted, task)
    recording = folder.join()
    level = measure(recording.samples, rate_hz)
    chosen = choose_balanced(reference, REFERENCE_CLIPS)
    training, bands = _compared(recording.samples, manifest, chosen)
    losses = recording.losses
    missing = losses.on_board + losses.on_link
    advice = advise(
        level,
        training,
        bands,
        offset=losses.offset,
        lost=missing / (missing + recording.samples.size),
    )
    if talk:
        _print_level(out, level, training, losses.offset, missing)
        for line in advice or ["Nothing to mend."]:
            result_console().print(f"- {line}", markup=False)
    return {
        "file": str(out),
        "microphone": asdict(device.microphone()),
        "level": asdict(level),
        "training_level": asdict(training) if training else None,
        "bands": [asdict(band) for band in bands],
        "losses": asdict(losses),
        "advice": advice,
    }


def _print_level(
    out: Path, level: Level, training: Level | None, offset: int, missing: int
) -> None:
    console = result_console()
    console.print(
        f"{out}: {level.seconds:.1f} s; speech {level.speech_dbfs:.1f} dBFS, noise "
        f"{level.noise_dbfs:.1f} dBFS, peak {level.peak_dbfs:.1f} dBFS, clipped "
        f"{level.clipped:.3%}, offset {offset}, {missing} samples missing",
        markup=False,
    )
    if training:
        console.print(
            f"training data: speech {training.speech_dbfs:.1f} dBFS, noise "
            f"{training.noise_dbfs:.1f} dBFS",
            markup=False,
        )


def _compared(
    samples: np.ndarray, manifest: Manifest, clips: list[LabelledClip]
) -> tuple[Level | None, list[Band]]:
    """Level of the training data, and the board's response against it, by the model's front-end."""
    if not clips:
        return None, []
    import numpy as np

    from host_tools.microphone.advice import compare, loud_spectrum, measure
    from host_tools.validate import load_pcm
    from training.features import Frontend
    from training.recipe import FrontendConfig

    fields = json.loads(manifest.path.read_text(encoding="utf-8"))["frontend"]
    frontend = Frontend(FrontendConfig(**fields))
    rate_hz = manifest.sample_rate_hz
    pcm = np.concatenate([load_pcm(one, manifest) for one in clips])
    step_db = _DB_PER_OCTAVE * manifest.step_log2
    spectra = [loud_spectrum(frontend.clip(one), step_db) for one in (samples, pcm)]
    edges_hz = frontend.tables.band_start * rate_hz / frontend.config.fft_samples
    return measure(pcm, rate_hz), compare(spectra[0], spectra[1], edges_hz[1:-1])
