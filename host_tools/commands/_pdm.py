"""What the PDM decimator passes, folds and costs: `python -m host_tools.commands._pdm`.

Prints the response of the designed filters and, of the C on an emulated Cortex-M4F, instructions
and memory; draws docs/microphone_response.svg when asked to.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from host_tools.bench import measure
from host_tools.bench.cores import CORES
from host_tools.commands._bench_engine import run_to_exit_code
from host_tools.errors import EXIT_OK
from host_tools.files import write_atomically
from host_tools.progress import TerminalProgress

CORE = "cortex-m4f"
BLOCKS_PER_SECOND = 100
_STEP_HZ = 20.0
_FLOOR = 1e-9
_SHOWN_HZ = 100_000
_EDGE_HZ = 10_000


def _decibels(order: int, pdm_hz: int) -> tuple[Any, Any]:
    """Frequencies of the microphone's line and the chain's response to them, in dB."""
    import numpy as np

    from training.pdm_design import design, response

    frequencies = np.arange(0, pdm_hz / 2, _STEP_HZ)
    amplitude = response(design(order), pdm_hz, frequencies)
    return frequencies, 20 * np.log10(np.maximum(amplitude, _FLOOR))


def quality(order: int, pdm_hz: int) -> dict[str, Any]:
    """Ripple in the band, and the loudest of what may fold into it."""
    from training.pdm_design import PASS_HZ, STOP_HZ

    frequencies, decibels = _decibels(order, pdm_hz)
    flat = decibels[frequencies <= PASS_HZ]
    return {
        "order": order,
        "pdm_hz": pdm_hz,
        "ripple_db": float(flat.max() - flat.min()),
        "stop_db": float(decibels[frequencies >= STOP_HZ].max()),
    }


def cost(pdm_hz: int) -> dict[str, Any]:
    """Instructions for a second of audio on an emulated Cortex-M4F, and memory, at order 4.

    Raises:
        SottoError: it does not build or run, or gives other samples than whole numbers do.
    """
    from training.pdm_design import decimate, design

    bits = measure.bench_input(pdm_hz // 8 // BLOCKS_PER_SECOND)
    job = measure.Job(
        model="pdm",
        sources={"bench_pdm.h": f"#define BENCH_PDM_HZ {pdm_hz}u\n"},
        expected=decimate(design(4), pdm_hz, bits).astype("<i2").tobytes(),
        subject=measure.PDM,
    )
    figures = measure.bench(job, CORES[CORE])
    return {
        "pdm_hz": pdm_hz,
        "instructions_per_s": figures.instructions * BLOCKS_PER_SECOND,
        "by_function_per_s": {
            layer.function: layer.instructions * BLOCKS_PER_SECOND for layer in figures.layers
        },
        "ram_bytes": figures.ram_bytes,
        "stack_bytes": figures.stack_bytes,
    }


def picture() -> str:
    """The response at the lowest clock: far out, and in the band."""
    import matplotlib
    from matplotlib.figure import Figure

    from host_tools.report.figures import BLUE, GREY, ORANGE, STYLE, svg
    from training.pdm_design import ORDERS, PASS_HZ, RATES_HZ

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.0, 2.8), layout="constrained")
        far, near = figure.subplots(1, 2)
        for order, colour in zip(ORDERS, (ORANGE, BLUE), strict=True):
            frequencies, decibels = _decibels(order, RATES_HZ[0])
            shown = frequencies <= _SHOWN_HZ
            far.plot(frequencies[shown] / 1e3, decibels[shown], color=colour, lw=0.8)
            shown = frequencies <= _EDGE_HZ
            near.plot(
                frequencies[shown] / 1e3, decibels[shown], color=colour, label=f"order {order}"
            )
        far.set_title("what folds into the band, at 1.024 MHz", loc="left")
        far.set_ylim(-120, 5)
        near.set_title("the band", loc="left")
        near.set_ylim(-1, 0.25)
        near.axvline(PASS_HZ / 1e3, color=GREY, lw=0.8)
        near.legend(frameon=False, loc="lower left")
        for panel in (far, near):
            panel.set_xlabel("kHz on the microphone's line")
            panel.set_ylabel("dB")
            panel.grid(axis="y")
        return svg(figure)


def _main(options: argparse.Namespace) -> int:
    from training.pdm_design import ORDERS, RATES_HZ

    if options.picture:
        write_atomically(options.picture, picture().encode())
    responses = [quality(order, rate) for order in ORDERS for rate in RATES_HZ]
    costs = []
    with TerminalProgress().task("benching", len(RATES_HZ)) as task:
        for rate in RATES_HZ:
            costs.append(cost(rate))
            task.advance()
    if options.json:
        print(json.dumps({"core": CORE, "response": responses, "cost": costs}, indent=2))
        return EXIT_OK
    for row in responses:
        print(
            "order {order}, {pdm_hz:>9,} Hz: ripple {ripple_db:.3f} dB, "
            "from 9 kHz on {stop_db:.1f} dB".format(**row)
        )
    for row in costs:
        parts = ", ".join(f"{name} {count:,}" for name, count in row["by_function_per_s"].items())
        print(
            "{pdm_hz:>9,} Hz on {core}: {instructions_per_s:,} instructions a second, "
            "{ram_bytes} B RAM, {stack_bytes} B stack ({parts})".format(
                core=CORE, parts=parts, **row
            )
        )
    return EXIT_OK


def main(arguments: Sequence[str]) -> int:
    """Print response and cost; draw the picture when asked to."""
    parser = argparse.ArgumentParser(prog="_pdm", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--picture", type=Path, metavar="OUT.svg", help="draw the response there")
    options = parser.parse_args(arguments)
    return run_to_exit_code(lambda: _main(options))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
