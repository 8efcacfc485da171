"""The interpreters that define what is right: LiteRT's reference kernels and TFLite-Micro."""

from __future__ import annotations

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tflite_micro.python.tflite_micro import runtime


def run_reference(tflite: bytes, inputs: np.ndarray) -> np.ndarray:
    """Scores int8[clips, classes] of int8[clips, ...], one inference each."""
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


def run_micro(tflite: bytes, inputs: np.ndarray, arena_bytes: int) -> np.ndarray:
    """As `run_reference`, by TFLite-Micro with an arena that is known to be enough."""
    interpreter = runtime.Interpreter.from_bytes(tflite, arena_size=arena_bytes)
    shape = interpreter.get_input_details(0)["shape"]
    scores = []
    for value in inputs:
        interpreter.set_input(value.reshape(shape), 0)
        interpreter.invoke()
        scores.append(interpreter.get_output(0).reshape(-1))
    return np.stack(scores)
