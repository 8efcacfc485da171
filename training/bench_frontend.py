"""What fixed point costs: the firmware's int8 features against a float front-end.

`python -m training.bench_frontend --data DIR [--json]` compares both on a folder of labelled
speech, feature by feature and by the accuracy of the same small classifier trained on either.

The classifier is made of random convolution kernels, a rectifier, pooling and ridge regression in
closed form (after Dempster et al., "ROCKET", 2020): no training noise hides a difference of a tenth
of a point, and a seed changes nothing but the kernels and the folds.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from training.audio.corpus import Corpus, scan
from training.audio.readers import fit_length, read_clip
from training.errors import UserError
from training.features import Frontend
from training.frontend_tables import mel_scale
from training.recipe import FEATURE_SCALE, SILENCE_LABEL, UNKNOWN_LABEL, FrontendConfig, WordsConfig

SEEDS = 16
FOLDS = 5
KERNELS = 192
KERNEL_FRAMES = 10
STRIDE_FRAMES = 2
TIME_POOLS = 7
RIDGE = 0.1
"""Share of the mean diagonal of the Gram matrix that is added to it."""
RESAMPLES = 2_000
CONFIDENCE_PERCENT = 95.0
NEAR_PEAK_STEPS = 96
"""Features within 12 octaves (36 dB) of their frame's greatest, at the default step."""

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class FeatureError:
    """Error of the int8 features in feature steps; rounding alone gives an RMS of 0.289."""

    features: int
    rms_steps: float
    mean_steps: float
    greatest_steps: float
    near_peak_percent: float
    near_peak_rms_steps: float
    near_peak_greatest_steps: float
    snr_db: float
    clipped_percent: float


@dataclass(frozen=True)
class Comparison:
    """Accuracy of one classifier on both kinds of features, held-out speakers, all seeds."""

    clips: int
    speakers: int
    seeds: int
    folds: int
    float_percent: float
    int8_percent: float
    loss_points: float
    loss_low_points: float
    loss_high_points: float


def float_features(
    pcm: NDArray[np.int16], config: FrontendConfig, noise_floor_log2: int
) -> FloatArray:
    """The front-end's definition in float64, neither rounded nor clipped.

    Args:
        pcm: int16[samples].
        config: the same parameters as the firmware's.
        noise_floor_log2: of the tables; the energy added to each filter.

    Returns:
        float64[frames, bins] in feature steps.
    """
    hann = 0.5 - 0.5 * np.cos(
        2.0 * np.pi * np.arange(config.window_samples) / config.window_samples
    )
    windows = sliding_window_view(pcm, config.window_samples)[:: config.hop_samples]
    power = np.abs(np.fft.rfft(windows * hann, config.fft_samples)) ** 2 / config.fft_samples
    frequency_hz = np.fft.rfftfreq(config.fft_samples, 1.0 / config.sample_rate_hz)
    low, high = mel_scale(config.low_hz), mel_scale(config.high_hz)
    position = (mel_scale(frequency_hz) - low) / (high - low) * (config.mel_bins + 1)
    peaks = np.arange(1, config.mel_bins + 1)
    filters = np.maximum(0.0, 1.0 - np.abs(position[:, np.newaxis] - peaks))
    energy = power @ filters + 2.0**noise_floor_log2
    return (np.log2(energy) - config.zero_log2) / config.step_log2


def feature_error(float_steps: FloatArray, int8_steps: NDArray[np.int8]) -> FeatureError:
    """Compare features [frames, bins] of both kinds."""
    limits = np.iinfo(np.int8)
    error = int8_steps - np.clip(float_steps, limits.min, limits.max)
    peak = float_steps.max(axis=-1, keepdims=True)
    near = error[float_steps >= peak - NEAR_PEAK_STEPS]
    clipped = (int8_steps == limits.min) | (int8_steps == limits.max)
    return FeatureError(
        features=error.size,
        rms_steps=float(np.sqrt(np.mean(error**2))),
        mean_steps=float(error.mean()),
        greatest_steps=float(np.abs(error).max()),
        near_peak_percent=100.0 * near.size / error.size,
        near_peak_rms_steps=float(np.sqrt(np.mean(near**2))),
        near_peak_greatest_steps=float(np.abs(near).max()),
        snr_db=float(10.0 * np.log10(np.var(float_steps) / np.mean(error**2))),
        clipped_percent=100.0 * float(clipped.mean()),
    )


