"""The picture of the augmentation shows each change alone, and what a recipe does not do as off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from host_tools.cli import app
from host_tools.report.spectrograms import Panel, spectrograms
from training import stages
from training.audio.augment.examples import Example, examples
from training.audio.augment.hearing import hearing
from training.audio.augment.surroundings import gather
from training.errors import UserError
from training.features import Frontend
from training.progress import Silent
from training.recipe import (
    FEATURE_SCALE,
    AugmentConfig,
    DataConfig,
    FrontendConfig,
    Recipe,
    StudentConfig,
    WordsConfig,
)
from training.show import show, while_training
from training.train import FeatureChanges

RATE_HZ, SAMPLES = 16_000, 16_000
FRONTEND = FrontendConfig()
CONFIG = AugmentConfig(mix_passes=1)
DB_PER_STEP = 10.0 * np.log10(2.0) * FRONTEND.step_log2


def tone(pitch_hz: float, rng: np.random.Generator) -> np.ndarray:
    wave = 8_000 * np.sin(2 * np.pi * pitch_hz * np.arange(SAMPLES) / RATE_HZ)
    wave[: SAMPLES // 4] = 0.0
    return (wave + rng.normal(0.0, 30.0, SAMPLES)).astype(np.int16)


def shown(config: AugmentConfig, speakers: tuple[int, ...] = (0, 1)) -> dict[str, Example]:
    rng = np.random.default_rng(1)
    pcm = np.stack([tone(400.0 * (1 + number), rng) for number in range(len(speakers))])
    rooms = np.zeros((2, 4_000), np.float32)
    rooms[:, 0] = 1.0
    rooms[1, 3_000] = 0.9
    around = gather(
        pcm,
        np.array(speakers),
        rng.integers(-9, 9, 2 * SAMPLES, dtype=np.int16),
        rooms,
        RATE_HZ,
        hearing(FRONTEND, config).samples,
        rng,
    )
    return {one.title: one for one in examples(pcm[0], 0, around, FRONTEND, config)}


def test_each_change_is_shown_alone() -> None:
    found = shown(CONFIG)
    assert list(found) == [
        "as it is",
        "speed 0.85",
        "speed 1.18",
        "tempo 0.95",
        "tempo 1.05",
        "vocal tract 0.95",
        "vocal tract 1.05",
        "second voice 8 dB below",
        "room",
        "recorded noise, SNR 0 dB",
        "generated noise, SNR 0 dB",
        "babble, SNR 0 dB",
        "microphone (telephone)",
        "clipped 15 dB below peak",
        "level -12 dB",
        "mix of two clips, no label",
    ]
    plain = found.pop("as it is")
    rng = np.random.default_rng(1)
    assert np.array_equal(plain.features, Frontend(FRONTEND).clip(tone(400.0, rng)))
    for one in found.values():
        assert one.used
        assert one.features.shape == plain.features.shape
        assert not np.array_equal(one.features, plain.features)


def test_the_changes_are_what_their_titles_say() -> None:
    found = {title: one.features.astype(int) for title, one in shown(CONFIG).items()}
    plain = found["as it is"]
    lower = (plain.max(1) - found["level -12 dB"].max(1))[20:]
    assert np.median(lower) * DB_PER_STEP == pytest.approx(12.0, abs=DB_PER_STEP)
    assert np.all(found["mix of two clips, no label"] >= plain)
    loud = [int(found[name][30].argmax()) for name in ("speed 0.85", "as it is", "speed 1.18")]
    assert loud[0] < loud[1] < loud[2]  # the pitch moves with the speed
    tract = [int(found[f"vocal tract {x}"][30].argmax()) for x in ("0.95", "1.05")]
    assert tract[1] <= loud[1] <= tract[0]
    loudest = [found[f"tempo {x}"].max(1) for x in ("0.95", "1.05")]
    begins = [int((one > one.max() - 20).argmax()) for one in loudest]
    assert begins[0] < begins[1]  # the middle stays, so a slower word begins earlier
    assert found["recorded noise, SNR 0 dB"][:8].mean() > plain[:8].mean() + 20


def test_what_a_recipe_never_does_is_off_and_one_voice_gets_no_second() -> None:
    config = replace(
        CONFIG,
        tempo_min=1.0,
        tempo_max=1.0,
        voice_probability=0.0,
        babble_share=0.0,
        microphone_probability=0.0,
        mix_passes=0,
    )
    off = {title for title, one in shown(config).items() if not one.used}
    assert off == {
        "tempo 1.00",
        "second voice 8 dB below",
        "babble, SNR 0 dB",
        "microphone (telephone)",
        "mix of two clips, no label",
    }
    alone = shown(CONFIG, speakers=(0, 0))
    assert not [title for title in alone if "voice" in title or "mix" in title]


def test_masks_and_tilt_of_the_training() -> None:
    features = np.arange(49 * 40, dtype=np.int32).reshape(49, 40) % 90
    tilted, masked = while_training(
        features.astype(np.int8), FeatureChanges(time_mask_frames=12, frequency_mask_bins=8, tilt=1)
    )
    assert (tilted.title, tilted.used) == ("tilt", True)
    assert not np.array_equal(tilted.features, features)
    changed = masked.features != features
    mean = np.rint(features.mean())
    assert 0.05 < changed.mean() < 0.5
    assert np.all(np.abs(masked.features[changed] - mean) <= 1)
    still = while_training(features.astype(np.int8), FeatureChanges())
    assert not any(one.used for one in still)
    assert all(np.array_equal(one.features, features) for one in still)
    assert FEATURE_SCALE * 16 == 1.0  # int8 steps come back as they went in


@pytest.fixture
def recipe_and_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Recipe, Path]:
    """Tones of six "speakers"; few rooms, which take longest."""
    monkeypatch.setattr(stages, "ROOMS", 2)
    rng = np.random.default_rng(2)
    for word, pitch_hz in (("low", 300.0), ("high", 2_000.0)):
        (tmp_path / "data" / word).mkdir(parents=True)
        for speaker in range(6):
            path = tmp_path / "data" / word / f"s{speaker}_nohash_0.wav"
            soundfile.write(path, tone(pitch_hz, rng), RATE_HZ, subtype="PCM_16")
    recipe = Recipe(
        "tones",
        WordsConfig(("low", "high"), unknown=False, silence=False),
        data=DataConfig(validation_percent=20, test_percent=20),
        teacher_augment=AugmentConfig(gain_min_db=-20.0),
        student=StudentConfig(augment_share=0.0),
    )
    return recipe, tmp_path / "data"


def test_student_and_teacher_have_pictures_of_their_own(
    recipe_and_data: tuple[Recipe, Path], tmp_path: Path
) -> None:
    recipe, data = recipe_and_data
    name, found = show(recipe, data, tmp_path / "cache", Silent())
    assert name.startswith("low/s")
    titles = {one.title: one.used for one in found}
    assert titles["level -12 dB"]
    assert (titles["tilt"], titles["masks"]) == (False, False)
    same, found = show(recipe, data, tmp_path / "cache", Silent(), clip=name, teacher=True)
    assert same == name
    titles = {one.title: one.used for one in found}
    assert titles["level -20 dB"]
    assert titles["masks"]
    with pytest.raises(UserError, match=r"'low/gone\.wav' is no clip of the training set"):
        show(recipe, data, tmp_path / "cache", Silent(), clip="low/gone.wav")


def test_the_picture_has_a_panel_for_each_clip_and_the_same_bytes_each_time() -> None:
    rng = np.random.default_rng(3)
    rows = [rng.integers(-50, 50, (49, 40)).astype(np.int8) for _ in range(5)]
    panels = [Panel(f"number {n}", row, faded=n == 4) for n, row in enumerate(rows)]
    picture = spectrograms("a heading", panels)
    assert picture == spectrograms("a heading", panels)
    assert picture.count("<image") == 5
    for text in ("a heading", "number 0", "number 4"):
        assert text in picture
    assert len(picture) < 60_000


def test_the_verb_writes_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    features = np.arange(80, dtype=np.int8).reshape(10, 8)
    played = (Example("as it is", features), Example("room", features, used=False))

    def show_played(*_: object, **options: object) -> tuple[str, tuple[Example, ...]]:
        assert options["clip"] == "yes/a.wav"
        assert options["teacher"]
        return "yes/a.wav", played

    monkeypatch.setattr("training.show.show", show_played)
    recipe = tmp_path / "mine.toml"
    recipe.write_text('name = "mine"\n[words]\nkeywords = ["yes"]\n')
    arguments = ["data", "show", str(recipe), "--clip", "yes/a.wav", "--teacher", "--out"]
    done = CliRunner().invoke(app, [*arguments, str(tmp_path / "p.svg")])
    assert done.exit_code == 0, done.stderr
    picture = (tmp_path / "p.svg").read_text()
    assert "room (off)" in picture
    assert "yes/a.wav" in picture
    refused = CliRunner().invoke(app, [*arguments, str(tmp_path / "p.png")])
    assert refused.exit_code == 2
    assert "no name for an SVG" in refused.stderr
