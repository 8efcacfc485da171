"""The whole line on a handful of invented clips: what it leaves behind, and what it reuses."""

import errno
import json
import os
import shutil
import wave
from dataclasses import replace

import numpy as np
import pytest

from training.audio.corpus import scan
from training.audio.synth import SETTINGS_FILE
from training.errors import UserError
from training.pipeline import run
from training.recipe import (
    AugmentConfig,
    DataConfig,
    DistillationConfig,
    FrontendConfig,
    QuantisationConfig,
    Recipe,
    StudentConfig,
    TeacherConfig,
    WordsConfig,
)
from training.results import golden_pcm, held_back, write_clips
from training.stages import source

SPEAKERS, CLIPS_PER_SPEAKER, SAMPLES = 12, 2, 16_000
PITCH_HZ = {"low": 200.0, "high": 1_500.0}
MODELS = [
    "teacher res_ds_cnn",
    "teacher temporal",
    "teachers together",
    "student, labels only",
    "student, distilled",
    "student, int8",
]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Two "words" that are tones, each said by twelve "speakers"."""
    root = tmp_path_factory.mktemp("recordings")
    rng = np.random.default_rng(1)
    for word, pitch_hz in PITCH_HZ.items():
        (root / word).mkdir()
        for speaker in range(SPEAKERS):
            for number in range(CLIPS_PER_SPEAKER):
                tone = np.sin(2 * np.pi * pitch_hz * np.arange(SAMPLES) / SAMPLES)
                pcm = 8_000 * tone + rng.normal(0.0, 300.0, SAMPLES)
                path = root / word / f"s{speaker:02d}_nohash_{number}.wav"
                with wave.open(str(path), "wb") as file:
                    file.setparams((1, 2, SAMPLES, 0, "NONE", ""))
                    file.writeframes(pcm.astype("<i2").tobytes())
    return root


def recipe(**changes):
    return Recipe(
        name="tones",
        words=WordsConfig(tuple(PITCH_HZ), unknown=False, silence=False),
        data=changes.pop("data", DataConfig(validation_percent=20, test_percent=30)),
        augment=AugmentConfig(passes=2),
        teacher_augment=AugmentConfig(passes=3),
        teachers=(
            TeacherConfig(width=8, blocks=1, epochs=4, batch_clips=8, hears="augment"),
            TeacherConfig("temporal", width=8, blocks=1, epochs=4, batch_clips=8),
        ),
        student=StudentConfig(width=8, blocks=1, epochs=4, batch_clips=8),
        distillation=DistillationConfig(baseline=True),
        quantisation=QuantisationConfig("fine_tuning", epochs=2, batch_clips=8),
        **changes,
    )


@pytest.fixture(scope="module")
def finished(recordings, tmp_path_factory):
    work = tmp_path_factory.mktemp("work")
    return run(recipe(), recordings, work, work / "generated")


def test_results_say_what_was_measured(finished):
    results = json.loads((finished.work_dir / "results.json").read_text())
    assert results == finished.results
    assert results["labels"] == ["low", "high"]
    assert [row["name"] for row in results["models"]] == MODELS
    for row in results["models"]:
        assert row["clips"] == results["data"]["test"]["clips"]
        assert row["low"] <= row["accuracy"] <= row["high"]
        assert row["parameters"] > 0
    assert results["models"][-1]["bytes"] == len((finished.work_dir / "model.tflite").read_bytes())
    assert sum(map(sum, results["confusion"]["counts"])) == results["data"]["test"]["clips"]
    assert [len(curve["loss"]) for curve in results["curves"]] == [4, 4, 4, 4, 2]
    assert results["recipe_hash"] == recipe().recipe_hash
    manifest = json.loads((finished.out_dir / "manifest.json").read_text())
    assert results["model_hash"] == manifest["model_hash"] == finished.manifest.model_hash


def test_each_teacher_hears_the_copies_that_are_meant_for_it(finished):
    """One teacher hears the student's copies, the other one stronger ones; both label the first."""
    passes = {
        path.parent.name.rpartition("-")[0] + f" of {len(np.load(path, mmap_mode='r'))}"
        for path in (finished.work_dir / "cache").glob("*/*.npy")
        if path.name in ("train.npy", "logits.npy")
    }
    assert passes == {
        "features of 2",
        "features of 3",
        "teacher-res_ds_cnn-logits of 2",
        "teacher-temporal-logits of 2",
    }
    names = [stage["name"] for stage in finished.results["stages"]]
    assert names.count("features") == 2


