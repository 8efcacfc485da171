"""`sotto soak`: does the link hold on a bad line?"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from host_tools.boards import BOARDS, Board
from host_tools.commands._options import (
    DEFAULT_GENERATED,
    ROOT,
    GeneratedOption,
    JsonOption,
    SkipOption,
    find_board,
)
from host_tools.errors import EXIT_CHECK_FAILED, SottoError
from host_tools.link.transport import BAUD_RATE
from host_tools.progress import Progress, TerminalProgress, print_json, result_console

if TYPE_CHECKING:
    import numpy as np

    from host_tools.manifest import Manifest
    from host_tools.soak import Tally

EXAMPLE = "Example: `sotto soak --frames 1000000 --data recordings`, `sotto soak --fault flip`"

JOURNALS = Path("build/soak")


def command(
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Clips: `<label>/*.wav` [default: noise]."),
    ] = None,
    frames: Annotated[
        int, typer.Option(min=1, metavar="N", help="Frames that pass, in both directions.")
    ] = 100_000,
    count: Annotated[
        int | None,
        typer.Option(
            "--clips",
            min=1,
            metavar="N",
            help="In place of --frames: N different clips for each plan; of fewer recordings, "
            "the rest are the same turned round in time.",
        ),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", metavar="NAME", help="Only this plan; repeat it for more."),
    ] = None,
    probability: Annotated[
        float, typer.Option(min=0.0, max=0.5, help="Chance of a fault for each chunk.")
    ] = 0.05,
    baud: Annotated[int, typer.Option(min=1, help="Rate of the simulated line.")] = BAUD_RATE,
    seed: Annotated[int, typer.Option(min=0, help="Of the faults.")] = 1,
    board: Annotated[
        str | None,
        typer.Option(
            "--board",
            "-b",
            metavar="NAME",
            help="An emulated board, in real time [default: the host's firmware, in lockstep].",
        ),
    ] = None,
    generated: GeneratedOption = DEFAULT_GENERATED,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the same soak broke off.")
    ] = False,
    skip_unreadable: SkipOption = False,
    json_out: JsonOption = False,
) -> None:
    """Send clips to the firmware over a simulated line that loses, doubles and damages bytes.

    What comes back must be what comes back on a good line. The plan `clean` tells how much of a
    line audio can use; every fault is a plan, and `all` is all of them at once. No time is waited
    for, and the board computes in none, so a seed repeats everything.
    """
    from host_tools.journal import Journal, journal_path
    from host_tools.manifest import load_manifest
    from host_tools.rig import build_program
    from host_tools.soak import (
        Amount,
        Bench,
        Line,
        noise_clips,
        plan_names,
        soak,
        to_json,
        turned_clips,
    )

    target = _emulated(board) if board is not None else None
    manifest, progress = load_manifest(generated), TerminalProgress()
    known = plan_names(target)
    plans = fault or list(known)
    for name in plans:
        if name not in known:
            raise SottoError(f"there is no fault {name!r}", f"One of: {', '.join(known)}.")
    line = Line(probability, baud, seed)
    if data is None:
        clips = noise_clips(manifest.clip_samples, seed)
    else:
        clips = _recorded(data, manifest, skip_unreadable, progress)
    if count is not None:
        clips = turned_clips(clips, count)
    twin = build_program(BOARDS["host"], manifest, ROOT, progress)
    elf = twin if target is None else build_program(target, manifest, ROOT, progress)
    bench = Bench(twin, target, elf)
    heard = hashlib.sha256(b"".join(clip.tobytes() for clip in clips))
    firmware = hashlib.sha256(elf.read_bytes())
    facts = [firmware.hexdigest(), heard.hexdigest(), str(asdict(line))]
    amount = Amount(clips=count) if count is not None else Amount(-(-frames // len(plans)))
    with Journal(journal_path(JOURNALS, facts), resume=resume) as journal:
        tallies = soak(bench, clips, plans, amount, line, journal, progress)
    document = to_json(bench, tallies, line)
    if json_out:
        print_json(document)
    else:
        _show(tallies, baud, simulated=target is None)
    if not document["good"]:
        raise typer.Exit(EXIT_CHECK_FAILED)


def _emulated(name: str) -> Board:
    board = find_board(name)
    if board.kind != "emulated":
        names = ", ".join(one.name for one in BOARDS.values() if one.kind == "emulated")
        raise SottoError(f"{name} is not emulated", f"Give one of {names}, or no --board.")
    return board


def _recorded(
    data: Path, manifest: Manifest, skip_unreadable: bool, progress: Progress
) -> list[np.ndarray]:
    from host_tools.labelled import usable_clips
    from host_tools.validate import load_pcm

    usable = usable_clips(data, manifest, None, skip_unreadable=skip_unreadable, progress=progress)
    return [load_pcm(clip, manifest) for clip in usable]


def _show(tallies: list[Tally], baud: int, *, simulated: bool) -> None:
    """Print a table and one sentence; an emulated board's line has no rate."""
    from rich.table import Table

    console = result_console()
    counts = ("frames", "faults", "rejected", "clips", "wrong", "lost", "twice", "goodput")
    table = Table("plan", box=None)
    for name in counts:
        table.add_column(name, justify="right")
    for one in tallies:
        figures = (one.frames, sum(one.struck.values()), one.rejected, one.clips, one.wrong)
        table.add_row(
            one.plan,
            *(f"{value:,}" for value in (*figures, one.lost)),
            "-" if one.twice is None else f"{one.twice:,}",
            f"{one.goodput(baud):.1%}" if simulated else "-",
            style=None if one.good else "bold red",
        )
    console.print(table)
    total = sum(one.frames for one in tallies)
    clips = sum(one.clips for one in tallies)
    bad = [one.plan for one in tallies if not one.good]
    verdict = f"the link failed: {', '.join(bad)}" if bad else "nothing lost, doubled or corrupted"
    console.print(f"{total:,} frames, {clips:,} clips: {verdict}", markup=False)
