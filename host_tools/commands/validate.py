"""`sotto validate`: does the chip compute what the host computes, and how well does it hear?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from host_tools.boards import BOARDS, DEFAULT_BOARD, Board
from host_tools.build import Backend
from host_tools.commands._options import (
    DEFAULT_GENERATED,
    ROOT,
    BackendOption,
    GeneratedOption,
    JobsOption,
    JsonOption,
    LimitOption,
    SkipOption,
    TflmOption,
    choose_firmware,
    find_board,
    require_port,
)
from host_tools.commands._shown import show_finding
from host_tools.errors import EXIT_CHECK_FAILED, EXIT_OK, SottoError
from host_tools.progress import (
    Progress,
    TerminalProgress,
    print_json,
    result_console,
    talk_console,
)

if TYPE_CHECKING:
    from host_tools.fleet import Comparison, Subject, Verdict
    from host_tools.validate import Validation

EXAMPLE = "Example: `sotto validate --data recordings --board stm32f405 --limit 100 --jobs 2`"

BoardsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--board",
        "-b",
        metavar="NAME",
        help=f"A board to emulate, or the name of the real one; may be repeated "
        f"[default: {DEFAULT_BOARD}]. One of {', '.join(BOARDS)}.",
    ),
]
PortsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--port",
        "-p",
        metavar="URL",
        help="Serial port or URL of a running board; may be repeated: /dev/ttyACM0, COM3, "
        "socket://127.0.0.1:4000.",
    ),
]


def command(
    data: Annotated[Path, typer.Option(metavar="DIR", help="Labelled folder: `<label>/*.wav`.")],
    board: BoardsOption = None,
    port: PortsOption = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every board that is plugged in or runs and answers.")
    ] = False,
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
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="DIR", help="Write report.html and report.json there."),
    ] = None,
    json_out: JsonOption = False,
) -> None:
    """Stream clips to boards and to their host twins; compare features, scores and decisions.

    Emulated boards are built and started when no --port is given. Several boards run at once and
    are compared with each other; one that fails does not stop the others. The twin runs the
    generated C, so with --backend tflm TFLite-Micro is compared with that.
    """
    from host_tools.fleet import Work, compare_boards, validate_fleet
    from host_tools.labelled import usable_clips
    from host_tools.manifest import load_manifest

    if every:
        _refuse_names(board, port)
    targets = [find_board(name) for name in board or ([] if port or every else [DEFAULT_BOARD])]
    subjects = _subjects(targets, port or [], backend, tflm, jobs)
    manifest = load_manifest(generated)
    progress = TerminalProgress()
    clips = usable_clips(data, manifest, limit, skip_unreadable=skip_unreadable, progress=progress)
    if every:
        subjects = _answering(backend, progress)
    go_on = "add --resume to go on"
    work = Work(clips, data, manifest, ROOT, resume, go_on, progress)
    verdicts = validate_fleet(subjects, work)
    if len(verdicts) == 1:
        verdicts[0].figures()  # or its failure, as any verb tells it
    comparisons = compare_boards(verdicts)
    _tell(verdicts, comparisons, json_out=json_out)
    if report is not None:
        from host_tools.report.fleet import write_fleet_report

        page = write_fleet_report(verdicts, comparisons, manifest, ROOT, report)
        talk_console().print(f"report: {page}", markup=False)
    code = _exit_code(verdicts, min_accuracy)
    if code != EXIT_OK:
        raise typer.Exit(code)


def _tell(verdicts: list[Verdict], comparisons: list[Comparison], *, json_out: bool) -> None:
    """Print the result, of one board as of old."""
    from host_tools.fleet import document

    alone = verdicts[0].validation if len(verdicts) == 1 else None
    if alone is not None:
        print_json(alone.to_json()) if json_out else show(alone)
    elif json_out:
        print_json(document(verdicts, comparisons))
    else:
        show_fleet(verdicts, comparisons)


def _refuse_names(board: list[str] | None, port: list[str] | None) -> None:
    if board or port:
        raise SottoError(
            "--all with --board or --port: it takes every board that answers.",
            "Leave --all out, or the others.",
        )


def _subjects(
    targets: list[Board],
    ports: list[str],
    backend: Backend | None,
    tflm: str | None,
    jobs: int | None,
) -> list[Subject]:
    """Each port, and each board that can be started here; refused before anything is read."""
    from host_tools.fleet import Subject

    started = [target for target in targets if target.kind != "hardware"]
    if ports and not started and jobs is not None and jobs > 1:
        raise SottoError(
            f"--jobs {jobs} with --port: a plugged-in board hears one clip at a time.",
            "Leave --jobs out.",
        )
    for target in targets:
        require_port(target, ports[0] if ports else None)
    # A board at a port has its firmware already.
    found = [Subject(port=port, backend=backend) for port in ports]
    found += [
        Subject(target, None, choose_firmware(target, backend, tflm), backend, jobs)
        for target in started
    ]
    names = [subject.name for subject in found]
    for name in names:
        if names.count(name) > 1:
            raise SottoError(f"{name} is named {names.count(name)} times", "Name each board once.")
    return found


def _answering(backend: Backend | None, progress: Progress) -> list[Subject]:
    """Everything that is plugged in or runs, and answers as sotto's firmware does."""
    from host_tools.devices.plugged import ask_all, plugged_in
    from host_tools.fleet import Subject

    answers = ask_all(plugged_in(ROOT))
    silent = {name: answer for name, answer in answers.items() if isinstance(answer, SottoError)}
    for name, error in silent.items():
        progress.note(f"{name} is left out: {error.message}")
    if len(silent) == len(answers):
        raise SottoError(
            f"no board answers at {len(answers)} ports",
            "Flash a board with `sotto flash`; `sotto devices --ask` lists who answers.",
        )
    return [Subject(port=name, backend=backend) for name in answers if name not in silent]


