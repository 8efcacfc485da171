"""Networks: limits of the shipped student, what is counted, and the int8 form."""

import numpy as np
import pytest

from training import models
from training.compress import quantise
from training.recipe import (
    FEATURE_SCALE,
    FrontendConfig,
    StudentConfig,
    load_recipe,
    shipped_recipes,
)
from training.runtime import keras
from training.train import predict

STUDENT_PARAMETERS = 25_000
STUDENT_MACS = 3_000_000
DEPLOYABLE = {
    keras.layers.InputLayer,
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.BatchNormalization,
    keras.layers.ReLU,
    keras.layers.Add,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.Dropout,
    keras.layers.Flatten,
    keras.layers.ZeroPadding2D,
}


@pytest.mark.parametrize("name", ["commands12", "commands12_small", "commands12_spectro", "demo"])
def test_shipped_students_fit_a_small_chip(name):
    recipe = load_recipe(shipped_recipes()[name])
    student = models.build(recipe.student, recipe.frontend, len(recipe.words.labels), seed=1)
    teacher = models.build(recipe.teachers[0], recipe.frontend, len(recipe.words.labels), seed=1)
    assert student.input_shape == (None, 49, 40, 1)
    assert student.output_shape == teacher.output_shape == (None, len(recipe.words.labels))
    assert models.deployed_parameters(student) <= STUDENT_PARAMETERS
    assert models.count_macs(student) <= STUDENT_MACS
    assert models.deployed_parameters(teacher) > 2 * models.deployed_parameters(student)
    assert {type(layer) for layer in student.layers} <= DEPLOYABLE


def test_the_seed_gives_the_weights():
    first, same, other = (
        models.build(StudentConfig(width=8, blocks=2), FrontendConfig(), 3, seed).get_weights()
        for seed in (1, 1, 2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_counts_by_hand():
    inputs = keras.Input((4, 6, 1))
    x = keras.layers.Conv2D(5, (3, 2), strides=2, padding="same", use_bias=False)(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.DepthwiseConv2D((3, 3), padding="same", use_bias=False)(x)
    x = keras.layers.BatchNormalization()(x)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x)))
    # Kernels, one bias for each normalised channel, and the dense layer with its own.
    assert models.deployed_parameters(model) == (3 * 2 * 5 + 5) + (3 * 3 * 5 + 5) + (5 * 2 + 2)
    assert models.count_macs(model) == 2 * 3 * (3 * 2 * 5) + 2 * 3 * (3 * 3 * 5) + 5 * 2


@pytest.fixture(scope="module")
def aware_and_tflite():
    """A tiny student after a few steps on the int8 grid."""
    student = models.build(StudentConfig(width=8, blocks=3), FrontendConfig(), 3, seed=1)
    aware = quantise.quantise_aware(student)
    features = np.random.default_rng(1).integers(-128, 128, (32, 49, 40), dtype=np.int8)
    inputs = features[..., None].astype(np.float32) * FEATURE_SCALE
    aware.compile(keras.optimizers.Adam(1e-3), "mse")
    aware.fit(inputs, np.zeros((32, 3)), batch_size=8, epochs=2, verbose=0)
    return aware, quantise.convert(aware), features


def test_int8_model_takes_features_as_they_are(aware_and_tflite):
    _, tflite, _ = aware_and_tflite
    quantise.check_input(tflite)
    details = quantise.Interpreter(model_content=tflite).get_input_details()[0]
    assert details["quantization"] == (FEATURE_SCALE, 0)
    assert details["shape"].tolist() == [1, 49, 40, 1]


def test_int8_logits_follow_the_network(aware_and_tflite):
    aware, tflite, features = aware_and_tflite
    logits = quantise.int8_logits(tflite, features)
    output = quantise.Interpreter(model_content=tflite).get_output_details()[0]
    scale, zero_point = output["quantization"]
    steps = (logits.astype(float) - zero_point) - predict(aware, features) / scale
    assert logits.dtype == np.int8
    assert logits.shape == (32, 3)
    assert np.abs(steps).max() < 4.0
    assert np.ptp(logits, axis=0).max() > 0, "the outputs must depend on the clip"


def test_other_input_scales_are_refused():
    student = models.build(StudentConfig(width=8, blocks=1), FrontendConfig(), 3, seed=1)
    aware = quantise.quantise_aware(student)
    for variable in aware.layers[1].weights:
        if variable.name.endswith("_max:0"):
            variable.assign(quantise.INPUT_HIGH + 1.0)
    with pytest.raises(ValueError, match="the input is"):
        quantise.convert(aware)
