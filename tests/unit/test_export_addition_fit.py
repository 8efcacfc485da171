"""One step in place of TensorFlow Lite's three roundings: equal for every pair of inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.export.addition_fit import FRACTION_BITS, fit_addition, reference_sums
from training.export.fixed_point import requantize
from training.export.program import AddParams

SHORTCUT = AddParams(
    elements=1,
    input1_offset=128,
    input2_offset=5,
    output_offset=-128,
    input1_multiplier=1_606_775_884,
    input1_shift=-2,
    input2_multiplier=2**30,
    input2_shift=0,
    output_multiplier=2_097_116_392,
    output_shift=-18,
    activation_min=-128,
    activation_max=127,
)
STORED = np.arange(-128, 128)


def test_results_are_those_of_the_reference() -> None:
    p = SHORTCUT
    for value1, value2 in ((-128, -128), (-128, 127), (3, -5), (127, 127), (0, 1)):
        term1 = requantize((value1 + 128) << 20, p.input1_multiplier, p.input1_shift)
        term2 = requantize((value2 + 5) << 20, p.input2_multiplier, p.input2_shift)
        total = requantize(term1 + term2, p.output_multiplier, p.output_shift) - 128
        found = reference_sums(p)[value1 + 128, value2 + 128]
        assert found == min(max(total, -128), 127)


@pytest.mark.parametrize("multiplier", [2**30, 1_606_775_884, 2**31 - 1])
@pytest.mark.parametrize("offset", [-100, 5, 90])
def test_a_fit_gives_every_result(multiplier: int, offset: int) -> None:
    params = replace(SHORTCUT, input1_multiplier=multiplier, input2_offset=offset)
    fit = fit_addition(params)
    assert fit is not None
    sums = STORED[:, None] * fit.factor1 + STORED * fit.factor2 + fit.beta
    assert np.abs(sums).max() < 2**31
    results = np.clip(sums >> FRACTION_BITS, -128, 127)
    np.testing.assert_array_equal(results, reference_sums(params))


def test_sums_that_leave_int32_are_not_fitted() -> None:
    assert fit_addition(replace(SHORTCUT, output_shift=-15)) is None


def test_products_that_leave_int32_are_not_fitted() -> None:
    """Each alone, where beta brings their sum back: output steps of an eighth of an input's."""
    eighth = replace(
        SHORTCUT,
        input1_offset=0,
        input2_offset=0,
        output_offset=0,
        input1_multiplier=2**30,
        input1_shift=0,
        input2_multiplier=2**30,
        input2_shift=-24,
        output_shift=-15,
    )
    fit = fit_addition(replace(eighth, output_multiplier=2**30 - 20_000))
    assert fit is not None
    assert 128 * fit.factor1 > 0.9999 * 2**31
    assert fit_addition(replace(eighth, output_multiplier=2**30 + 20_000)) is None


def test_one_result_is_not_fitted() -> None:
    assert fit_addition(replace(SHORTCUT, output_shift=-31)) is None
