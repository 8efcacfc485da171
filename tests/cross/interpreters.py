"""The same int8 model run three ways: LiteRT's reference kernels, TFLite-Micro, and sotto's C."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import fields

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tflite_micro.python.tflite_micro import runtime

from training.export.program import Params, Program

MICRO_ARENA_BYTES = 400_000


def run_litert(tflite: bytes, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Outputs of LiteRT with its reference resolver."""
    interpreter = Interpreter(
        model_content=tflite, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]


def run_micro(tflite: bytes, inputs: Sequence[np.ndarray], outputs: int = 1) -> list[np.ndarray]:
    """Outputs of TFLite-Micro."""
    interpreter = runtime.Interpreter.from_bytes(tflite, arena_size=MICRO_ARENA_BYTES)
    for index, value in enumerate(inputs):
        interpreter.set_input(value, index)
    interpreter.invoke()
    return [interpreter.get_output(i) for i in range(outputs)]


class Kernels:
    """sotto's C kernels, called with the exporter's parameters."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library

    @staticmethod
    def _struct(params: Params) -> ctypes.Structure:
        layout, values = [], []
        for field in fields(params):
            value = getattr(params, field.name)
            if isinstance(value, np.ndarray):
                value = np.ascontiguousarray(value)
                layout.append((field.name, ctypes.c_void_p))
                values.append(value.ctypes.data_as(ctypes.c_void_p))
            else:
                layout.append((field.name, ctypes.c_int32))
                values.append(value)
        return type("Struct", (ctypes.Structure,), {"_fields_": layout})(*values)

    def run(self, program: Program, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Run every call, each buffer on its own (the memory plan is tested elsewhere)."""
        memory = [
            np.full(b.bytes, 85, np.int8) if b.data is None else b.data.reshape(-1).copy()
            for b in program.buffers
        ]
        for buffer, value in zip(program.inputs, inputs, strict=True):
            memory[buffer] = np.ascontiguousarray(value).reshape(-1)
        for call in program.calls:
            struct = self._struct(call.params)
            pointers = [ctypes.c_void_p(memory[b].ctypes.data) for b in (*call.inputs, call.output)]
            getattr(self.library, f"sotto_{call.params.kernel}_s8")(ctypes.byref(struct), *pointers)
        return [memory[b].reshape(program.buffers[b].shape) for b in program.outputs]
