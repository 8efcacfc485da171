"""Mixes of features are what the front-end hears of mixed sounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.audio.augment.mixes import add_in_power, mix, mixed_pass
from training.features import Frontend
from training.recipe import AugmentConfig, FrontendConfig

FRONTEND = FrontendConfig()
CONFIG = AugmentConfig()
STEP = FRONTEND.step_log2


def noise(clips: int, seed: int, level: float = 2_000.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.rint(rng.standard_normal((clips, 16_000)) * level).astype(np.int16)


@given(a=st.integers(-128, 127), b=st.integers(-128, 127))
def test_powers_add(a: int, b: int) -> None:
    exact = np.log2(2.0 ** (a * STEP) + 2.0 ** (b * STEP)) / STEP
    total = add_in_power(np.array([a], np.int8), np.array([b], np.int16), STEP)
    assert total.dtype == np.int8
    assert abs(int(total[0]) - min(exact, 127.0)) <= 0.5 + 1e-9
    assert total == add_in_power(np.array([b], np.int8), np.array([a], np.int16), STEP)


def test_a_sum_far_below_the_lowest_feature_saturates() -> None:
    assert add_in_power(np.array([-128], np.int8), np.array([-300], np.int16), STEP)[0] == -128


def test_a_mix_is_close_to_the_features_of_the_mixed_sound() -> None:
    """Independent noises: in the mean, the phases between two sounds cancel."""
    frontend = Frontend(FRONTEND)
    first, second = noise(8, 1), noise(8, 2)
    together = frontend.batch(first + second).astype(np.float64)
    added = add_in_power(frontend.batch(first), frontend.batch(second).astype(np.int16), STEP)
    assert abs(np.mean(added - together)) < 1.5
    assert np.mean(together - frontend.batch(first)) > 6.0


def test_the_second_clip_of_a_mix_is_as_far_below_as_drawn() -> None:
    config = replace(CONFIG, mix_below_max_db=12.0, mix_after_share=0.0)
    first = np.full((2_000, 4, 3), -128, np.int8)
    second = np.full((2_000, 4, 3), 50, np.int8)
    mixed = mix(first, second, FRONTEND, config, np.random.default_rng(0))
    below = 50 - mixed[:, 0, 0].astype(np.int64)
    assert np.all(mixed == mixed[:, :1, :1])
    assert below.min() == 0
    # 12 dB are 3.99 octaves of power.
    assert below.max() == round(12.0 / 3.0103 / STEP)


def test_one_clip_comes_after_the_other() -> None:
    config = replace(CONFIG, mix_after_share=1.0)
    first, second = np.full((500, 49, 40), 1, np.int8), np.full((500, 49, 40), 2, np.int8)
    mixed = mix(first, second, FRONTEND, config, np.random.default_rng(0))
    assert np.all(mixed == mixed[:, :, :1])
    cut = np.argmax(mixed[:, :, 0] == 2, axis=1)
    assert set(cut) == set(range(12, 38))
    assert np.array_equal(mixed[:, :, 0] == 2, np.arange(49) >= cut[:, None])


def test_the_share_of_mixes_in_a_row_is_as_wanted() -> None:
    first, second = np.full((3_000, 8, 2), 1, np.int8), np.full((3_000, 8, 2), 2, np.int8)
    config = replace(CONFIG, mix_after_share=0.33)
    mixed = mix(first, second, FRONTEND, config, np.random.default_rng(0))
    in_a_row = mixed[:, 0, 0] == 1
    assert abs(in_a_row.mean() - 0.33) < 0.03


def test_passes_of_mixes_differ_and_depend_on_the_seed_only() -> None:
    bank = np.random.default_rng(0).integers(-128, 128, (3, 10, 49, 40)).astype(np.int8)
    before = bank.copy()
    made = [mixed_pass(bank, number, FRONTEND, CONFIG, seed=1) for number in range(5)]
    again = mixed_pass(bank, 4, FRONTEND, CONFIG, seed=1)
    other = mixed_pass(bank, 4, FRONTEND, CONFIG, seed=2)
    assert np.array_equal(bank, before)
    assert np.array_equal(made[4], again)
    assert not np.array_equal(made[4], other)
    assert len({one.tobytes() for one in made}) == 5
    assert made[0].shape == bank.shape[1:]
