"""Why a board may differ from its twin: the evidence, and the cause that explains it best.

A guess follows from what was measured on the board, never from the name of the stage alone. The
rules stand in the order in which they are asked; the first that holds is the guess.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from host_tools.link.messages import SelfTestStage
from host_tools.link.twin_messages import BuildFact, Guard
from host_tools.twin.compare import RUN, SAMPLES, Bench, Parting, window_of


class Cause(enum.StrEnum):
    """What makes a board differ."""

    COMPILER_FLAG = "compiler flag"
    FLASH_CORRUPTED = "flash corrupted"
    OTHER_MODEL = "files of another model"
    STALE_TABLES = "stale tables"
    SAMPLES_LOST = "samples lost"
    AUDIO_SCALE = "audio of another scale"
    AUDIO_RATE = "audio of another rate"
    MEMORY_OVERWRITTEN = "memory overwritten"
    SATURATION = "saturation"
    OTHER_KERNEL = "other kernel"


@dataclass(frozen=True)
class Guess:
    """A cause, what speaks for it, and what to do."""

    cause: Cause
    evidence: str
    remedy: str


SCALES = (0.125, 0.25, 0.5, 2.0, 4.0, 8.0)
RATES = (0.5, 2 / 3, 0.75, 4 / 3, 1.5, 2.0)
"""Samples that the board takes for one that was sent."""
_EXPLAINED = 0.25
"""A hypothesis explains a difference when no more of its size is left."""
_LIMIT_SHARE = 0.9
"""Of the differing numbers, those that lie at one limit when it is saturation."""


def guess(bench: Bench, pcm: np.ndarray, parting: Parting) -> Guess:
    """The cause that explains a parting on a clip best."""
    rules: tuple[Callable[[Bench, np.ndarray, Parting], Guess | None], ...] = (
        _compiler_flag,
        _flash,
        _guards,
        _tables,
        _lost_samples,
        _unrepeatable,
        _other_model,
        _audio,
        _saturation,
    )
    found = (rule(bench, pcm, parting) for rule in rules)
    return next((one for one in found if one is not None), None) or _kernel(bench, parting)


def _compiler_flag(bench: Bench, _pcm: np.ndarray, _parting: Parting) -> Guess | None:
    wrong = bench.board_health.build & (BuildFact.INT8_UNSIGNED | BuildFact.PACKED)
    if not wrong:
        return None
    words = {
        BuildFact.INT8_UNSIGNED: "int8_t has no sign in this build (-funsigned-char, or a C "
        "library that makes it a plain char)",
        BuildFact.PACKED: "structures have no padding in this build (-fpack-struct)",
    }
    evidence = "; ".join(text for fact, text in words.items() if fact in wrong)
    return Guess(Cause.COMPILER_FLAG, evidence, "Compile all files without that flag.")


def _flash(bench: Bench, _pcm: np.ndarray, _parting: Parting) -> Guess | None:
    test = bench.board.self_test()
    if test.stage is not SelfTestStage.CONSTANT:
        return None
    return Guess(
        Cause.FLASH_CORRUPTED,
        f"a constant array of layer {test.index} has the CRC-32 {test.actual & 0xFFFFFFFF:08x}, "
        f"its own file says {test.expected & 0xFFFFFFFF:08x}",
        "Flash the board again; if that does not help, its flash or the generated file is damaged.",
    )


def _guards(bench: Bench, _pcm: np.ndarray, _parting: Parting) -> Guess | None:
    broken = bench.board.health().guards
    if not broken:
        return None
    names = ", ".join(str(one.name).lower().replace("_", " ") for one in Guard if one in broken)
    return Guess(
        Cause.MEMORY_OVERWRITTEN,
        f"guard bytes have changed: {names}",
        "Look for who writes beyond its memory: an interrupt, a stack that is too small, a buffer "
        "beside the arena.",
    )


def _tables(bench: Bench, _pcm: np.ndarray, parting: Parting) -> Guess | None:
    ours, theirs = bench.board_health.tables_crc32, bench.twin_health.tables_crc32
    detection = parting.difference.stage in ("posteriors", "averages")
    if ours == theirs and not detection:
        return None
    if ours != theirs and parting.window_stage is None:
        return None
    what = "detection's" if detection else "the front-end's"
    evidence = (
        "the scores are equal, what is made of them is not"
        if detection
        else f"the front-end's tables have the CRC-32 {ours:08x}, the model's {theirs:08x}"
    )
    return Guess(
        Cause.STALE_TABLES,
        evidence,
        f"Build the firmware anew with all files of one folder: {what} are of another export.",
    )


def _lost_samples(bench: Bench, pcm: np.ndarray, parting: Parting) -> Guess | None:
    """Windows sent alone are equal. Do the board's frames fit audio that lacks some samples?"""
    if parting.difference.stage != SAMPLES or not parting.difference.differing:
        return None
    heard = bench.board.features()
    window, hop = bench.board.info().window_samples, bench.manifest.hop_samples
    frame = min(parting.difference.frame + -(-window // hop), len(heard) - 1)
    start = frame * hop
    for lost in (n for n in range(-hop, hop + 1) if n and start + n + window <= len(pcm)):
        _, features = bench.twin.trace_window(pcm[start + lost : start + lost + window])
        if np.array_equal(np.frombuffer(features, np.int8), heard[frame]):
            many = "lost" if lost > 0 else "doubled"
            return Guess(
                Cause.SAMPLES_LOST,
                f"each window sent alone is equal, and from frame {frame} on the board's features "
                f"are those of audio with {abs(lost)} samples {many}",
                "Look at how samples reach the front-end: a full buffer, a DMA block dropped, an "
                "interrupt that comes late.",
            )
    return None


def _unrepeatable(bench: Bench, pcm: np.ndarray, parting: Parting) -> Guess | None:
    stage = parting.difference.stage
    if parting.repeatable and stage not in (SAMPLES, RUN):
        return None
    evidence = (
        "the board computes other numbers when it is asked again"
        if stage not in (SAMPLES, RUN)
        else "computed anew, all stages are equal: it was different when the clip came"
    )
    return Guess(
        Cause.MEMORY_OVERWRITTEN,
        evidence,
        "Look for an interrupt or a task that writes to the front-end's workspace or the arena.",
    )


def _other_model(bench: Bench, _pcm: np.ndarray, parting: Parting) -> Guess | None:
    target = bench.manifest.targets.get(bench.board_health.kernels)
    found = bench.board_health.constants_crc32
    if parting.difference.layer is None or target is None or found == target.constants_crc32:
        return None
    return Guess(
        Cause.OTHER_MODEL,
        f"the network's constants have the CRC-32 {found:08x} and fit their own file, the "
        f"manifest says {target.constants_crc32:08x}",
        "Build the firmware anew with all files of one folder: the network is of another export.",
    )


def _audio(bench: Bench, pcm: np.ndarray, parting: Parting) -> Guess | None:
    """Does the front-end hear other audio than was sent?"""
    if parting.window_stage is None:
        return None
    frame = parting.difference.frame
    window = window_of(bench, pcm, frame)
    heard = _features(bench.board.trace_window(window)[1])
    without = np.abs(heard - _features(bench.twin.trace_window(window)[1])).sum()
    best, left = min(
        (
            (one, np.abs(heard - _features(bench.twin.trace_window(one.samples)[1])).sum())
            for one in _hypotheses(bench, pcm, frame, window)
        ),
        key=lambda tried: tried[1],
    )
    if left > _EXPLAINED * without:
        return None
    return Guess(
        best.cause,
        f"the board's features of frame {frame} are those of audio {best.words}: the sum of "
        f"differences falls from {without} to {left} steps",
        "Look at the audio's path into the front-end: shifts, byte order, channels, sample rate.",
    )


@dataclass(frozen=True)
class _Hypothesis:
    cause: Cause
    words: str
    samples: np.ndarray


def _hypotheses(
    bench: Bench, pcm: np.ndarray, frame: int, window: np.ndarray
) -> Iterator[_Hypothesis]:
    limits = np.iinfo(np.int16)
    for scale in SCALES:
        scaled = np.clip(np.floor(window * scale), limits.min, limits.max).astype(np.int16)
        yield _Hypothesis(Cause.AUDIO_SCALE, f"times {scale:g}", scaled)
    swapped = window.byteswap()
    yield _Hypothesis(Cause.AUDIO_SCALE, "with its bytes swapped", swapped)
    start = frame * bench.manifest.hop_samples
    for rate in RATES:
        places = start + np.arange(len(window)) * rate
        if places[-1] < len(pcm):
            taken = np.interp(places, np.arange(len(pcm)), pcm).astype(np.int16)
            yield _Hypothesis(Cause.AUDIO_RATE, f"at {rate:.3g} times the rate", taken)
        within = np.minimum(np.arange(len(window)) * rate, len(window) - 1).astype(int)
        yield _Hypothesis(Cause.AUDIO_RATE, f"at {rate:.3g} times the rate", window[within])


def _features(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.int8).astype(np.int32)


def _saturation(_bench: Bench, _pcm: np.ndarray, parting: Parting) -> Guess | None:
    """Do the differing numbers lie at one limit, and the twin's beyond it?"""
    places = parting.numbers.places
    if not places.size:
        return None
    board = parting.numbers.board[places].astype(np.int64)
    host = parting.numbers.host[places].astype(np.int64)
    values, counts = np.unique(board, return_counts=True)
    limit = int(values[np.argmax(counts)])
    at_limit = board == limit
    above, below = (host > limit) & at_limit, (host < limit) & at_limit
    everything = parting.numbers.board.astype(np.int64)
    held = max(above.mean(), below.mean())
    bounds = everything.max() <= limit if above.mean() > below.mean() else everything.min() >= limit
    if held < _LIMIT_SHARE or not bounds:
        return None
    side = "above" if above.mean() > below.mean() else "below"
    return Guess(
        Cause.SATURATION,
        f"{int(at_limit.sum())} of {len(places)} differing numbers are {limit} on the board, and "
        f"the host's lie {side}; no number of the board does",
        "Look at the limits of that layer: its activation, its output's zero point, a kernel that "
        "clamps earlier.",
    )


def _kernel(bench: Bench, parting: Parting) -> Guess:
    """What is left: equal inputs, equal constants, the same result each time, and yet another."""
    where = parting.difference
    name = f"sotto_{where.kernel}" if where.kernel else f"the code of the stage {where.stage}"
    flags = bench.board_health.build & (BuildFact.FAST_MATH | BuildFact.NOT_OPTIMISED)
    facts = f"; built with {flags!r} by {bench.board_health.compiler}" if flags else ""
    return Guess(
        Cause.OTHER_KERNEL,
        "inputs and constants are equal, and the board computes the same numbers each time" + facts,
        f"Compare {name} with this checkout's: other sources, another optimisation, a library of "
        "the same name.",
    )
