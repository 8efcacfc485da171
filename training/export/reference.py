"""LiteRT with its reference kernels: the interpreter that defines what is right."""

from __future__ import annotations

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType


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
