"""The parts of `sotto evaluate`: what is heard, by whom, and what is left behind."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from host_tools.commands._options import ROOT
from host_tools.errors import EXIT_CHECK_FAILED, SottoError
from host_tools.progress import Progress

if TYPE_CHECKING:
    from host_tools.boards import Board
    from host_tools.evaluation.listen import Listener
    from host_tools.evaluation.measure import Room, Streams
    from host_tools.evaluation.result import Document, Evaluation
    from host_tools.manifest import Manifest
    from host_tools.rig import Rig

SCORES = Path("build/evaluate/scores")
DEFAULT_SNRS_DB = (20.0, 10.0, 5.0)
WINDOW_STRIDE_S = 0.1
"""Default time between two steps of a window model."""


class Conditions:
    """What was asked for, checked before anything is read."""

    def __init__(
        self,
        noise: list[str] | None,
        snr: list[float] | None,
        choose_in: str,
        *,
        clips: bool,
        streams: bool,
    ) -> None:
        from host_tools.evaluation.conditions import CLEAN, clip_conditions, noisy_conditions
        from host_tools.evaluation.noise import KINDS

        if unknown := [name for name in noise or [] if name not in KINDS]:
            raise SottoError(
                f"There is no noise {unknown[0]!r}.", f"Use one of: {', '.join(KINDS)}."
            )
        if not clips and not streams:
            raise SottoError("--no-clips and --no-streams leave nothing.", "Leave one out.")
        kinds = [kind for kind in KINDS if noise is None or kind in noise]
        snrs_db = DEFAULT_SNRS_DB if snr is None else tuple(snr)
        self.clips = tuple(clip_conditions(kinds, snrs_db)) if clips else ()
        noisy = noisy_conditions(kinds, snrs_db)
        self.streams = (CLEAN, *noisy) if streams else ()
        self.choose_in = choose_in
        names = [one.name for one in self.streams]
        if streams and choose_in not in names:
            raise SottoError(
                f"--choose-in {choose_in!r} is none of the conditions.",
                f"Use one of: {', '.join(names)}.",
            )


def furnish(
    data: Path,
    negatives: list[Path],
    manifest: Manifest,
    conditions: Conditions,
    *,
    hours: float | None,
    false_accepts: float,
    per_word: bool,
    gate_margin_db: float,
    limit: int | None,
    skip_unreadable: bool,
    progress: Progress,
) -> Room:
    """Read everything that is heard."""
    from host_tools.evaluation.measure import Room, babble_source, require_negatives
    from host_tools.evaluation.recordings import load_labelled, load_negatives

    recordings = load_labelled(
        data, manifest, limit=limit, skip_unreadable=skip_unreadable, progress=progress
    )
    recordings += load_negatives(
        negatives, manifest, skip_unreadable=skip_unreadable, progress=progress
    )
    if conditions.streams:
        require_negatives(recordings, manifest)
    return Room(
        data=str(data),
        recordings=tuple(recordings),
        noises=babble_source(recordings, manifest),
        clip_conditions=conditions.clips,
        stream_conditions=conditions.streams,
        hours=hours,
        wanted_per_hour=false_accepts,
        choose_in=conditions.choose_in,
        per_word=per_word,
        gate_margin_db=gate_margin_db,
    )


def evaluate_on_host(
    folder: Path,
    manifest: Manifest,
    room: Room,
    stride_ms: float | None,
    jobs: int,
    progress: Progress,
) -> Evaluation:
    """One model through the room."""
    from host_tools.evaluation.measure import audio_facts, measure_clips
    from host_tools.evaluation.result import Evaluation, ModelFacts, Speed

    listener = _host_listener(folder, manifest, stride_ms, jobs, progress)
    geometry = listener.program.geometry
    clips = measure_clips(listener, room, manifest.labels)
    streams = _host_streams(listener, room, manifest, progress) if room.stream_conditions else None
    work = listener.work
    return Evaluation(
        model=ModelFacts(
            name=manifest.name,
            model_hash=manifest.model_hash,
            labels=manifest.labels,
            form="streaming" if geometry.streaming else "window",
            step_ms=1000 * geometry.step_seconds(listener.stride_frames),
            heard_by="host program",
        ),
        audio=audio_facts(room, streams, manifest),
        clips=clips,
        chosen=streams.chosen if streams else None,
        streams=streams.results if streams else (),
        speed=Speed(work.audio_s, work.wall_s, work.times_real_time, jobs),
    )


def _host_listener(
    folder: Path, manifest: Manifest, stride_ms: float | None, jobs: int, progress: Progress
) -> Listener:
    from host_tools.evaluation.listen import Listener
    from host_tools.evaluation.program import build_program
    from host_tools.evaluation.store import ScoreStore

    with progress.task(f"Building the host program of {manifest.name}", total=1) as task:
        program = build_program(folder, ROOT)
        task.advance()
    geometry = program.geometry
    stride = geometry.stride_frames(stride_ms / 1000 if stride_ms else WINDOW_STRIDE_S)
    if stride_ms and geometry.streaming:
        progress.note(f"{manifest.name} is a streaming model: --stride-ms does not count for it")
    return Listener(program, stride, ScoreStore(ROOT / SCORES), jobs, progress)


def _host_streams(
    listener: Listener, room: Room, manifest: Manifest, progress: Progress
) -> Streams:
    from host_tools.evaluation.measure import measure_gate, measure_streams

    streams = measure_streams(listener, room, manifest, progress)
    if room.gate_margin_db > 0:
        streams = measure_gate(listener, room, streams, manifest, progress)
    return streams


def compared(evaluations: list[Evaluation], room: Room) -> Document:
    """All models, and which of them hear more of the clean clips right."""
    import numpy as np

    from host_tools.evaluation.compare import compare
    from host_tools.evaluation.result import Document

    if len(evaluations) < 2 or not room.clip_conditions:
        return Document(tuple(evaluations), ())
    said = np.array([one.label for one in room.clips])
    right = [np.array(one.clips[0].decisions) == said for one in evaluations]
    return Document(tuple(evaluations), tuple(compare(_names(evaluations), right)))


def _names(evaluations: list[Evaluation]) -> list[str]:
    """Names of the models; with their hash where two have the same."""
    names = [one.model.name for one in evaluations]
    return [
        name if names.count(name) == 1 else f"{name} {one.model.model_hash[:8]}"
        for name, one in zip(names, evaluations, strict=True)
    ]


def write_document(document: Document, out: Path, *, plot: bool) -> None:
    """Leave evaluation.json, and pictures if they are wanted."""
    from host_tools.evaluation import DOCUMENT_NAME
    from host_tools.evaluation.figures import plots
    from host_tools.files import write_atomically

    fields: dict[str, Any] = document.to_json()
    write_atomically(out / DOCUMENT_NAME, json.dumps(fields, indent=1).encode())
    if plot:
        for number, model in enumerate(fields["models"]):
            prefix = f"{number + 1}-" if len(fields["models"]) > 1 else ""
            for name, picture in plots(model).items():
                write_atomically(out / f"{prefix}{name}.svg", picture.encode())


def evaluate_on_board(
    board: Board,
    port: str | None,
    folder: Path,
    manifest: Manifest,
    room: Room,
    stride_ms: float | None,
    jobs: int,
    progress: Progress,
) -> Evaluation:
    """Clips through a board (started here unless `port` names one), in every condition.

    For streams the host program chooses the setting; the board gets it over the link and hears the
    stretches that figures are reported on, in the condition that the setting was chosen in.
    """
    from host_tools.evaluation.board import BoardListener
    from host_tools.evaluation.measure import audio_facts, measure_clips
    from host_tools.evaluation.relisten import on_boards
    from host_tools.evaluation.result import Evaluation, ModelFacts, Speed
    from host_tools.evaluation.store import ScoreStore

    host = _host_listener(folder, manifest, stride_ms, jobs, progress)
    streams = _host_streams(host, room, manifest, progress) if room.stream_conditions else None
    heard = None
    with _open_rig(board, port, manifest, jobs, progress) as rig:
        store = ScoreStore(ROOT / SCORES)
        listener = BoardListener(rig.devices, rig.firmware, manifest, store, progress)
        clips = measure_clips(listener, room, manifest.labels)
        if streams:
            ears = streams.ears[room.choose_in]
            with progress.task("Streams on the board", total=1) as task:
                heard = on_boards(
                    rig.devices, host.program, streams.setting, ears, streams.reported
                )
                task.advance()
        name = rig.device.info().board
    work = listener.work
    geometry = host.program.geometry
    return Evaluation(
        model=ModelFacts(
            name=manifest.name,
            model_hash=manifest.model_hash,
            labels=manifest.labels,
            form="streaming" if geometry.streaming else "window",
            step_ms=1000 * geometry.step_seconds(host.stride_frames),
            heard_by=name,
        ),
        audio=audio_facts(room, streams, manifest),
        clips=clips,
        chosen=streams.chosen if streams else None,
        streams=streams.results if streams else (),
        speed=Speed(work.audio_s, work.wall_s, work.times_real_time, len(rig.devices)),
        board_streams=heard,
    )


def require_same_words(found: Evaluation) -> None:
    """Refuse a board that hears other words than the host program.

    Raises:
        SottoError: with the number of stretches that differ.
    """
    heard = found.board_streams
    if heard is not None and heard.differing:
        raise SottoError(
            f"{found.model.heard_by} heard other words than the host program in {heard.differing} "
            f"of {heard.stretches} stretches.",
            "Run `sotto validate` on the board: it names the stage that differs.",
            EXIT_CHECK_FAILED,
        )


def _open_rig(
    board: Board, port: str | None, manifest: Manifest, jobs: int, progress: Progress
) -> AbstractContextManager[Rig]:
    from host_tools.rig import emulated_rig, port_rig

    if port is not None:
        return port_rig(port, manifest, ROOT, progress=progress)
    return emulated_rig(board, manifest, ROOT, jobs=jobs, icount=True, progress=progress)


def write_chosen(found: Evaluation, generated: Path, out: Path) -> None:
    """Make the chosen setting the default of a generated folder.

    Raises:
        SottoError: no setting kept to the rate of false accepts.
    """
    from host_tools.commands._training import write_detection

    chosen = found.chosen
    if chosen is None or not chosen.reached:
        raise SottoError(
            "No setting keeps to the rate of false accepts, so none was written.",
            "Allow more with --false-accepts, give more negatives, or train a better model.",
            EXIT_CHECK_FAILED,
        )
    stream = next(one for one in found.streams if one.condition == chosen.condition)
    measured = {
        "condition": chosen.condition,
        "wanted_per_hour": chosen.wanted_per_hour,
        "held_per_hour": chosen.held_per_hour,
        "miss": asdict(stream.reported.miss),
        "false_accepts": asdict(stream.reported.false_accepts),
    }
    fields = chosen.detection_fields(found.model.step_ms, found.model.labels)
    write_detection(generated, fields | {"measured": measured}, out)