def test_a_streaming_student_is_calibrated_and_heard_after_another_clip(recordings, tmp_path):
    student = StudentConfig(
        "temporal", width=8, blocks=1, epochs=12, batch_clips=8, learning_rate=0.02, averaging=0.5
    )
    changed = replace(
        recipe(),
        augment=AugmentConfig(passes=2, mix_passes=1),
        teachers=(TeacherConfig("temporal", width=8, blocks=1, epochs=12, batch_clips=8),),
        student=student,
        distillation=DistillationConfig(temperature=2.0, soft_weight=0.5),
        quantisation=QuantisationConfig(calibration_clips=20),
    )
    results = run(changed, recordings, tmp_path, tmp_path / "generated").results
    rows = {row["name"]: row for row in results["models"]}
    assert list(rows) == [
        "teacher temporal",
        "student, distilled",
        "student, distilled, after another clip",
        "student, int8",
    ]
    assert [len(curve["loss"]) for curve in results["curves"]] == [12, 12]
    clip_wise, in_stream, int8 = (row["accuracy"] for row in list(rows.values())[1:])
    assert clip_wise == int8 == 1.0
    assert in_stream > 0.5, "the mean over the window hears the clip, not what came before it"


def test_report_does_not_call_synthetic_speech_recordings(recordings, tmp_path):
    words = recipe().words
    assert source(scan(recordings, words)) == "folders of words"
    shutil.copytree(recordings, tmp_path / "spoken")
    (tmp_path / "spoken" / SETTINGS_FILE).write_text("{}")
    assert source(scan(tmp_path / "spoken", words)) == "spoken by espeak-ng, not recorded"


def test_test_clips_are_written_as_the_chip_hears_them(finished):
    files = sorted((finished.work_dir / "test").rglob("*.wav"))
    assert len(files) == finished.results["data"]["test"]["clips"]
    assert {path.parent.name for path in files} == {"low", "high"}
    with wave.open(str(files[0])) as file:
        assert file.getparams()[:4] == (1, 2, 16_000, SAMPLES)


def test_second_run_trains_nothing_and_changes_nothing(finished, recordings):
    tflite = (finished.work_dir / "model.tflite").read_bytes()
    again = run(recipe(), recordings, finished.work_dir, finished.out_dir)
    assert all(stage["reused"] for stage in again.results["stages"])
    assert (finished.work_dir / "model.tflite").read_bytes() == tflite
    assert again.manifest == finished.manifest


def test_weights_from_everyone_keep_the_accuracy_on_strangers(finished, recordings, tmp_path):
    short = replace(
        recipe(),
        teachers=(TeacherConfig(width=8, blocks=1, epochs=1, batch_clips=8),),
        student=StudentConfig(width=8, blocks=1, epochs=1, batch_clips=8),
        distillation=DistillationConfig(),
        quantisation=QuantisationConfig(),
    )
    earlier = finished.results | {"recipe_hash": short.recipe_hash}
    (tmp_path / "results.json").write_text(json.dumps(earlier))
    chosen = {"threshold": 0.625, "tflite_sha256": earlier["tflite_sha256"]}
    (tmp_path / "detection.json").write_text(json.dumps(chosen))
    for _ in range(2):  # the second run finds the results of the first
        shipped = run(short, recordings, tmp_path, tmp_path / "generated", everyone=True)
        assert shipped.results["held_back"]["models"] == finished.results["models"]
        assert shipped.results["held_back"]["model_hash"] == finished.manifest.model_hash
    # What was chosen on strangers is taken over, and said to be.
    detection = json.loads((tmp_path / "generated" / "manifest.json").read_text())["detection"]
    assert detection["threshold"] == 0.625
    assert detection["measured"] == {"held_back_tflite_sha256": earlier["tflite_sha256"]}
    heard = shipped.results["data"]
    assert heard["train"]["speakers"] == SPEAKERS
    assert heard["test"] == finished.results["data"]["test"]


