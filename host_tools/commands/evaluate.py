"""`sotto evaluate`: what a model will hear in a room, with how sure that is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from host_tools.commands._options import DEFAULT_GENERATED, ROOT, JsonOption
from host_tools.errors import SottoError
from host_tools.progress import Progress, TerminalProgress, print_json

if TYPE_CHECKING:
    from host_tools.evaluation.measure import Room
    from host_tools.evaluation.result import Document, Evaluation
    from host_tools.manifest import Manifest

EXAMPLE = "Example: `sotto evaluate --data recordings --negatives podcasts --snr 10 --plot`"

OUT = Path("build/evaluate")
SCORES = Path("build/evaluate/scores")
DEFAULT_SNRS_DB = (20.0, 10.0, 5.0)
DEFAULT_WANTED_PER_HOUR = 0.1
WINDOW_STRIDE_S = 0.1
"""Default time between two steps of a window model."""


def command(
    models: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[MODEL]...",
            help="Generated folders or .tflite files; several are compared [default: generated].",
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Labelled folder: `<label>/*.wav`.")
    ] = None,
    negatives: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR", help="Recordings without the words, of any length; may be repeated."
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(metavar="A,B,...", help="Labels of .tflite files [default: of generated/]."),
    ] = None,
    snr: Annotated[
        list[float] | None,
        typer.Option(metavar="DB", help="Word over noise; may be repeated [default: 20, 10, 5]."),
    ] = None,
    noise: Annotated[
        list[str] | None,
        typer.Option(help="white, pink or babble; may be repeated [default: all]."),
    ] = None,
    hours: Annotated[
        float | None,
        typer.Option(min=0.01, help="Length of a stream [default: every recording once]."),
    ] = None,
    false_accepts: Annotated[
        float,
        typer.Option("--false-accepts", min=0.0, help="Wanted an hour; chooses the threshold."),
    ] = DEFAULT_WANTED_PER_HOUR,
    choose_in: Annotated[
        str, typer.Option(metavar="CONDITION", help="Where it is chosen: clean, 'babble 10 dB'.")
    ] = "clean",
    stride_ms: Annotated[
        float | None,
        typer.Option(min=1.0, help="Time between steps of a window model [default: 100]."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only N clips, balanced over labels.")
    ] = None,
    no_clips: Annotated[bool, typer.Option("--no-clips", help="Leave single clips out.")] = False,
    no_streams: Annotated[
        bool, typer.Option("--no-streams", help="Leave long streams out.")
    ] = False,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="Go on without files that cannot be read.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Processes [default: one a processor].")
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of evaluation.json and plots.")
    ] = OUT,
    plot: Annotated[bool, typer.Option("--plot", help="Draw the figures as SVG files.")] = False,
    json_out: JsonOption = False,
) -> None:
    """Hear clips and long streams by the deployed int8 C code, clean and in noise.

    Tells accuracy, miss rate against false accepts an hour, latency and the setting to use, all
    with 95 % intervals. Scores are kept: an interrupted evaluation goes on where it was.
    """
    from host_tools.commands._evaluated import generated_folder, require_same_labels
    from host_tools.commands.export import read_labels
    from host_tools.manifest import load_manifest

    if data is None:
        raise SottoError("--data is missing.", "Give it a folder of `<label>/*.wav` clips.")
    conditions = _Conditions(noise, snr, choose_in, clips=not no_clips, streams=not no_streams)
    progress = TerminalProgress()
    names = read_labels(labels) if labels is not None else None
    folders = [generated_folder(model, names, progress) for model in models or [DEFAULT_GENERATED]]
    manifests = [load_manifest(folder) for folder in folders]
    require_same_labels(manifests)
    room = _furnish(
        data,
        negatives or [],
        manifests[0],
        conditions,
        hours=hours,
        false_accepts=false_accepts,
        limit=limit,
        skip_unreadable=skip_unreadable,
        progress=progress,
    )
    workers = jobs or os.cpu_count() or 1
    evaluations = [
        _evaluate(folder, manifest, room, stride_ms, workers, progress)
        for folder, manifest in zip(folders, manifests, strict=True)
    ]
    document = _compared(evaluations, room)
    _write(document, out, plot=plot)
    if json_out:
        print_json(document.to_json())
    else:
        from host_tools.evaluation.show import show

        show(document, out)


class _Conditions:
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


def _furnish(
    data: Path,
    negatives: list[Path],
    manifest: Manifest,
    conditions: _Conditions,
    *,
    hours: float | None,
    false_accepts: float,
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
    )


def _evaluate(
    folder: Path,
    manifest: Manifest,
    room: Room,
    stride_ms: float | None,
    jobs: int,
    progress: Progress,
) -> Evaluation:
    """One model through the room."""
    from host_tools.evaluation.listen import Listener
    from host_tools.evaluation.measure import audio_facts, measure_clips, measure_streams
    from host_tools.evaluation.program import build_program
    from host_tools.evaluation.result import Evaluation, ModelFacts, Speed
    from host_tools.evaluation.store import ScoreStore

    with progress.task(f"Building the host program of {manifest.name}", total=1) as task:
        program = build_program(folder, ROOT)
        task.advance()
    geometry = program.geometry
    stride = geometry.stride_frames(stride_ms / 1000 if stride_ms else WINDOW_STRIDE_S)
    if stride_ms and geometry.streaming:
        progress.note(f"{manifest.name} is a streaming model: --stride-ms does not count for it")
    listener = Listener(program, stride, ScoreStore(ROOT / SCORES), jobs, progress)
    clips = measure_clips(listener, room, manifest.labels)
    streams = None
    if room.stream_conditions:
        streams = measure_streams(listener, room, manifest, progress)
    work = listener.work
    return Evaluation(
        model=ModelFacts(
            name=manifest.name,
            model_hash=manifest.model_hash,
            labels=manifest.labels,
            form="streaming" if geometry.streaming else "window",
            step_ms=1000 * geometry.step_seconds(stride),
            heard_by="host program",
        ),
        audio=audio_facts(room, streams, manifest.sample_rate_hz),
        clips=clips,
        chosen=streams.chosen if streams else None,
        streams=streams.results if streams else (),
        speed=Speed(work.audio_s, work.wall_s, work.times_real_time, jobs),
    )


def _compared(evaluations: list[Evaluation], room: Room) -> Document:
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


def _write(document: Document, out: Path, *, plot: bool) -> None:
    from host_tools.evaluation.figures import plots
    from host_tools.evaluation.result import DOCUMENT_NAME
    from host_tools.files import write_atomically

    fields: dict[str, Any] = document.to_json()
    write_atomically(out / DOCUMENT_NAME, json.dumps(fields, indent=1).encode())
    if plot:
        for number, model in enumerate(fields["models"]):
            prefix = f"{number + 1}-" if len(fields["models"]) > 1 else ""
            for name, picture in plots(model).items():
                write_atomically(out / f"{prefix}{name}.svg", picture.encode())
