"""The bench's attribution of instructions to the front-end's stages."""

from __future__ import annotations

import pytest

from host_tools.bench.stages import STAGES, stage_of


@pytest.mark.parametrize(
    ("files", "stage"),
    [
        (["/a/window.c"], "window"),
        (["/a/stages.h", "/a/window_dsp.c"], "window"),
        (["/a/instructions_armv7em.h", "/a/fft_dsp.c"], "FFT"),
        (["/a/radix4_pass_armv7em.c"], "FFT"),
        (["/a/weighted.h", "/a/band.h", "/a/features.c"], "mel"),
        (["/a/features.c"], "mel"),
        (["/a/band_dsp.h", "/a/log_mel.h", "/a/features.c"], "logarithm"),
        (["/a/frontend.c"], "samples"),
        (["??"], "C library"),
    ],
)
def test_an_instruction_is_of_the_stage_whose_file_it_comes_from(
    files: list[str], stage: str
) -> None:
    assert stage_of(files) == stage
    assert stage in {*STAGES.values(), "C library"}
