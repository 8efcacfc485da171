"""The interpreters that define what is right: LiteRT's reference kernels and TFLite-Micro."""

from __future__ import annotations

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tflite_micro.python.tflite_micro import runtime

from training.export.reader import read_tflite


def _runs(tflite: bytes, inputs: np.ndarray) -> list[np.ndarray]:
    """The inputs, one by one for a model with state: each needs an interpreter without a past."""
    stateful = any(operator.name == "VAR_HANDLE" for operator in read_tflite(tflite).operators)
    return np.split(inputs, len(inputs)) if stateful else [inputs]


def run_reference(tflite: bytes, inputs: np.ndarray) -> np.ndarray:
    """Scores [clips, classes] of inputs [clips, ...], one inference each, as after a reset."""
    return np.concatenate([_run_reference(tflite, part) for part in _runs(tflite, inputs)])


def run_micro(tflite: bytes, inputs: np.ndarray, arena_bytes: int) -> np.ndarray:
    """As `run_reference`, by TFLite-Micro with an arena that is known to be enough."""
    return np.concatenate([_run_micro(tflite, part, arena_bytes) for part in _runs(tflite, inputs)])


def _run_reference(tflite: bytes, inputs: np.ndarray) -> np.ndarray:
    interpreter = Interpreter(
        model_content=tflite, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]
    target = interpreter.get_output_details()[0]["index"]
    scores = []
    for value in inputs:
        interpreter.set_tensor(source["index"], value.reshape(source["shape"]))
        interpreter.invoke()
        scores.append(interpreter.get_tensor(target).reshape(-1))
    return np.stack(scores)


def _run_micro(tflite: bytes, inputs: np.ndarray, arena_bytes: int) -> np.ndarray:
    interpreter = runtime.Interpreter.from_bytes(tflite, arena_size=arena_bytes)
    shape = interpreter.get_input_details(0)["shape"]
    scores = []
    for value in inputs:
        interpreter.set_input(value.reshape(shape), 0)
        interpreter.invoke()
        scores.append(interpreter.get_output(0).reshape(-1))
    return np.stack(scores)
