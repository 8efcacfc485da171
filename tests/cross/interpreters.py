"""The same int8 model run three ways: LiteRT's reference kernels, TFLite-Micro, and sotto's C."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tflite_micro.python.tflite_micro import runtime

from training.export.plan import Plan
from training.export.program import KernelParams, Program

MICRO_ARENA_BYTES = 400_000
LIBRARY = Path(__file__).resolve().parents[2] / "firmware/lib/sotto/src"
NN_SOURCES = sorted(LIBRARY.glob("nn*/*.c"))
UNWRITTEN = 85


def run_litert(tflite: bytes, rounds: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
    """Outputs of LiteRT with its reference resolver, one for each round of inputs."""
    interpreter = Interpreter(
        model_content=tflite, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    sources = [detail["index"] for detail in interpreter.get_input_details()]
    target = interpreter.get_output_details()[0]["index"]
    outputs = []
    for inputs in rounds:
        for index, value in zip(sources, inputs, strict=True):
            interpreter.set_tensor(index, value)
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(target))
    return outputs


def run_micro(tflite: bytes, rounds: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
    """As `run_litert`, by TFLite-Micro."""
    interpreter = runtime.Interpreter.from_bytes(tflite, arena_size=MICRO_ARENA_BYTES)
    outputs = []
    for inputs in rounds:
        for index, value in enumerate(inputs):
            interpreter.set_input(value, index)
        interpreter.invoke()
        outputs.append(interpreter.get_output(0))
    return outputs


class Kernels:
    """sotto's C kernels, called with the exporter's parameters."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library

    @classmethod
    def _struct(cls, params: KernelParams) -> ctypes.Structure:
        layout, values = [], []
        for field in fields(params):
            value = getattr(params, field.name)
            if isinstance(value, np.ndarray):
                value = np.ascontiguousarray(value)
                layout.append((field.name, ctypes.c_void_p))
                values.append(value.ctypes.data_as(ctypes.c_void_p))
            elif isinstance(value, KernelParams):
                inner = cls._struct(value)
                layout.append((field.name, ctypes.POINTER(type(inner))))
                values.append(ctypes.pointer(inner))
            else:
                layout.append((field.name, ctypes.c_int32))
                values.append(value)
        return type("Struct", (ctypes.Structure,), {"_fields_": layout})(*values)

    @staticmethod
    def _memory(program: Program, plan: Plan | None) -> list[np.ndarray]:
        """Bytes of each buffer: on its own, or where the plan places it in one arena."""
        arena = np.full(0 if plan is None else plan.arena_bytes, UNWRITTEN, np.int8)
        memory = []
        for number, buffer in enumerate(program.buffers):
            own = np.full(buffer.bytes, UNWRITTEN, np.int8)
            if plan is not None and number in plan.offsets:
                own = arena[plan.offsets[number] :][: buffer.bytes]
            for content in (buffer.data, buffer.initial):
                if content is not None:
                    own[:] = np.ascontiguousarray(content).reshape(-1).view(np.int8)
            memory.append(own)
        return memory

    def run(
        self,
        program: Program,
        rounds: Sequence[Sequence[np.ndarray]],
        plan: Plan | None = None,
    ) -> list[np.ndarray]:
        """As `run_litert`: rounds follow each other, with states between them.

        Each buffer lies on its own, unless there is a plan.
        """
        structs = [self._struct(call.params) for call in program.calls]
        memory = self._memory(program, plan)
        outputs = []
        for inputs in rounds:
            for number, buffer in enumerate(program.buffers):
                if plan is None and buffer.data is None and buffer.initial is None:
                    memory[number] = np.full(buffer.bytes, UNWRITTEN, np.int8)
            for number, value in zip(program.inputs, inputs, strict=True):
                memory[number] = np.ascontiguousarray(value)
            for call, struct in zip(program.calls, structs, strict=True):
                places = map(program.place, call.buffers)
                pointers = [
                    ctypes.c_void_p(memory[p.buffer].ctypes.data + p.start_byte) for p in places
                ]
                kernel = getattr(self.library, call.params.function)
                kernel(ctypes.byref(struct), *pointers)
            target = program.outputs[0]
            buffer = program.buffers[target]
            outputs.append(memory[target].view(buffer.dtype).reshape(buffer.shape).copy())
        return outputs
