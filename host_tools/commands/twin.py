"""`sotto twin`: where do a board and the same C on this computer part, and why?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from host_tools.boards import DEFAULT_BOARD
from host_tools.commands._options import (
    DEFAULT_GENERATED,
    ROOT,
    BoardOption,
    GeneratedOption,
    JsonOption,
    PortOption,
    SkipOption,
    find_board,
    require_port,
)
from host_tools.commands._shown import show_finding
from host_tools.errors import EXIT_CHECK_FAILED, SottoError
from host_tools.progress import Progress, TerminalProgress, print_json, result_console

if TYPE_CHECKING:
    from host_tools.manifest import Manifest
    from host_tools.twin.run import Clip, Examination
    from host_tools.twin.timing import Timing

EXAMPLE = "Example: `sotto twin --data recordings --limit 5 --port /dev/ttyACM0 --timing`"

DEFAULT_CLIPS = 10
TIMED_CLIPS = 2
"""Every frame of them is sent alone: enough for hundreds of frames and steps."""


def command(
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Labelled folder: `<label>/*.wav`.")
    ] = None,
    clips: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A recording, cut or padded to a clip; may be repeated."),
    ] = None,
    port: PortOption = None,
    board: BoardOption = DEFAULT_BOARD,
    generated: GeneratedOption = DEFAULT_GENERATED,
    limit: Annotated[
        int, typer.Option(min=1, metavar="N", help="Of --data, only N clips.")
    ] = DEFAULT_CLIPS,
    timing: Annotated[
        bool, typer.Option("--timing", help="Time each stage by the board's counter, too.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write an HTML page with a picture.")
    ] = None,
    skip_unreadable: SkipOption = False,
    json_out: JsonOption = False,
) -> None:
    """Compare every stage of clips between a board and its twin on this computer.

    Names the first stage, frame, layer and number that differ, and what may be the cause.
    """
    from host_tools.manifest import load_manifest

    target = find_board(board)
    require_port(target, port)
    manifest = load_manifest(generated)
    progress = TerminalProgress()
    chosen = _clips(data, clips or [], manifest, limit, skip_unreadable, progress)
    from host_tools.rig import emulated_rig, port_rig
    from host_tools.twin.compare import Bench
    from host_tools.twin.run import Examination, examine
    from host_tools.twin.timing import measure

    opened = (
        port_rig(port, manifest, ROOT, progress=progress)
        if port is not None
        else emulated_rig(target, manifest, ROOT, jobs=1, icount=True, progress=progress)
    )
    with opened as rig:
        bench = Bench.of(rig.device, rig.twins[0], manifest)
        findings = examine(bench, chosen, progress)
        found = Examination(bench.board.info(), bench.board.health(), len(chosen), tuple(findings))
        if timing:
            timed = [clip.pcm for clip in chosen[:TIMED_CLIPS]]
            found = replace(found, timing=measure(bench, timed, progress))
    if report is not None:
        from host_tools.report.twin_page import write_page

        write_page(found, manifest, report)
    if json_out:
        print_json(found.to_json())
    else:
        show(found)
    if found.complaint or not found.identical:
        raise typer.Exit(EXIT_CHECK_FAILED)


def _clips(
    data: Path | None,
    files: list[Path],
    manifest: Manifest,
    limit: int,
    skip_unreadable: bool,
    progress: Progress,
) -> list[Clip]:
    from host_tools.audio import fit_length, read_clip
    from host_tools.labelled import usable_clips
    from host_tools.twin.run import Clip
    from host_tools.validate import load_pcm

    if data is None and not files:
        raise SottoError(
            "There are no clips to compare.", "Give --data DIR, or --clips FILE, or both."
        )
    rate_hz, samples = manifest.sample_rate_hz, manifest.clip_samples
    chosen = [Clip(str(path), fit_length(read_clip(path, rate_hz), samples)) for path in files]
    if data is not None:
        found = usable_clips(
            data, manifest, limit, skip_unreadable=skip_unreadable, progress=progress
        )
        chosen += [
            Clip(one.path.relative_to(data).as_posix(), load_pcm(one, manifest)) for one in found
        ]
    return chosen


def show(found: Examination) -> None:
    """Print what was found for people."""
    console = result_console()
    if found.timing is not None:
        show_timing(found.timing)
    if found.complaint:
        console.print(f"the board says of itself: {found.complaint}", markup=False, style="red")
    if found.unseen:
        console.print(found.unseen, markup=False)
    if found.identical:
        stages = "all that was compared" if found.unseen else "every stage"
        console.print(
            f"{found.device.board} and host are identical at {stages} of {found.clips} clips",
            style="green",
        )
        return
    console.print(f"{len(found.findings)} of {found.clips} clips differ; the first of them:")
    show_finding(found.findings[0])


def show_timing(timing: Timing) -> None:
    """Print what each stage takes."""
    from rich.table import Table

    clock = f"{timing.ticks_hz:,} a second"
    table = Table(
        *("stage", "per", "mean", "p50", "p99", "most"),
        title=f"{timing.unit} ({clock}) of {timing.clips} clips",
        box=None,
    )
    for row in timing.stages:
        numbers = (row.mean, row.p50, row.p99, row.most)
        table.add_row(row.stage, row.per, *(f"{number:,.0f}" for number in numbers))
    result_console().print(table)
    result_console().print(
        f"always on: {timing.ticks_per_audio_s:,.0f} {timing.unit} a second of audio, "
        f"{timing.load:.2%} of the board's {clock}",
        markup=False,
    )
