"""`sotto mlperf`: MLPerf Tiny's accuracy and performance runs, over its own serial protocol."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from host_tools.boards import DEFAULT_BOARD
from host_tools.commands._options import (
    DEFAULT_GENERATED,
    ROOT,
    BackendOption,
    BoardOption,
    GeneratedOption,
    JsonOption,
    LimitOption,
    PortOption,
    SkipOption,
    TflmOption,
    choose_firmware,
    find_board,
    require_port,
)
from host_tools.errors import EXIT_CHECK_FAILED
from host_tools.progress import (
    Progress,
    TerminalProgress,
    print_json,
    result_console,
    talk_console,
)

if TYPE_CHECKING:
    from host_tools.manifest import Manifest
    from host_tools.mlperf.dataset import Sample
    from host_tools.mlperf.run import Outcome

EXAMPLE = (
    "Example: `sotto mlperf --board stm32f405 --data recordings --limit 100`; on a real board "
    "first `sotto flash --program mlperf -b disco_f407`, then "
    "`sotto mlperf -b disco_f407 --port /dev/ttyUSB0 --data recordings`"
)


def command(
    data: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Labelled folder `<label>/*.wav`, or a data set of the benchmark."
        ),
    ],
    board: BoardOption = DEFAULT_BOARD,
    port: PortOption = None,
    generated: GeneratedOption = DEFAULT_GENERATED,
    backend: BackendOption = None,
    tflm: TflmOption = None,
    limit: LimitOption = None,
    inferences: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100_000,
            metavar="N",
            help="Inferences of a measurement [default: 10 seconds of them; in an emulator 10].",
        ),
    ] = None,
    baud: Annotated[
        int, typer.Option(min=1, help="Speed of a real board's serial line.")
    ] = 115_200,
    write_dataset: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write the inputs to DIR/kws01 for the official runner, and stop."
        ),
    ] = None,
    skip_unreadable: SkipOption = False,
    json_out: JsonOption = False,
) -> None:
    """Run MLPerf Tiny's keyword benchmark on a board, as its official runner would.

    The board runs the firmware `mlperf` (`sotto flash --program mlperf`), which speaks the
    benchmark's protocol and nothing else; emulated boards are built and started when no --port is
    given. An input is the model's window of features. The official runner measures the same
    firmware: docs/mlperf.md says how.
    """
    from host_tools.manifest import load_manifest

    target = find_board(board)
    if write_dataset is None:
        require_port(target, port)
    firmware = choose_firmware(target, None if port else backend, tflm, "mlperf")
    manifest = load_manifest(generated)
    progress = TerminalProgress()
    samples = _read(data, manifest, limit, skip_unreadable, progress)
    if write_dataset is not None:
        from host_tools.mlperf.dataset import write_dataset as write

        folder = write(write_dataset, samples, len(manifest.labels))
        if json_out:
            print_json({"dataset": str(folder), "inputs": len(samples)})
        else:
            result_console().print(str(folder), markup=False)
        return

    from host_tools.mlperf.rig import board_monitor, host_monitor
    from host_tools.mlperf.run import has_real_clock, run_accuracy, run_performance, sum_up

    with (
        board_monitor(
            target, port, manifest, ROOT, progress, baud, firmware=firmware, backend=backend
        ) as dut,
        host_monitor(manifest, ROOT, progress) as host,
    ):
        identity = dut.identity()
        answers = run_accuracy(dut, host, samples, progress)
        real = has_real_clock(identity)
        windows = run_performance(dut, samples, real, inferences, progress)
    outcome = sum_up(identity, answers, windows)
    if json_out:
        print_json(outcome.to_json())
    else:
        show(outcome)
    if not outcome.identical:
        talk_console().print("the board's results are not the host's")
        raise typer.Exit(EXIT_CHECK_FAILED)


def _read(
    data: Path, manifest: Manifest, limit: int | None, skip_unreadable: bool, progress: Progress
) -> list[Sample]:
    from host_tools.labelled import usable_clips
    from host_tools.mlperf.dataset import is_dataset, read_dataset, samples_of
    from host_tools.mlperf.rig import front_end

    if is_dataset(data):
        input_bytes = manifest.frames * manifest.bins
        return read_dataset(data, input_bytes, len(manifest.labels))[:limit]
    clips = usable_clips(data, manifest, limit, skip_unreadable=skip_unreadable, progress=progress)
    with front_end(manifest, ROOT, progress) as twin:
        return samples_of(clips, manifest, twin, progress)


def show(outcome: Outcome) -> None:
    """Print the figures for people."""
    console = result_console()
    who = outcome.identity
    console.print(f"{who.name}: {who.profile}, {who.task}, model {who.model_hash}", markup=False)
    console.print(
        f"accuracy (top 1) {outcome.accuracy:.2%} of {outcome.clips} inputs (95 % interval "
        f"{outcome.accuracy_low:.2%} to {outcome.accuracy_high:.2%})"
    )
    console.print(f"results equal to the host's: {outcome.same_results} of {outcome.clips}")
    if outcome.first_difference:
        first = outcome.first_difference
        console.print(
            f"first difference: {first.name}: board {first.results}, host {first.host_results}",
            markup=False,
            style="bold red",
        )
    windows = outcome.windows
    if outcome.is_measurement:
        console.print(f"median {outcome.median_inferences_per_s:,.3f} inferences a second")
        if not outcome.long_enough:
            console.print("not by the benchmark's rules: a measurement took less than 10 seconds")
        return
    mean_us = sum(w.elapsed_us for w in windows) / sum(w.inferences for w in windows)
    console.print(
        f"no measurement of speed: this board is emulated and its clock counts {who.tick_unit}; "
        f"by that clock an inference took {mean_us:,.0f} us"
    )
