"""Every way of teaching at once on invented clips: what the line runs, and what each part does."""

import wave
from dataclasses import replace

import numpy as np
import pytest

from training.cache import Cache
from training.errors import UserError
from training.pipeline import run
from training.progress import Silent
from training.recipe import (
    AugmentConfig,
    DataConfig,
    FrontendConfig,
    Recipe,
    StudentConfig,
    SynthesisConfig,
    TeacherConfig,
    WordsConfig,
    load_recipe,
)
from training.recipe_distillation import DistillationConfig, ExternalTeacherConfig
from training.runtime import keras, tf
from training.stages import Line
from training.teaching.lessons import prepare, succeeded
from training.teaching.sources import LOGITS_FILE, MIX_LOGITS_FILE, training_set
from training.teaching.stages import external_logits, open_teachers

SPEAKERS, SAMPLES, RATE_HZ = 10, 8_000, 16_000
PITCH_HZ = {"low": 200.0, "high": 1_500.0}
FRONTEND = FrontendConfig(clip_samples=SAMPLES)
RNG = np.random.default_rng(1)


def tone(pitch_hz, samples=SAMPLES):
    wanted = 8_000 * np.sin(2 * np.pi * pitch_hz * np.arange(samples) / RATE_HZ)
    return wanted + RNG.normal(0.0, 300.0, samples)


def write(path, samples):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())


def listener(shape):
    """A network of somebody else: one matrix over features or samples."""
    keras.utils.set_random_seed(2)
    inputs = keras.Input(shape)
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """`words/` with two "words" that are tones, `more/` without labels, and two networks."""
    root = tmp_path_factory.mktemp("place")
    for word, pitch_hz in PITCH_HZ.items():
        for speaker in range(SPEAKERS):
            write(root / "words" / word / f"s{speaker:02d}_nohash_0.wav", tone(pitch_hz))
    for number in range(3):
        write(root / "more" / "deep" / f"{number}.wav", tone(400.0 + 300.0 * number, 20_000))
    shape = (FRONTEND.frames, FRONTEND.mel_bins)
    converter = tf.lite.TFLiteConverter.from_keras_model(listener(shape))
    (root / "features.tflite").write_bytes(converter.convert())
    tf.saved_model.save(listener((SAMPLES,)), str(root / "samples"))
    return root


FEATURES = ExternalTeacherConfig(path="features.tflite", labels=("high", "low"))
HEARS_SAMPLES = ExternalTeacherConfig(path="samples", labels=("low", "high"), input="pcm")
EVERYTHING = Recipe(
    name="tones",
    words=WordsConfig(("low", "high"), unknown=False, silence=False),
    data=DataConfig(validation_percent=20, test_percent=30),
    frontend=FRONTEND,
    augment=AugmentConfig(passes=2, mix_passes=1),
    synthesis=SynthesisConfig(speakers=3),
    teachers=(TeacherConfig(width=10, blocks=1, epochs=1, batch_clips=8),),
    external_teachers=(FEATURES, HEARS_SAMPLES),
    student=StudentConfig("temporal", width=6, blocks=1, epochs=2, batch_clips=8, context_share=1),
    distillation=DistillationConfig(
        soft_loss="decoupled",
        feature_weight=1.0,
        attention_weight=1.0,
        distance_weight=1.0,
        angle_weight=1.0,
        similarity_weight=1.0,
        schedule="cosine",
        warm_up_share=0.2,
        unlabelled="more",
        unlabelled_passes=2,
        spoken_clips=10,
        rounds=2,
    ),
)


@pytest.fixture(scope="module")
def finished(place, tmp_path_factory):
    work = tmp_path_factory.mktemp("work")
    facts = {"recipe_folder": place, "cache_dir": work / "cache"}
    return run(EVERYTHING, place / "words", work, work / "generated", **facts)


