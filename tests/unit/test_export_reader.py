"""`.tflite` bytes to graph and back; damaged files are refused, never followed."""

from __future__ import annotations

import random

import numpy as np
import pytest
from model_builder import every_operator_model, keyword_model, split_and_join_model
from stream_models import recurrent_model, streaming_model

from training.errors import UserError
from training.export.compile import compile_model
from training.export.graph import Graph
from training.export.reader import read_tflite
from training.export.tflite_writer import write_tflite

DAMAGED_MODELS = 300
MODELS = [
    keyword_model,
    every_operator_model,
    split_and_join_model,
    streaming_model,
    recurrent_model,
]


def same(first: Graph, second: Graph) -> bool:
    """Equal but for the identity of the arrays."""
    plain = first.operators == second.operators and (first.inputs, first.outputs) == (
        second.inputs,
        second.outputs,
    )
    plain = plain and len(first.subgraphs) == len(second.subgraphs)
    return plain and all(
        (a.name, a.shape, a.dtype, a.quantization) == (b.name, b.shape, b.dtype, b.quantization)
        and np.array_equal(a.data, b.data)
        for a, b in zip(first.tensors, second.tensors, strict=True)
    )


@pytest.mark.parametrize("build", MODELS)
def test_reading_and_writing_are_inverse(build: object) -> None:
    tflite = build()
    graph = read_tflite(tflite)
    assert len(graph.operators) > 5
    assert same(read_tflite(write_tflite(graph)), graph)
    assert write_tflite(graph) == tflite


def test_an_error_names_operator_tensor_and_model() -> None:
    tflite = keyword_model()
    name = read_tflite(tflite).operators[0].name
    assert name == "CONV_2D"
    graph = read_tflite(tflite, "speech.tflite")
    assert graph.where(graph.operators[0]) == "operator 0 (CONV_2D -> 't3') of speech.tflite"


@pytest.mark.parametrize("tflite", [b"", b"no model at all", bytes(1_000)])
def test_other_files_are_refused(tflite: bytes) -> None:
    with pytest.raises(UserError, match=r"speech\.bin is no TensorFlow Lite model"):
        read_tflite(tflite, "speech.bin")


def test_a_cut_file_is_refused() -> None:
    tflite = keyword_model()
    with pytest.raises(UserError, match="damaged"):
        read_tflite(tflite[: len(tflite) // 2])


@pytest.mark.parametrize("build", MODELS)
def test_damage_is_a_user_error_or_harmless(build: object) -> None:
    """Any other exception than `UserError` fails this test."""
    tflite = build()
    rng = random.Random(5)
    refused = 0
    for _ in range(DAMAGED_MODELS):
        damaged = bytearray(tflite)
        for _ in range(rng.choice([1, 1, 2, 5])):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            compile_model(bytes(damaged))
        except UserError:
            refused += 1
    assert DAMAGED_MODELS // 4 < refused < DAMAGED_MODELS
