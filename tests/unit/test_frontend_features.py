"""The Python side of the front-end: shapes, threads, streams, and buffers that do not fit."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training import _native
from training.features import Frontend
from training.frontend_tables import build_tables
from training.recipe import FrontendConfig

CONFIG = FrontendConfig()
FRONTEND = Frontend(CONFIG)
ARRAYS = ("window_q15", "twiddles_q15", "split_q15", "band_start", "rising_q15", "log2_q15")


def _noise(shape: int | tuple[int, int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-9000, 9000, shape).astype(np.int16)


def _arguments() -> dict[str, Any]:
    tables = build_tables(CONFIG)
    scalars = ("noise_floor_log2", "zero_log2_q15", "steps_per_octave_q16")
    return {
        "window_samples": CONFIG.window_samples,
        "hop_samples": CONFIG.hop_samples,
        "fft_samples": CONFIG.fft_samples,
        "bins": CONFIG.mel_bins,
        **{name: getattr(tables, name) for name in (*ARRAYS, *scalars)},
    }


def test_frontend_clip_shape_is_what_the_models_take() -> None:
    features = FRONTEND.clip(_noise(CONFIG.clip_samples))
    assert features.shape == (49, 40) == (FRONTEND.frames, FRONTEND.bins)
    assert features.dtype == np.int8


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (479, 0), (480, 1), (799, 1), (800, 2)])
def test_frontend_frames_follow_from_samples(samples: int, frames: int) -> None:
    assert FRONTEND.clip(_noise(samples)).shape == (frames, 40)


@pytest.mark.parametrize("threads", [None, 1, 2, 5, 64])
def test_frontend_batch_equals_clips_for_any_number_of_threads(threads: int | None) -> None:
    pcm = _noise((7, 4000))
    expected = np.stack([FRONTEND.clip(row) for row in pcm])
    assert np.array_equal(FRONTEND.batch(pcm, threads=threads), expected)


def test_frontend_takes_views_that_are_not_contiguous() -> None:
    pcm = _noise((4, 8000))
    assert np.array_equal(
        FRONTEND.batch(pcm[::2, ::2]), FRONTEND.batch(np.ascontiguousarray(pcm[::2, ::2]))
    )


def test_frontend_batch_of_nothing_is_empty() -> None:
    assert FRONTEND.batch(_noise((0, 16_000))).shape == (0, 49, 40)
    assert FRONTEND.batch(_noise((3, 100))).shape == (3, 0, 40)


@settings(max_examples=60, deadline=None)
@given(cuts=st.lists(st.integers(0, 1500), max_size=20), seed=st.integers(0, 1000))
def test_frontend_stream_equals_batch(cuts: list[int], seed: int) -> None:
    pcm = _noise(sum(cuts) + 700, seed)
    stream = FRONTEND.stream()
    pieces = np.split(pcm, np.cumsum(cuts))
    frames = np.concatenate([stream.push(piece) for piece in pieces])
    assert np.array_equal(frames, FRONTEND.clip(pcm))


def test_frontend_stream_forgets_on_reset() -> None:
    stream = FRONTEND.stream()
    pcm = _noise(2000)
    stream.push(_noise(1111, seed=9))
    stream.reset()
    assert np.array_equal(stream.push(pcm), FRONTEND.clip(pcm))


@pytest.mark.parametrize(
    "pcm",
    [np.zeros(480, np.float32), np.zeros(480, np.uint16), np.zeros((2, 480), np.int16)],
    ids=["float", "unsigned", "two clips"],
)
def test_frontend_clip_refuses_other_arrays(pcm: np.ndarray) -> None:
    with pytest.raises(ValueError, match="int16"):
        FRONTEND.clip(pcm)


def test_frontend_batch_refuses_one_clip() -> None:
    with pytest.raises(ValueError, match=r"int16\[clips, samples\]"):
        FRONTEND.batch(_noise(480))


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("change", ["shorter", "longer", "empty", "type", "strided"])
def test_frontend_extension_refuses_a_wrong_table(name: str, change: str) -> None:
    arguments = _arguments()
    good = arguments[name]
    arguments[name] = {
        "shorter": good[:-1],
        "longer": np.append(good, good[-1:]),
        "empty": good[:0],
        "type": good.astype(np.int64),
        "strided": np.repeat(good, 2)[::2],
    }[change]
    with pytest.raises(ValueError, match=f"{name}|refuses these tables"):
        _native.Frontend(**arguments)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("window_samples", -2),
        ("window_samples", 2**20),
        ("hop_samples", 0),
        ("hop_samples", 481),
        ("fft_samples", 0),
        ("fft_samples", 511),
        ("bins", 0),
        ("bins", 129),
        ("bins", -1),
        ("noise_floor_log2", 10),
        ("noise_floor_log2", 300),
        ("zero_log2_q15", 2**30),
        ("steps_per_octave_q16", 0),
        ("steps_per_octave_q16", -1),
    ],
)
def test_frontend_extension_refuses_a_wrong_number(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=r"."):
        _native.Frontend(**{**_arguments(), name: value})


def test_frontend_extension_refuses_bands_that_leave_the_spectrum() -> None:
    arguments = _arguments()
    arguments["band_start"] = arguments["band_start"] + np.uint16(100)
    with pytest.raises(ValueError, match="refuses these tables"):
        _native.Frontend(**arguments)


def test_frontend_extension_keeps_its_own_tables() -> None:
    arguments = _arguments()
    for name in ARRAYS:
        arguments[name] = arguments[name].copy()
    native = _native.Frontend(**arguments)
    for name in ARRAYS:
        arguments[name][:] = arguments[name][:].max()
    pcm = _noise(480)
    out = np.zeros((1, 40), np.int8)
    native.clips(pcm, 1, out)
    assert np.array_equal(out, FRONTEND.clip(pcm))


@pytest.mark.parametrize(
    ("pcm", "clips", "features"),
    [
        (np.zeros(960, np.int16), 1, np.zeros(79, np.int8)),
        (np.zeros(960, np.int16), 1, np.zeros(81, np.int8)),
        (np.zeros(961, np.int16), 2, np.zeros(80, np.int8)),
        (np.zeros(960, np.int16), 0, np.zeros(80, np.int8)),
        (np.zeros(960, np.int16), -1, np.zeros(80, np.int8)),
        (np.zeros(960, np.int16), 2**62, np.zeros(80, np.int8)),
        (np.zeros(960, np.int32), 1, np.zeros(80, np.int8)),
        (np.zeros(1920, np.int16)[::2], 1, np.zeros(80, np.int8)),
        (np.zeros(960, np.int16), 1, np.zeros(80, np.uint8)),
        (np.zeros(960, np.int16), 1, np.zeros(160, np.int8)[::2]),
        (np.zeros(960, np.int16), 1, np.frombuffer(bytes(80), np.int8)),
    ],
)
def test_frontend_extension_refuses_wrong_buffers(
    pcm: np.ndarray, clips: int, features: np.ndarray
) -> None:
    native = _native.Frontend(**_arguments())
    with pytest.raises(ValueError, match=r"."):
        native.clips(pcm, clips, features)
    if clips == 1:
        with pytest.raises(ValueError, match=r"."):
            native.push(pcm, features)


def test_frontend_extension_names_what_is_no_buffer() -> None:
    native = _native.Frontend(**_arguments())
    with pytest.raises(TypeError):
        native.clips("text", 1, np.zeros(80, np.int8))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="-1"):
        native.ready(-1)
    with pytest.raises(ValueError, match="not"):
        native.ready(2**62)


def test_frontend_failed_push_consumes_nothing() -> None:
    native = _native.Frontend(**_arguments())
    pcm = _noise(480)
    with pytest.raises(ValueError, match="frames"):
        native.push(pcm, np.zeros(0, np.int8))
    assert native.ready(479) == 0
    assert native.push(pcm, np.zeros(40, np.int8)) == 1


def test_frontend_of_another_configuration_differs() -> None:
    pcm = _noise(16_000)
    other = Frontend(dataclasses.replace(CONFIG, step_log2=0.2))
    assert not np.array_equal(FRONTEND.clip(pcm), other.clip(pcm))
