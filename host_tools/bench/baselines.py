"""What TFLite-Micro with CMSIS-NN takes: constants, measured in August 2026."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BaselineLayer:
    """One layer in TFLite-Micro."""

    macs: int
    instructions: int


@dataclass(frozen=True)
class Baseline:
    """TFLite-Micro with CMSIS-NN on the same model, core and input, measured in August 2026.

    Attributes:
        flash_bytes: the whole program, with the model.
        ram_bytes: its arena with all objects, input and output.
        stack_bytes: peak of the inference.
        cycles: estimated as those of the bench are.
        layers: those with weights that were measured, in order.
    """

    instructions: int
    flash_bytes: int | None
    ram_bytes: int
    stack_bytes: int | None
    cycles: int | None = None
    layers: tuple[BaselineLayer, ...] = ()


FRONTEND = "frontend"
MLPERF = "mlperf_tiny_kws_int8"
_DEPTHWISE, _POINTWISE = BaselineLayer(72_000, 561_000), BaselineLayer(512_000, 1_069_000)
_M4F_LAYERS = (BaselineLayer(320_000, 1_118_000), *(_DEPTHWISE, _POINTWISE) * 4)
_TFLM_M4F = Baseline(7_700_362, 107_868, 23_920, 1_256, 9_180_000, _M4F_LAYERS)
# TFLite-Micro's micro_speech, of which only these two were measured.
_TFLM_FRONTEND = Baseline(105_000, None, 8_448, None)
BASELINES: dict[tuple[str, str], Baseline] = {
    (MLPERF, "cortex-m4f"): _TFLM_M4F,
    (MLPERF, "cortex-m4f-portable"): _TFLM_M4F,
    (MLPERF, "cortex-m3"): Baseline(10_547_166, 107_128, 23_920, 1_056, 16_985_435),
    (MLPERF, "cortex-m0plus"): Baseline(29_018_334, 118_024, 23_920, 1_084, 39_803_637),
    (MLPERF, "cortex-m55"): Baseline(1_787_859, 106_416, 28_444, 1_320),
    (FRONTEND, "cortex-m4f"): _TFLM_FRONTEND,
    (FRONTEND, "cortex-m4f-portable"): _TFLM_FRONTEND,
}
"""By model and core. The cycles of Cortex-M3 and M0+ are those of CMSIS-NN's kernels by cycles.py,
without the interpreter's 0.2 and 0.6 % of the instructions. Those of the Cortex-M4F are an older
estimate; the same model gives these kernels 1 % more, so the ratio does not flatter."""