def _embed(features: NDArray[np.float32], kernels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pooled rectified convolutions: float32[clips, frames, bins] -> float32[clips, values].

    Args:
        features: at the scale that a model sees.
        kernels: float32[bins * KERNEL_FRAMES, KERNELS], each of mean zero.
    """
    level = features.mean(axis=(1, 2), keepdims=True)
    patches = sliding_window_view(features - level, KERNEL_FRAMES, axis=1)[:, ::STRIDE_FRAMES]
    clips, steps = patches.shape[:2]
    rectified = np.maximum(patches.reshape(clips * steps, -1) @ kernels, 0.0)
    pools = np.array_split(rectified.reshape(clips, steps, -1), TIME_POOLS, axis=1)
    return np.concatenate([pool.mean(axis=1) for pool in pools], axis=1)


def _ridge_correct(
    embedding: NDArray[np.float32], targets: NDArray[np.int64], folds: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether each clip is classified correctly by a ridge regression of the other folds."""
    spread = embedding.std(axis=0)
    values = (embedding - embedding.mean(axis=0))[:, spread > 0] / spread[spread > 0]
    values = np.concatenate([values, np.ones((targets.size, 1), np.float32)], axis=1)
    wanted = np.eye(int(targets.max()) + 1, dtype=np.float32)[targets] * 2.0 - 1.0
    held_out = [folds == fold for fold in range(FOLDS)]
    grams = np.stack([values[rows].T @ values[rows] for rows in held_out])
    moments = np.stack([values[rows].T @ wanted[rows] for rows in held_out])
    correct = np.zeros(targets.size, bool)
    for rows, own_gram, own_moment in zip(held_out, grams, moments, strict=True):
        gram = grams.sum(axis=0) - own_gram
        gram[np.diag_indices_from(gram)] += RIDGE * np.trace(gram) / len(gram)
        weights = np.linalg.solve(gram, moments.sum(axis=0) - own_moment)
        correct[rows] = (values[rows] @ weights).argmax(axis=1) == targets[rows]
    return correct


def _speaker_folds(groups: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """A fold for each clip; all clips of a group are in one."""
    order = rng.permutation(int(groups.max()) + 1)
    return (order % FOLDS)[groups]


def _interval(
    loss: FloatArray, groups: NDArray[np.int64], rng: np.random.Generator
) -> tuple[float, float]:
    """Bootstrap interval of the mean of `loss`, over groups: clips of a speaker are alike."""
    sums = np.bincount(groups, weights=loss)
    counts = np.bincount(groups)
    drawn = rng.integers(0, sums.size, (RESAMPLES, sums.size))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    tail = (100.0 - CONFIDENCE_PERCENT) / 2.0
    low, high = np.percentile(means, [tail, 100.0 - tail])
    return float(low), float(high)


def compare(
    float_steps: FloatArray,
    int8_steps: NDArray[np.int8],
    targets: NDArray[np.int64],
    groups: NDArray[np.int64],
    seeds: int = SEEDS,
) -> Comparison:
    """Train and test the same classifiers on both kinds of features.

    Args:
        float_steps: float64[clips, frames, bins].
        int8_steps: int8[clips, frames, bins].
        targets: int64[clips], class.
        groups: int64[clips], 0 .. n: speaker, or a number of its own where nobody speaks.
        seeds: sets of random kernels and of folds.
    """
    kinds = [
        steps.astype(np.float32) * np.float32(FEATURE_SCALE) for steps in (float_steps, int8_steps)
    ]
    correct = np.zeros((len(kinds), seeds, targets.size), bool)
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        patch = KERNEL_FRAMES * int8_steps.shape[2]
        kernels = rng.standard_normal((patch, KERNELS)).astype(np.float32)
        kernels -= kernels.mean(axis=0)
        folds = _speaker_folds(groups, rng)
        for kind, features in enumerate(kinds):
            correct[kind, seed] = _ridge_correct(_embed(features, kernels), targets, folds)
    percent = 100.0 * correct.mean(axis=1)
    loss = percent[0] - percent[1]
    low, high = _interval(loss, groups, np.random.default_rng(seeds))
    return Comparison(
        clips=targets.size,
        speakers=int(groups.max()) + 1,
        seeds=seeds,
        folds=FOLDS,
        float_percent=float(percent[0].mean()),
        int8_percent=float(percent[1].mean()),
        loss_points=float(loss.mean()),
        loss_low_points=low,
        loss_high_points=high,
    )


def _scan(data: Path) -> Corpus:
    if not data.is_dir():
        raise UserError(
            f"{data} is no folder", "Give --data a folder of folders named after words."
        )
    folders = sorted(path.name for path in data.iterdir() if path.is_dir())
    keywords = tuple(name for name in folders if not name.startswith(("_", ".")))
    words = WordsConfig(
        keywords=keywords, unknown=UNKNOWN_LABEL in folders, silence=SILENCE_LABEL in folders
    )
    return scan(data, words)


def measure(
    data: Path, config: FrontendConfig, seeds: int = SEEDS
) -> tuple[FeatureError, Comparison]:
    """Read a labelled folder and compare both front-ends on it.

    Raises:
        UserError: the folder or one of its files cannot be used.
    """
    corpus = _scan(data)
    frontend = Frontend(config)
    floor_log2 = frontend.tables.noise_floor_log2

    def load(path: Path) -> NDArray[np.int16]:
        return fit_length(read_clip(path, config.sample_rate_hz), config.clip_samples)

    with ThreadPoolExecutor() as pool:
        pcm = np.stack(list(pool.map(load, [clip.path for clip in corpus.clips])))
    int8_steps = frontend.batch(pcm)
    float_steps = np.stack([float_features(clip, config, floor_log2) for clip in pcm])
    targets = np.array([corpus.labels.index(clip.label) for clip in corpus.clips])
    names = [clip.speaker or clip.name for clip in corpus.clips]
    groups = np.unique(names, return_inverse=True)[1]
    return feature_error(float_steps, int8_steps), compare(
        float_steps, int8_steps, targets, groups, seeds
    )


def _text(error: FeatureError, comparison: Comparison) -> str:
    return "\n".join(
        [
            f"features, {error.features:,} of them, int8 against float:",
            f"  error: RMS {error.rms_steps:.3f} steps (rounding alone: {12**-0.5:.3f}), "
            f"mean {error.mean_steps:+.3f}, greatest {error.greatest_steps:.1f}; "
            f"SNR {error.snr_db:.1f} dB; clipped {error.clipped_percent:.3f} %",
            f"  within {NEAR_PEAK_STEPS} steps of the frame's greatest "
            f"({error.near_peak_percent:.1f} % of them): RMS {error.near_peak_rms_steps:.3f}, "
            f"greatest {error.near_peak_greatest_steps:.2f}",
            f"classifier, {comparison.clips:,} clips, {comparison.speakers} speakers or clips of "
            f"noise, {comparison.folds} folds, {comparison.seeds} seeds:",
            f"  float {comparison.float_percent:.2f} %, int8 {comparison.int8_percent:.2f} %, "
            f"loss {comparison.loss_points:+.3f} points ({CONFIDENCE_PERCENT:g} % interval "
            f"{comparison.loss_low_points:+.3f} to {comparison.loss_high_points:+.3f})",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.bench_frontend", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of folders named after words"
    )
    parser.add_argument(
        "--seeds", type=int, default=SEEDS, help="sets of random kernels, 1 or more"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error(f"--seeds is {options.seeds}: give 1 or more")
    try:
        error, comparison = measure(options.data, FrontendConfig(), options.seeds)
    except UserError as problem:
        print(f"{problem.message}\n{problem.remedy}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps({"features": asdict(error), "classifier": asdict(comparison)}, indent=2))
    else:
        print(_text(error, comparison))
    return 0


if __name__ == "__main__":
    sys.exit(main())
