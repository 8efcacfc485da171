"""Finds the first stage, frame and number in which a board differs from its twin on a clip.

Hashes first: a clip costs its samples and some hundred bytes of replies. Bytes are fetched for the
one stage and frame in which the hashes part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from host_tools.link.device import Device
from host_tools.link.messages import ClipResult
from host_tools.link.twin_messages import FrontendStage, Hashes, Health, Tail
from host_tools.manifest import Manifest
from host_tools.twin.stages import (
    FRONTEND_DTYPES,
    Stage,
    common,
    stages_of,
    step_place,
    window_place,
)

SAMPLES = "samples"
"""Stage of a difference in what reached the front-end: the same window, sent alone, is equal."""
RUN = "run"
"""Stage of a difference that was there when the clip came and is not when it is computed anew."""


@dataclass(frozen=True)
class Difference:
    """The first place where board and twin part.

    Attributes:
        stage: "windowed" ... "features", "layer 8", "scores" ..., SAMPLES or RUN.
        frame: of the front-end; of a step its first one.
        layer: number of the layer; None elsewhere.
        tensor, operator, kernel: of the layer; kernel is the board's.
        place: which number of the stage, in words.
        board_value, host_value: of that number.
        differing, total: numbers of the stage and frame that differ, and all of them.
    """

    stage: str
    frame: int
    place: str
    board_value: int
    host_value: int
    differing: int
    total: int
    layer: int | None = None
    tensor: str = ""
    operator: str = ""
    kernel: str = ""

    def describe(self) -> str:
        """One sentence."""
        name = f" ({self.operator}, {self.tensor})" if self.layer is not None else ""
        return (
            f"{self.stage}{name}, frame {self.frame}, {self.place}: "
            f"board {self.board_value}, host {self.host_value} "
            f"({self.differing} of {self.total} numbers differ)"
        )


@dataclass(frozen=True)
class Numbers:
    """What a stage wrote on both sides."""

    board: np.ndarray
    host: np.ndarray

    @property
    def places(self) -> np.ndarray:
        """Indices of the numbers that differ."""
        return np.flatnonzero(self.board != self.host)

    @property
    def first(self) -> int:
        """Index of the first number that differs; 0 where, asked again, none does any more."""
        return int(self.places[0]) if self.places.size else 0

    def difference(self, stage: str, frame: int, place: str) -> Difference:
        """The first of them, in a stage."""
        values = int(self.board[self.first]), int(self.host[self.first])
        return Difference(stage, frame, place, *values, len(self.places), len(self.host))


@dataclass(frozen=True)
class Parting:
    """A difference with what a guess at its cause needs.

    Attributes:
        numbers: of the stage and frame; for SAMPLES the features, for RUN scores and decision.
        repeatable: the board computes the same numbers when it is asked again.
        window_stage: stage of the front-end in which a window sent alone differs; None elsewhere.
    """

    difference: Difference
    numbers: Numbers
    repeatable: bool = True
    window_stage: FrontendStage | None = None


@dataclass(frozen=True)
class Bench:
    """A board, its twin, and what both compute."""

    board: Device
    twin: Device
    manifest: Manifest
    board_health: Health
    twin_health: Health

    @property
    def devices(self) -> tuple[Device, Device]:
        """Board and twin."""
        return self.board, self.twin

    @staticmethod
    def of(board: Device, twin: Device, manifest: Manifest) -> Bench:
        """Ask both how they are."""
        return Bench(board, twin, manifest, board.health(), twin.health())


def compare(bench: Bench, pcm: np.ndarray) -> Parting | None:
    """Run a clip, int16[n], on both sides; None where all stages are equal."""
    board, board_hashes = bench.board.trace_clip(pcm)
    twin, twin_hashes = bench.twin.trace_clip(pcm)
    if board_hashes[max(board_hashes)] != twin_hashes[max(twin_hashes)]:
        return _in_frontend(bench, pcm, board_hashes, twin_hashes)
    if bench.board.info().backend != bench.twin.info().backend:  # its steps are others
        return _in_run(bench, board, twin, Tail.SCORES.name.lower())
    return _in_steps(bench, board, twin)


def _in_frontend(
    bench: Bench, pcm: np.ndarray, board: dict[int, Hashes], twin: dict[int, Hashes]
) -> Parting:
    """The frames between the last hashes that are equal and the first that are not."""
    counts = sorted(set(board) & set(twin))
    unequal = next((n for n in counts if board[n] != twin[n]), None)
    if unequal is None:
        numbers = Numbers(np.array([max(board)]), np.array([max(twin)]))
        return Parting(numbers.difference(SAMPLES, counts[-1], "frames computed"), numbers)
    equal = max((n for n in counts if n < unequal), default=0)
    for frame in range(equal, unequal):
        found = _in_window(bench, window_of(bench, pcm, frame), frame)
        if found is not None:
            return found
    return _in_samples(bench, equal, unequal)


def window_of(bench: Bench, pcm: np.ndarray, frame: int) -> np.ndarray:
    """Samples of a frame."""
    start = frame * bench.manifest.hop_samples
    return pcm[start : start + bench.board.info().window_samples]


def _in_window(bench: Bench, window: np.ndarray, frame: int) -> Parting | None:
    """Both sides on one window, sent alone."""
    ours, _ = bench.board.trace_window(window)
    theirs, _ = bench.twin.trace_window(window)
    parted = (s for s in FrontendStage if ours.notes[s].crc32 != theirs.notes[s].crc32)
    stage = next(parted, None)
    if stage is None:
        return None
    again, _ = bench.board.trace_window(window)
    numbers = _window_numbers(bench, window, stage)
    points = bench.twin.trace_window(window, FrontendStage.WINDOWED)[0].total_bytes // 4
    scaled = len(numbers.host) == 1  # the numbers are equal, their exponents are not
    place = "exponent" if scaled else window_place(stage, numbers.first, points)
    difference = numbers.difference(stage.name.lower(), frame, place)
    same = [note.crc32 for note in ours.notes] == [note.crc32 for note in again.notes]
    return Parting(difference, numbers, same and difference.differing > 0, stage)


def _window_numbers(bench: Bench, window: np.ndarray, stage: FrontendStage) -> Numbers:
    """What a stage makes of a window; its exponents where only those differ."""
    (ours, board), (theirs, host) = (d.trace_window(window, stage) for d in bench.devices)
    dtype = FRONTEND_DTYPES[stage]
    numbers = Numbers(np.frombuffer(board, dtype), np.frombuffer(host, dtype))
    if not numbers.places.size:
        return Numbers(np.array([ours.exponent]), np.array([theirs.exponent]))
    return numbers


def _in_samples(bench: Bench, first: int, behind: int) -> Parting:
    """Every window sent alone is equal, so what reached the front-end was not what was sent."""
    board, host = (device.features()[first:behind] for device in bench.devices)
    numbers = Numbers(board.reshape(-1), host.reshape(-1))
    frame, mel_bin = divmod(numbers.first, board.shape[1])
    place = f"feature of mel bin {mel_bin}"
    return Parting(numbers.difference(SAMPLES, first + frame, place), numbers)


def _in_steps(bench: Bench, board: ClipResult, twin: ClipResult) -> Parting | None:
    """The same features: layers, scores and what is made of them."""
    steps = bench.manifest.frames // bench.manifest.step_frames
    first = _first_step(bench, steps)
    if first is None:
        return _in_run(bench, board, twin, RUN)
    ours, theirs = _stages(bench)
    notes = [device.trace_stages(first) for device in bench.devices]
    for here, there in common(ours, theirs):
        if notes[0][here].crc32 != notes[1][there].crc32:
            return _in_stage(bench, ours[here], (here, there), first - 1)
    return _of_result(bench, board, twin, RUN)  # asked again, no stage differs any more


def _stages(bench: Bench) -> tuple[list[Stage], list[Stage]]:
    """Stages of a step on both sides."""
    ours, theirs = (
        stages_of(bench.manifest, health.kernels, len(device.trace_stages(1)))
        for device, health in zip(
            bench.devices, (bench.board_health, bench.twin_health), strict=True
        )
    )
    return ours, theirs


def _first_step(bench: Bench, steps: int) -> int | None:
    """How many steps it takes until some stage differs; None where none does. By halving."""
    pairs = common(*_stages(bench))

    def differs(count: int) -> bool:
        ours, theirs = (device.trace_stages(count) for device in bench.devices)
        return any(ours[a].crc32 != theirs[b].crc32 for a, b in pairs)

    if not differs(steps):
        return None
    equal, unequal = 0, steps
    while unequal - equal > 1:
        middle = (equal + unequal) // 2
        equal, unequal = (equal, middle) if differs(middle) else (middle, unequal)
    return unequal


def _in_stage(bench: Bench, stage: Stage, place: tuple[int, int], step: int) -> Parting:
    data = [d.trace_stage(n, step) for d, n in zip(bench.devices, place, strict=True)]
    again = bench.board.trace_stage(place[0], step)
    numbers = Numbers(*(np.frombuffer(one, stage.dtype) for one in data))
    where = step_place(stage, numbers.first, bench.manifest.labels)
    difference = numbers.difference(stage.name, step * bench.manifest.step_frames, where)
    if stage.layer is not None:
        difference = replace(
            difference,
            layer=stage.number,
            tensor=stage.layer.tensor,
            operator=stage.layer.operator,
            kernel=stage.layer.kernel,
        )
    return Parting(difference, numbers, again == data[0] and difference.differing > 0)


def _in_run(bench: Bench, board: ClipResult, twin: ClipResult, stage: str) -> Parting | None:
    """The results of the clip itself, not of computing it anew; None where they are equal."""
    parting = _of_result(bench, board, twin, stage)
    return parting if parting.difference.differing else None


def _of_result(bench: Bench, board: ClipResult, twin: ClipResult, stage: str) -> Parting:
    board_scores, twin_scores = (np.array([*r.scores, r.decision]) for r in (board, twin))
    numbers = Numbers(board_scores, twin_scores)
    names = [*(f"class {label}" for label in bench.manifest.labels), "decision"]
    last = bench.manifest.frames - bench.manifest.step_frames
    return Parting(numbers.difference(stage, last, names[numbers.first]), numbers)
