"""`sotto validate`: does the chip compute what the host computes, and how well does it hear?"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from host_tools.boards import DEFAULT_BOARD
from host_tools.build import Backend, Firmware
from host_tools.commands._options import (
    DEFAULT_GENERATED,
    ROOT,
    BackendOption,
    BoardOption,
    GeneratedOption,
    JobsOption,
    JsonOption,
    LimitOption,
    PortOption,
    SkipOption,
    TflmOption,
    choose_firmware,
    find_board,
    require_port,
)
from host_tools.commands._shown import show_finding
from host_tools.errors import EXIT_CHECK_FAILED, SottoError
from host_tools.progress import (
    Progress,
    TerminalProgress,
    print_json,
    result_console,
    talk_console,
)

if TYPE_CHECKING:
    from host_tools.boards import Board
    from host_tools.labelled import LabelledClip
    from host_tools.manifest import Manifest
    from host_tools.rig import Rig
    from host_tools.twin.run import Finding
    from host_tools.validate import Outcome, Validation

EXAMPLE = "Example: `sotto validate --data recordings --board stm32f405 --limit 100 --jobs 2`"

JOURNALS = Path("build/validate")
MOST_JOBS = 4


def command(
    data: Annotated[Path, typer.Option(metavar="DIR", help="Labelled folder: `<label>/*.wav`.")],
    board: BoardOption = DEFAULT_BOARD,
    port: PortOption = None,
    generated: GeneratedOption = DEFAULT_GENERATED,
    backend: BackendOption = None,
    tflm: TflmOption = None,
    jobs: JobsOption = None,
    limit: LimitOption = None,
    min_accuracy: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Exit 1 below this accuracy.")
    ] = None,
    skip_unreadable: SkipOption = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the same validation broke off.")
    ] = False,
    json_out: JsonOption = False,
) -> None:
    """Stream clips to a board and to its host twin; compare features, scores and decisions.

    Emulated boards are built and started when no --port is given. The twin runs the generated C, so
    with --backend tflm TFLite-Micro is compared with that.
    """
    from host_tools.labelled import usable_clips
    from host_tools.manifest import load_manifest

    target = find_board(board)
    check_target(target, port, jobs)
    # A board at a port has its firmware already.
    firmware = choose_firmware(target, None if port else backend, tflm)
    manifest = load_manifest(generated)
    progress = TerminalProgress()
    clips = usable_clips(data, manifest, limit, skip_unreadable=skip_unreadable, progress=progress)
    result = validate_board(
        target,
        clips,
        data,
        manifest,
        port=port,
        firmware=firmware,
        backend=backend,
        jobs=jobs,
        resume=resume,
        go_on="add --resume to go on",
        progress=progress,
    )
    if json_out:
        print_json(result.to_json())
    else:
        show(result)
    missed = min_accuracy is not None and result.accuracy < min_accuracy
    if missed:
        talk_console().print(f"accuracy {result.accuracy:.4f} is below {min_accuracy}")
    if missed or not result.identical:
        raise typer.Exit(EXIT_CHECK_FAILED)


def validate_board(
    board: Board,
    clips: list[LabelledClip],
    data: Path,
    manifest: Manifest,
    *,
    port: str | None,
    firmware: Firmware,
    backend: Backend | None,
    jobs: int | None,
    resume: bool,
    go_on: str,
    progress: Progress,
) -> Validation:
    """Run the clips on a board (started here unless `port` names one) and sum up.

    Args:
        firmware: what a board is started with.
        backend: what must run the model; None: any.
        go_on: what a user does to go on after a failure or Ctrl-C, in the imperative.
    """
    from host_tools.journal import Journal, journal_path
    from host_tools.validate import run_clips, sum_up, timing

    with _open_rig(board, len(clips), manifest, port, firmware, backend, jobs, progress) as rig:
        key = [manifest.model_hash, rig.firmware, rig.device.info().board, str(data.resolve())]
        with Journal(journal_path(ROOT / JOURNALS, key), resume=resume) as journal:
            if journal.entries:
                progress.note(f"resuming: {len(journal.entries)} clips were done before")
            outcomes = run_clips(rig.pairs, clips, data, manifest, journal, progress, go_on)
        finding = _stage_by_stage(rig, outcomes, data, manifest)
        device = rig.device.info()
        return sum_up(outcomes, timing(outcomes, device.tick_unit), device, manifest, finding)


def _stage_by_stage(
    rig: Rig, outcomes: list[Outcome], data: Path, manifest: Manifest
) -> Finding | None:
    """Where in the pipeline the first clip that differs parts, and why."""
    from host_tools.labelled import LabelledClip
    from host_tools.twin.compare import Bench
    from host_tools.twin.run import Clip, find
    from host_tools.validate import load_pcm

    first = next((one for one in outcomes if one.divergence), None)
    if first is None:
        return None
    pcm = load_pcm(LabelledClip(data / first.clip, first.label), manifest)
    return find(Bench.of(rig.device, rig.twins[0], manifest), Clip(first.clip, pcm))


def check_target(board: Board, port: str | None, jobs: int | None) -> None:
    """Refuse what cannot be validated, before anything is read or started."""
    if port is not None and jobs is not None and jobs > 1:
        raise SottoError(
            f"--jobs {jobs} with --port: a plugged-in board hears one clip at a time.",
            "Leave --jobs out.",
        )
    require_port(board, port)


def _open_rig(
    board: Board,
    clips: int,
    manifest: Manifest,
    port: str | None,
    firmware: Firmware,
    backend: Backend | None,
    jobs: int | None,
    progress: Progress,
) -> AbstractContextManager[Rig]:
    from host_tools.rig import emulated_rig, port_rig

    if port is not None:
        return port_rig(port, manifest, ROOT, progress=progress, backend=backend)
    count = min(jobs or min(os.cpu_count() or 1, MOST_JOBS), clips)
    return emulated_rig(
        board, manifest, ROOT, jobs=count, icount=True, progress=progress, firmware=firmware
    )


def show(result: Validation) -> None:
    """Print the figures for people."""
    from rich.markup import escape
    from rich.table import Table

    console = result_console()
    labels = result.labels
    table = Table(
        "said \\ heard",
        *map(escape, labels),
        title=f"{result.board}, {result.clips} clips",
        box=None,
    )
    for label, row in zip(labels, result.confusion, strict=True):
        if any(row):
            table.add_row(escape(label), *(str(n) if n else "." for n in row))
    console.print(table)
    console.print(
        f"accuracy {result.accuracy:.2%} (95 % interval {result.accuracy_low:.2%} to "
        f"{result.accuracy_high:.2%})"
    )
    stages = {
        "features": result.identical_features,
        "scores": result.identical_scores,
        "decisions": result.identical_decisions,
    }
    for stage, same in stages.items():
        console.print(f"identical {stage}: {same} of {result.clips}")
    time = result.timing
    console.print(
        f"{time.unit} per frame: mean {time.frame_mean:,.0f}, most {time.frame_max:,}; "
        f"per inference: mean {time.inference_mean:,.0f}, most {time.inference_max:,}"
    )
    console.print(f"model {result.model_hash}", markup=False)
    if result.first_divergence:
        words = result.first_divergence.describe(labels)
        console.print(f"first divergence: {words}", markup=False, style="bold red")
        if result.finding:
            show_finding(result.finding)
        else:
            console.print("sent anew, that clip is equal at every stage: try `sotto twin`")
    else:
        console.print(f"board and host are identical on all {result.clips} clips", style="green")
