"""What teachers say, kept pass by pass, and recordings that only they label."""

import wave

import numpy as np
import pytest

from training.audio.corpus import corpus_fingerprint
from training.errors import UserError
from training.models.layers import classifier, conv
from training.progress import Silent
from training.runtime import keras
from training.teaching.answers import Shower, foreign_logits, mean_logits, write_passes
from training.teaching.unlabelled import as_corpus, cut, find_recordings, write_clips

RNG = np.random.default_rng(2)


def test_passes_are_computed_once_across_a_break(tmp_path):
    asked = []

    def compute(index):
        asked.append(index)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return np.full((4, 2), index), np.full(3, -index)

    shapes = {"said.npy": (4, 2), "shown.npy": (3,)}
    with pytest.raises(KeyboardInterrupt):
        write_passes(tmp_path, shapes, 5, compute, Silent(), "test")
    write_passes(tmp_path, shapes, 5, compute, Silent(), "test")
    assert asked == [0, 1, 2, 2, 3, 4]
    said, shown = (np.load(tmp_path / name) for name in shapes)
    assert said.dtype == shown.dtype == np.float16
    assert np.array_equal(said, np.broadcast_to(np.arange(5.0)[:, None, None], (5, 4, 2)))
    assert np.array_equal(shown, np.broadcast_to(-np.arange(5.0)[:, None], (5, 3)))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(shapes)


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def test_mean_of_teachers_that_know_all():
    full = [RNG.normal(size=(3, 4)).astype(np.float16) for _ in range(2)]
    expected = np.mean([log_softmax(one.astype(np.float64)) for one in full], axis=0)
    assert np.allclose(mean_logits(full), log_softmax(expected), atol=1e-6)


def test_a_teacher_that_lacks_classes_counts_where_it_knows():
    full = np.log([[0.5, 0.3, 0.2]]) + 7.0
    partial = np.log([[0.25, 0.75, np.nan]])
    # Filled: the lacking class keeps 0.2, the rest 0.8 is shared out 1 : 3.
    expected = np.log([[0.5, 0.3, 0.2]]) / 2 + np.log([[0.2, 0.6, 0.2]]) / 2
    assert np.allclose(mean_logits([partial, full]), log_softmax(expected), atol=1e-6)


def test_a_teacher_that_says_nothing_changes_nothing():
    full = [RNG.normal(size=(3, 4)) for _ in range(2)]
    silent = np.full((3, 4), np.nan)
    assert np.allclose(mean_logits([*full, silent]), mean_logits(full), atol=1e-6)
    with pytest.raises(ValueError, match="no teacher knows every class"):
        mean_logits([silent])


class Foreign:
    """Says how loud a clip is."""

    def __init__(self, hears):
        self.hears = hears
        self.classes = type("Classes", (), {"classes": 2})

    def logits(self, clips):
        loud = np.abs(clips.astype(np.float64)).reshape(len(clips), -1).mean(axis=1)
        return np.stack([loud, -1e9 * np.ones(len(clips))], axis=1)


def test_foreign_teachers_hear_features_samples_or_nothing():
    copies = RNG.integers(-100, 100, (2, 3, 4, 5), np.int8)
    samples = RNG.integers(-1_000, 1_000, (2, 3, 50), np.int16)
    for hears, source, heard in (
        ("features", None, copies),
        ("pcm", samples.__getitem__, samples),
    ):
        (said,) = foreign_logits(Foreign(hears), copies, source)(1)
        loud = np.abs(heard[1].astype(float)).reshape(3, -1).mean(axis=1)
        assert np.allclose(said[:, 0], loud, rtol=1e-5)
        assert np.isfinite(said.astype(np.float16)).all(), "what float16 cannot hold is cut"
    (said,) = foreign_logits(Foreign("pcm"), copies, None)(0)
    assert said.shape == (3, 2)
    assert np.isnan(said).all()


def test_shown_signals_have_unit_variance_and_unit_length():
    keras.utils.set_random_seed(4)
    inputs = keras.Input((8, 6, 1))
    model = keras.Model(inputs, classifier(conv(inputs, 5, (3, 3), (2, 2)), 3, dropout=0.0))
    features = RNG.integers(-90, 90, (600, 8, 6), np.int8)
    show = Shower(model, features, xla=False)
    embedding, attention = show(features)
    assert embedding.shape == (600, show.channels) == (600, 5)
    assert attention.shape == (600, show.frames) == (600, 4)
    assert np.allclose(embedding.mean(axis=0), 0.0, atol=1e-4)
    assert np.allclose(embedding.std(axis=0), 1.0, atol=1e-2)
    assert np.allclose(np.linalg.norm(attention, axis=1), 1.0, atol=1e-5)
    assert np.allclose(show(features[:7]).embedding, embedding[:7], atol=1e-5)


def test_recordings_are_cut_into_clips():
    def lengths(samples):
        return [len(clip) for clip in cut(np.ones(samples, np.int16), 10)]

    assert lengths(3) == [10]
    assert lengths(10) == [10]
    assert lengths(24) == [10, 10]
    assert lengths(25) == [10, 10, 10]
    clips = list(cut(np.arange(1, 26, dtype=np.int16), 10))
    assert clips[1].tolist() == list(range(11, 21))
    assert clips[2].tolist() == [0, 0, 21, 22, 23, 24, 25, 0, 0, 0]


def write_wave(path, samples):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(np.asarray(samples, "<i2").tobytes())


def test_any_arrangement_of_folders_is_read(tmp_path):
    write_wave(tmp_path / "in" / "b.wav", np.arange(1_000))
    write_wave(tmp_path / "in" / "deep" / "er" / "a.wav", np.arange(450))
    (tmp_path / "in" / "readme.txt").write_text("no audio")
    files = find_recordings(tmp_path / "in")
    assert [path.name for path in files] == ["b.wav", "a.wav"]
    facts = {"sample_rate_hz": 8_000, "clip_samples": 400, "progress": Silent()}
    clips = write_clips(files, tmp_path / "out.raw", skip_unreadable=False, **facts)
    assert clips.shape == (2 + 1 + 1, 400)
    assert np.array_equal(clips[1], np.arange(400, 800))
    first = corpus_fingerprint(as_corpus(files, tmp_path / "in"))
    write_wave(tmp_path / "in" / "b.wav", np.arange(999))
    assert corpus_fingerprint(as_corpus(files, tmp_path / "in")) != first

    files[0].write_bytes(b"no audio at all")
    with pytest.raises(UserError, match=r"b\.wav"):
        write_clips(files, tmp_path / "out.raw", skip_unreadable=False, **facts)
    assert len(write_clips(files, tmp_path / "out.raw", skip_unreadable=True, **facts)) == 1
    with pytest.raises(UserError, match="no unlabelled recording can be read"):
        write_clips(files[:1], tmp_path / "out.raw", skip_unreadable=True, **facts)


def test_folders_without_audio_are_refused(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        find_recordings(tmp_path / "none")
    with pytest.raises(UserError, match="holds no audio"):
        find_recordings(tmp_path)
