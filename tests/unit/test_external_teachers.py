"""Foreign networks as teachers: each format against its source, label maps, and what is refused.

The networks are tiny and made here; one test reads MLPerf Tiny's reference where it lies beside the
project.
"""

import numpy as np
import onnx
import pytest

from training.errors import UserError
from training.external import file_hash, load_teacher
from training.external.labels import fill_missing, make_class_map, read_labels
from training.recipe import FEATURE_SCALE, FrontendConfig
from training.recipe_distillation import ExternalTeacherConfig
from training.runtime import keras, tf

LABELS = ("yes", "no", "_unknown_", "_silence_")
FRONTEND = FrontendConfig(clip_samples=1_600, mel_bins=8, low_hz=100.0)
FRAMES, BINS, SAMPLES = FRONTEND.frames, FRONTEND.mel_bins, FRONTEND.clip_samples
CLIPS = 7
RNG = np.random.default_rng(6)
FEATURES = RNG.integers(-128, 128, (CLIPS, FRAMES, BINS), np.int8)
PCM = RNG.integers(-(2**15), 2**15, (CLIPS, SAMPLES), np.int16)
FORMATS = ["tflite", "saved", "onnx"]


def network(shape, softmax=False, outputs=4):
    """Flatten and one matrix: what an ONNX graph of two nodes can repeat."""
    keras.utils.set_random_seed(8)
    inputs = keras.Input(shape)
    x = keras.layers.Dense(outputs, name="scores")(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Softmax()(x) if softmax else x)


def save(model, kind, folder, batch=None):
    """Write the network as `kind`; `batch` fixes the batch of an ONNX file."""
    if kind == "saved":
        tf.saved_model.save(model, str(folder / "model"))
        return "model"
    path = folder / f"model.{kind}"
    path.write_bytes(to_tflite(model) if kind == "tflite" else to_onnx(model, batch))
    return path.name