def _exit_code(verdicts: list[Verdict], min_accuracy: float | None) -> int:
    """A proven difference counts more than a board that failed."""
    code = EXIT_OK
    for verdict in verdicts:
        result = verdict.validation
        if result is None:
            code = code or (verdict.failure.exit_code if verdict.failure else EXIT_OK)
            continue
        missed = min_accuracy is not None and result.accuracy < min_accuracy
        if missed:
            talk_console().print(
                f"{verdict.title}: accuracy {result.accuracy:.4f} is below {min_accuracy}"
            )
        if missed or not result.identical:
            code = EXIT_CHECK_FAILED
    return code


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


def show_fleet(verdicts: list[Verdict], comparisons: list[Comparison]) -> None:
    """Print many boards for people: a row each, then how they differ, then why some failed."""
    from rich.markup import escape
    from rich.table import Table

    console = result_console()
    heads = ("clips", "same features", "scores", "decisions", "accuracy", "per inference", "")
    table = Table("board", *heads, box=None)
    for verdict in verdicts:
        result = verdict.validation
        if result is None:
            table.add_row(escape(verdict.title), str(len(verdict.outcomes)), style="bold red")
            continue
        same = (result.identical_features, result.identical_scores, result.identical_decisions)
        time = result.timing
        table.add_row(
            escape(verdict.title),
            *map(str, (result.clips, *same)),
            f"{result.accuracy:.2%}",
            f"{time.inference_mean:,.0f} {time.unit}",
            "as the host" if result.identical else "differs from the host",
        )
    console.print(table)
    labels = next((v.validation.labels for v in verdicts if v.validation is not None), ())
    for verdict in verdicts:
        if verdict.validation is not None and (first := verdict.validation.first_divergence):
            console.print(
                f"{verdict.title}, first divergence: {first.describe(labels)}", markup=False
            )
    for one in comparisons:
        names = " and ".join(one.boards)
        if one.first_difference is None:
            console.print(f"{names} are identical on {one.clips} clips", markup=False)
        else:
            place = one.first_difference.describe(labels)
            console.print(f"{names} differ first at {place}", markup=False, style="bold red")
    for verdict in verdicts:
        if (failure := verdict.failure) is not None:
            words = f"{verdict.title} failed: {failure.message} Next step: {failure.remedy}"
            console.print(words, markup=False, style="bold red")