def test_nobody_is_left_to_test_a_fold_when_everyone_is_trained_on(recordings, tmp_path):
    folded = recipe(data=DataConfig(folds=3, fold=1))
    with pytest.raises(UserError, match="nobody is left to test fold 2 of 3 on"):
        run(folded, recordings, tmp_path / "work", tmp_path / "generated", everyone=True)
    assert not (tmp_path / "work").exists()


def test_damaged_results_of_an_earlier_run_are_named(tmp_path):
    (tmp_path / "results.json").write_text("{")
    with pytest.raises(UserError, match=r"results\.json is damaged"):
        held_back(tmp_path / "results.json", "any")


def test_accuracy_of_another_recipe_is_none_of_this_one(finished):
    assert held_back(finished.work_dir / "results.json", "another") is None
    assert held_back(finished.work_dir / "missing.json", recipe().recipe_hash) is None


def test_a_change_repeats_only_what_follows_from_it(finished, recordings):
    changed = Recipe(
        **{**vars(recipe()), "quantisation": QuantisationConfig("fine_tuning", epochs=1)}
    )
    result = run(changed, recordings, finished.work_dir, finished.work_dir / "other")
    ran = [stage["name"] for stage in result.results["stages"] if not stage["reused"]]
    assert ran == ["student-int8"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "my tones"}, "model's name is 'my tones'"),
        ({"frontend": FrontendConfig(clip_samples=3_199)}, "clip_samples is 3199"),
        ({"frontend": FrontendConfig(window_samples=514)}, "window_samples is 514"),
        ({"frontend": FrontendConfig(low_hz=7_700.0)}, "low_hz is 7700"),
        ({"frontend": FrontendConfig(fft_samples=2_048)}, "fft_samples is 2048"),
    ],
)
def test_what_cannot_be_exported_is_refused_before_any_work(recordings, tmp_path, changes, words):
    work = tmp_path / "work"
    with pytest.raises(UserError, match=words):
        run(replace(recipe(), **changes), recordings, work, work / "generated")
    assert not work.exists()


def test_test_clips_with_one_name_up_to_the_dot_are_all_written(tmp_path):
    names = ["yes/take.1.wav", "yes/take.2.wav", "no/take.flac", "no/take.wav"]
    pcm = np.arange(8, dtype=np.int16).reshape(4, 2)
    write_clips(tmp_path / "test", pcm, np.array([0, 0, 1, 1]), names, ("yes", "no"), 16_000)
    written = {}
    for path in (tmp_path / "test").rglob("*.wav"):
        with wave.open(str(path)) as file:
            written[f"{path.parent.name}/{path.name}"] = file.readframes(2)
    expected = ["yes/take.wav", "yes/take-2.wav", "no/take.wav", "no/take-2.wav"]
    assert written == {name: clip.tobytes() for name, clip in zip(expected, pcm, strict=True)}


def test_full_disk_stops_before_the_memory_map_is_written(recordings, tmp_path, monkeypatch):
    """Writing to a map without room behind it ends a process with SIGBUS, not with an error."""

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(UserError, match=r"'features' cannot write to .*No space left") as caught:
        run(recipe(), recordings, tmp_path, tmp_path / "generated")
    assert "disk has room" in caught.value.remedy


def test_recipe_without_synthesis_needs_recordings(tmp_path):
    with pytest.raises(UserError, match="'tones' needs recordings"):
        run(recipe(), None, tmp_path, tmp_path / "generated")


def test_golden_clips_are_always_the_same():
    frontend = recipe().frontend
    first, second = golden_pcm(frontend), golden_pcm(frontend)
    assert first.dtype == np.int16
    assert first.shape == (2, 16_000)
    assert np.array_equal(first, second)
    assert np.ptp(first, axis=1).min() > 4_000