def to_tflite(model, samples=None):
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if samples is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([clip[np.newaxis]] for clip in samples)
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def to_onnx(model, batch=None, dtype=onnx.TensorProto.FLOAT):
    kernel, bias = model.get_layer("scores").get_weights()
    helper, softmax = onnx.helper, isinstance(model.layers[-1], keras.layers.Softmax)
    last = "logits" if softmax else "out"
    nodes = [
        helper.make_node("Cast", ["in"], ["float"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Flatten", ["float"], ["flat"]),
        helper.make_node("Gemm", ["flat", "kernel", "bias"], [last]),
    ]
    if softmax:
        nodes.append(helper.make_node("Softmax", ["logits"], ["out"]))
    graph = helper.make_graph(
        nodes,
        "teacher",
        [helper.make_tensor_value_info("in", dtype, [batch or "n", *model.input_shape[1:]])],
        [helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, [batch or "n", len(bias)])],
        [
            onnx.numpy_helper.from_array(kernel, "kernel"),
            onnx.numpy_helper.from_array(bias, "bias"),
        ],
    )
    opset = helper.make_opsetid("", 13)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()


def load(folder, path, labels=LABELS, **config):
    settings = ExternalTeacherConfig(path=path, labels=labels, **config)
    return load_teacher(settings, LABELS, FRONTEND, folder)


def log_softmax(logits):
    return tf.nn.log_softmax(logits).numpy()


def step(values):
    """Widths in which the input's own arithmetic may differ: float32 sums in another order."""
    return 2e-5 * np.abs(values).max()


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("softmax", [False, True], ids=["logits", "softmax"])
@pytest.mark.parametrize("channel", [(), (1,)], ids=["frames-bins", "frames-bins-1"])
def test_features_get_the_logits_of_the_source(kind, softmax, channel, tmp_path):
    model = network((FRAMES, BINS, *channel), softmax)
    teacher = load(tmp_path, save(model, kind, tmp_path))
    source = network((FRAMES, BINS, *channel))
    expected = log_softmax(source(FEATURES.reshape(-1, FRAMES, BINS, *channel) * FEATURE_SCALE))
    assert teacher.probabilities is softmax
    heard = teacher.logits(FEATURES)
    assert heard.dtype == np.float32
    likely = expected > np.log(1e-6)  # below, the softmax of a float has lost what it knew
    assert likely.sum() > CLIPS
    assert np.abs(heard - expected)[likely].max() < step(expected)


@pytest.mark.parametrize("kind", FORMATS)
def test_samples_get_the_logits_of_the_source(kind, tmp_path):
    model = network((SAMPLES,))
    teacher = load(tmp_path, save(model, kind, tmp_path), input="pcm")
    expected = log_softmax(model(PCM / np.float32(2**15)))
    assert np.abs(teacher.logits(PCM) - expected).max() < step(expected)


@pytest.mark.parametrize("batch", [1, 3])
def test_fixed_batches_are_filled_and_cut(batch, tmp_path):
    model = network((FRAMES, BINS))
    free = load(tmp_path, save(model, "onnx", tmp_path)).logits(FEATURES)
    fixed = load(tmp_path, save(model, "onnx", tmp_path, batch))
    assert np.allclose(fixed.logits(FEATURES), free, atol=1e-5)


@pytest.mark.parametrize("softmax", [False, True], ids=["logits", "softmax"])
def test_integers_go_in_and_out_by_the_scales_of_the_file(softmax, tmp_path):
    model = network((FRAMES, BINS), softmax)
    model.get_layer("scores").set_weights(
        [0.1 * values for values in model.get_layer("scores").get_weights()]
    )
    inputs = (FEATURES * FEATURE_SCALE).astype(np.float32)
    (tmp_path / "model.tflite").write_bytes(to_tflite(model, inputs))
    teacher = load(tmp_path, "model.tflite")
    assert teacher.network.source.dtype == teacher.network.target.dtype == "int8"
    assert teacher.probabilities is softmax
    expected = np.log(model(inputs)) if softmax else log_softmax(model(inputs))
    likely = expected > np.log(0.05)
    assert np.abs(teacher.logits(FEATURES) - expected)[likely].max() < 0.15


def test_integers_without_a_scale_are_the_features_themselves(tmp_path):
    model = network((FRAMES, BINS))
    (tmp_path / "model.onnx").write_bytes(to_onnx(model, dtype=onnx.TensorProto.INT8))
    expected = log_softmax(model(FEATURES.astype(np.float32)))
    heard = load(tmp_path, "model.onnx").logits(FEATURES)
    assert np.abs(heard - expected).max() < step(expected)
    (tmp_path / "model.onnx").write_bytes(to_onnx(model, dtype=onnx.TensorProto.UINT8))
    with pytest.raises(UserError, match="takes uint8 values without a scale"):
        load(tmp_path, "model.onnx")


def test_classes_are_permuted_added_up_and_left_out():
    # cat and dog are no keywords: they add up to _unknown_; the recipe's "no" is not known to it.
    classes = make_class_map(LABELS, ("silence", "cat", "YES", "dog"), "x")
    logits = np.log([[0.1, 0.2, 0.4, 0.3]])
    assert np.allclose(np.exp(classes.apply(logits)), [[0.4, np.nan, 0.5, 0.1]], equal_nan=True)
    assert classes.known.tolist() == [True, False, True, True]
    # Without _unknown_ the other words are left out and the rest sums to 1 again.
    classes = make_class_map(("yes", "no"), ("no", "cat", "yes", "_silence_"), "x")
    assert np.allclose(np.exp(classes.apply(logits)), [[0.8, 0.2]])


def test_what_a_teacher_lacks_is_filled_from_the_others():
    partial = np.log([[0.75, np.nan, 0.25]]).astype(np.float32)
    others = np.log([[0.1, 0.6, 0.3]]) + 5.0
    assert np.allclose(np.exp(fill_missing(partial, others)), [[0.3, 0.6, 0.1]])
    whole = np.log([[0.2, 0.3, 0.5]])
    assert np.allclose(fill_missing(whole, others), whole)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (("yes", "no", "Yes", "x"), "name 'yes' twice"),
        (("a", "b", "c", "_unknown_"), "none of its labels is a keyword"),
    ],
)
def test_labels_that_cannot_be_meant_are_refused(labels, words):
    with pytest.raises(UserError, match=words):
        make_class_map(LABELS, labels, "x")


def test_one_common_class_is_not_enough():
    with pytest.raises(UserError, match="one class of the recipe only"):
        make_class_map(("yes", "no"), ("yes", "cat"), "x")


def test_labels_come_from_a_file_too(tmp_path):
    path = save(network((FRAMES, BINS)), "tflite", tmp_path)
    (tmp_path / "labels.txt").write_text("no\n\nyes\n_silence_\n_unknown_\n")
    teacher = load(tmp_path, path, labels=(), labels_file="labels.txt")
    straight = load(tmp_path, path).logits(FEATURES)
    assert np.array_equal(teacher.logits(FEATURES), straight[:, [1, 0, 3, 2]])
    (tmp_path / "empty.txt").write_text("\n")
    for name, words in (("empty.txt", "are empty"), ("none.txt", "cannot be read")):
        with pytest.raises(UserError, match=words):
            read_labels(tmp_path / name)