@pytest.fixture(scope="module")
def lessons(finished, place):
    """What the students of that run learned from."""
    line = Line(EVERYTHING, Cache(finished.work_dir / "cache", Silent()), place)
    found = prepare(line, *stages_of_data(line, place))
    assert all(stage.reused for stage in line.cache.stages)
    return found


def stages_of_data(line, place):
    from training.pipeline import recordings

    data = line.data(recordings(line.recipe, place / "words", line))
    return data, line.bank(data, line.recipe.augment)


def test_every_teacher_is_asked_about_every_copy(finished, lessons):
    banks = ("", "unlabelled-", "spoken-")
    asked = ("teacher-res_ds_cnn", "external-features", "external-samples")
    assert [stage["name"] for stage in finished.results["stages"]] == [
        "data",
        "rooms",
        "features",
        "teacher-res_ds_cnn",
        "unlabelled-features",
        "spoken",
        "spoken-features",
        *(
            f"{bank}{name}"
            for bank in banks
            for name in (*(f"{one}-logits" for one in asked), "teacher-res_ds_cnn-signals")
        ),
        "student-distilled",
        *(f"{bank}student-distilled-logits" for bank in banks),
        "student-distilled-2",
        "student-int8",
    ]
    clips = len(np.load(lessons.data.folder / "train_targets.npy"))
    own, features, samples = lessons.sources[0].taught
    for stage in (own, features, samples):
        assert np.load(stage.folder / LOGITS_FILE).shape == (2, clips, 2)
        assert np.load(stage.folder / MIX_LOGITS_FILE).shape == (1, clips, 2)
    assert np.isfinite(np.load(samples.folder / LOGITS_FILE)).all()
    assert np.isnan(np.load(samples.folder / MIX_LOGITS_FILE)).all(), "mixes have no samples"
    assert len({stage.key for one in lessons.sources for stage in one.stages}) == 3 * 5


def test_results_name_every_teacher_and_every_round(finished):
    rows = {row["name"]: row for row in finished.results["models"]}
    assert list(rows) == [
        "teacher res_ds_cnn",
        "external teacher features",
        "external teacher samples",
        "teachers together",
        "student, round 1",
        "student, distilled",
        "student, distilled, after another clip",
        "student, int8",
    ]
    assert rows["external teacher features"]["parameters"] is None
    assert rows["external teacher samples"]["bytes"] > SAMPLES * 2 * 4
    curves = [curve["name"] for curve in finished.results["curves"]]
    assert curves == ["teacher-res_ds_cnn", "student-distilled", "student-distilled-2"]


@pytest.mark.parametrize(("successor", "teachers"), [("joins", 4), ("replaces", 1)])
def test_the_student_of_a_round_teaches_the_next_one(finished, lessons, place, successor, teachers):
    config = replace(EVERYTHING.distillation, successor=successor)
    chosen = replace(EVERYTHING, distillation=config)
    line = Line(chosen, Cache(finished.work_dir / "cache", Silent()), place)
    bank = lessons.sources[0].bank
    student = line.student(lessons.data, lessons.sources)
    after = [succeeded(line, one, bank, student) for one in lessons.sources]
    assert [len(one.taught) for one in after] == [teachers] * 3
    heard = ["student-distilled-logits"] + [
        f"{bank}-student-distilled-logits" for bank in ("unlabelled", "spoken")
    ]
    assert [one.taught[-1].name for one in after] == heard
    assert [one.signals for one in after] == [one.signals for one in lessons.sources]
    assert all(stage.reused for stage in line.cache.stages)


def test_a_training_sees_mixes_then_clips_without_labels(lessons):
    data = training_set(lessons.data, lessons.sources, mixes=True)
    assert [len(one) for one in (data.features, data.mixes, data.mix_logits)] == [2, 5, 5]
    assert [len(one) for one in data.teacher_signals] == [2, 2]
    assert [len(one) for one in data.mix_signals] == [5, 5]
    assert np.isfinite(data.mix_logits).all(), "who says nothing is left out of the mean"
    for epoch in range(10):
        features, targets, logits = data.epoch(epoch, 2)
        assert targets.sum() == (0 if epoch % 2 else len(features))
        assert len(logits) == len(data.signals(epoch).embedding) == len(features)
    without = training_set(lessons.data, lessons.sources, mixes=False)
    assert np.array_equal(without.mixes[0], data.mixes[1])
    assert len(without.mixes) == 4