def test_hash_follows_the_content_of_files_and_folders(tmp_path):
    model = network((FRAMES, BINS))
    seen = set()
    for kind in FORMATS:
        path = tmp_path / save(model, kind, tmp_path)
        first = file_hash(path)
        assert first == file_hash(path)
        changed = path / "fingerprint.pb" if path.is_dir() else path
        changed.write_bytes(kind.encode())
        seen |= {first, file_hash(path)}
    assert len(seen) == 2 * len(FORMATS)
    with pytest.raises(UserError, match="does not exist"):
        file_hash(tmp_path / "none.onnx")


@pytest.mark.parametrize("kind", FORMATS)
def test_damaged_files_are_named(kind, tmp_path):
    name = save(network((FRAMES, BINS)), kind, tmp_path)
    path = tmp_path / name
    path = path / "saved_model.pb" if path.is_dir() else path
    whole = path.read_bytes()
    for content in (b"", b"no model at all" * 9, whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(UserError, match=rf"{name} cannot be opened by \w+"):
            load(tmp_path, name)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none.tflite", "does not exist"),
        ("folder", r"folder without saved_model\.pb"),
        ("model.h5", r"unknown kind: \.h5"),
    ],
)
def test_other_kinds_of_path_are_refused(name, words, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "model.h5").write_bytes(b"")
    with pytest.raises(UserError, match=words):
        load(tmp_path, name)


@pytest.mark.parametrize(
    ("shape", "config", "words"),
    [
        ((FRAMES, BINS + 1), {}, rf"takes float32\[batch, {FRAMES}, {BINS + 1}\]; features"),
        ((SAMPLES // 2,), {"input": "pcm"}, rf"takes float32\[batch, {SAMPLES // 2}\]; pcm"),
        ((FRAMES, BINS), {"sample_rate_hz": 8_000}, "trained at 8000 Hz, the recipe is at 16000"),
        ((FRAMES, BINS), {"labels": LABELS[:3]}, r"gives float32\[batch, 4\], and has 3 labels"),
    ],
)
def test_networks_that_do_not_fit_are_refused_with_the_value_seen(shape, config, words, tmp_path):
    with pytest.raises(UserError, match=words):
        load(tmp_path, save(network(shape), "tflite", tmp_path), **config)


def test_a_network_for_samples_is_recognised_under_features(tmp_path):
    with pytest.raises(UserError, match="takes float32") as caught:
        load(tmp_path, save(network((SAMPLES,)), "tflite", tmp_path))
    assert 'set input = "pcm"' in caught.value.remedy


def test_several_inputs_and_endless_scores_are_refused(tmp_path):
    first, second = keras.Input((FRAMES, BINS)), keras.Input((FRAMES, BINS))
    x = keras.layers.Dense(4)(keras.layers.Flatten()(keras.layers.Add()([first, second])))
    name = save(keras.Model([first, second], x), "tflite", tmp_path)
    with pytest.raises(UserError, match="has 2 inputs"):
        load(tmp_path, name)
    model = network((FRAMES, BINS))
    model.get_layer("scores").bias.assign([np.inf, 0.0, 0.0, 0.0])
    with pytest.raises(UserError, match="75% of them finite"):
        load(tmp_path, save(model, "onnx", tmp_path))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"labels": LABELS}, "path: the path is empty"),
        ({"path": "x.onnx"}, "neither is given"),
        ({"path": "x.onnx", "labels": LABELS, "labels_file": "y"}, "both are given"),
        ({"path": "x.onnx", "labels": LABELS, "input": "mfcc"}, "'mfcc' is not one of"),
    ],
)
def test_settings_are_checked_when_the_recipe_is_read(settings, words):
    with pytest.raises(UserError, match=words):
        ExternalTeacherConfig(**settings)


def test_reference_network_for_other_features_is_refused(shared_data):
    """A network of the field: 49 x 10 cepstral coefficients where the recipe has 49 x 40 bins."""
    models = None if shared_data is None else shared_data.parent / "models"
    name = "mlperf_tiny_kws_int8.tflite"
    if models is None or not (models / name).is_file():
        print(f"{name} is not here: only networks made by the test were read")
        return
    config = ExternalTeacherConfig(path=name, labels=LABELS)
    with pytest.raises(UserError, match=r"int8\[batch, 49, 10, 1\]; features"):
        load_teacher(config, LABELS, FrontendConfig(), models)