def test_samples_are_those_of_the_copies_but_for_what_the_frontend_changes(lessons, finished):
    plain = replace(EVERYTHING.augment, vocal_tract_min=1, vocal_tract_max=1, tempo_min=0.9)
    line = Line(EVERYTHING, Cache(finished.work_dir / "cache", Silent()))
    augmenter = line.augmenter(lessons.data, line.rooms(), plain)
    samples = augmenter.samples(1)
    assert samples.shape == (len(augmenter.pcm), SAMPLES)
    from training.features import Frontend

    same = np.all(Frontend(FRONTEND).batch(samples) == augmenter.features(1), axis=(1, 2))
    assert 0 < same.sum() < len(same), "tempo 1 is among seven tempi"


def test_a_changed_network_is_asked_again(finished, lessons, place, tmp_path):
    for name in ("words", "samples"):
        (tmp_path / name).symlink_to(place / name)
    content = (place / "features.tflite").read_bytes()
    (tmp_path / "features.tflite").write_bytes(content + bytes(16))
    line = Line(EVERYTHING, Cache(finished.work_dir / "cache", Silent()), tmp_path)
    data, bank = lessons.data, lessons.sources[0].bank
    assert not external_logits(line, FEATURES, data, bank).reused
    assert external_logits(line, HEARS_SAMPLES, data, bank).reused


def test_what_lies_outside_of_the_recipe_is_checked_first(place, tmp_path):
    hears = [teacher.hears for teacher in open_teachers(EVERYTHING, place)]
    assert hears == ["features", "pcm"]
    work = tmp_path / "work"
    with pytest.raises(UserError, match=r"features\.tflite does not exist"):
        run(EVERYTHING, place / "words", work, work / "generated", recipe_folder=tmp_path)
    assert not work.exists()
    astray = replace(EVERYTHING, distillation=DistillationConfig(unlabelled="none"))
    with pytest.raises(UserError, match=r"unlabelled recordings .* does not exist"):
        open_teachers(astray, place)


def test_without_own_teachers_someone_must_know_and_hear_everything(place):
    plain = replace(EVERYTHING, teachers=(), distillation=DistillationConfig())
    alone = replace(plain, external_teachers=(HEARS_SAMPLES,))
    with pytest.raises(UserError, match="no teacher knows every class"):
        open_teachers(alone, place)
    open_teachers(replace(alone, augment=AugmentConfig()), place)
    assert len(open_teachers(plain, place)) == 2
    silence = WordsConfig(("low", "high"), unknown=False, silence=True)
    with pytest.raises(UserError, match="no teacher knows every class"):
        open_teachers(replace(plain, words=silence), place)


def test_recipes_refuse_teachings_that_lead_nowhere(tmp_path):
    def load(text):
        path = tmp_path / "mine.toml"
        path.write_text(f'name = "mine"\n{text}\n[words]\nkeywords = ["on"]\n')
        return load_recipe(path)

    with pytest.raises(UserError, match=r"mine\.toml:2: .*the list is empty"):
        load("teachers = []")
    outside = '[[external_teachers]]\npath = "x.onnx"\nlabels = ["on", "off"]'
    assert load(f"teachers = []\n{outside}").external_teachers[0].labels == ("on", "off")
    with pytest.raises(UserError, match="looks into the first teacher"):
        load(f"teachers = []\n{outside}\n[distillation]\nangle_weight = 1.0")
    with pytest.raises(UserError, match=r"mine\.toml:3: .*5 clips a word are too few"):
        load("[distillation]\nspoken_clips = 5")
