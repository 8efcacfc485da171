"""Random networks of moves, sums and states compute the same with and without the passes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from interpreters import NN_SOURCES, Kernels
from model_builder import Builder

from training.export.graph import (
    ArithmeticOptions,
    ConcatenationOptions,
    Graph,
    LeakyReluOptions,
    Operator,
    SplitOptions,
    StridedSliceOptions,
)
from training.export.lower import lower
from training.export.passes import LAST_PASSES, PROGRAM_PASSES, apply_all, simplify
from training.export.plan import lifetimes_of, plan_memory, verify_plan
from training.export.verify import verify_program

NETWORKS = 400
ROUNDS = 4
SCALE = 0.1
STATE_BYTES = 8


class Network(Builder):
    """A network in the making: every step reads tensors [1, n] that are there."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.rng = np.random.default_rng(seed)
        self.source = self.tensor((1, 16), SCALE)
        self.ready = [self.source]
        self.states = [self._state() for _ in range(int(self.rng.integers(3)))]

    def _state(self) -> int:
        number = self.tensor((1, STATE_BYTES), SCALE)
        initial = self.rng.integers(-128, 128, (1, STATE_BYTES)).astype(np.int8)
        self.tensors[number] = dataclasses.replace(self.tensors[number], initial=initial)
        return number

    def size(self, tensor: int) -> int:
        return self.tensors[tensor].shape[1]

    def any(self, size: int | None = None) -> int:
        """A tensor that is there, of a size if one is given and there is such a tensor."""
        fitting = [t for t in self.ready if size is None or self.size(t) == size]
        return int(self.rng.choice(fitting or self.ready))

    def new(self, size: int) -> int:
        self.ready.append(self.tensor((1, size), SCALE))
        return self.ready[-1]

    def function(self) -> None:
        source = self.any()
        options = LeakyReluOptions(0.5)
        self.operator("LEAKY_RELU", [source], self.new(self.size(source)), options)

    def add(self) -> None:
        first = self.any()
        second = self.any(self.size(first))
        if self.size(first) == self.size(second):
            output = self.new(self.size(first))
            self.operator("ADD", [first, second], output, ArithmeticOptions())

    def join(self) -> None:
        parts = [self.any() for _ in range(int(self.rng.integers(2, 4)))]
        output = self.new(sum(map(self.size, parts)))
        self.operator("CONCATENATION", parts, output, ConcatenationOptions(axis=1))

    def cut(self) -> None:
        source = self.any()
        first, last = sorted(self.rng.choice(self.size(source) + 1, 2, replace=False).tolist())
        bounds = [self.constant(np.array(v, np.int32)) for v in ([0, first], [1, last], [1, 1])]
        output = self.new(last - first)
        self.operator("STRIDED_SLICE", [source, *bounds], output, StridedSliceOptions())

    def split(self) -> None:
        source = self.any()
        if self.size(source) % 2 == 0:
            inputs = self.constant(np.array(1, np.int32)), source
            halves = [self.new(self.size(source) // 2) for _ in range(2)]
            self.operators.append(Operator("SPLIT", inputs, tuple(halves), SplitOptions(2)))

    def read(self) -> None:
        if self.states:
            state = int(self.rng.choice(self.states))
            self.operator("READ_VARIABLE", [state], self.new(STATE_BYTES))

    def assign(self) -> None:
        value = self.any(STATE_BYTES)
        if self.states and self.size(value) == STATE_BYTES:
            state = int(self.rng.choice(self.states))
            self.operators.append(Operator("ASSIGN_VARIABLE", (state, value), ()))

    def window(self) -> None:
        """What `keep_streams` looks for, if nothing else uses the state."""
        if not self.states:
            return
        state, new = int(self.rng.choice(self.states)), self.any()
        old = self.operator("READ_VARIABLE", [state], self.tensor((1, STATE_BYTES), SCALE))
        whole = self.new(STATE_BYTES + self.size(new))
        self.operator("CONCATENATION", [old, new], whole, ConcatenationOptions(axis=1))
        bounds = [[0, self.size(new)], [1, self.size(whole)], [1, 1]]
        inputs = [whole, *(self.constant(np.array(v, np.int32)) for v in bounds)]
        kept = self.tensor((1, STATE_BYTES), SCALE)
        self.operator("STRIDED_SLICE", inputs, kept, StridedSliceOptions())
        self.operators.append(Operator("ASSIGN_VARIABLE", (state, kept), ()))

    def finished(self) -> Graph:
        steps = [self.function, self.add, self.join, self.cut, self.split]
        steps += [self.read, self.assign, self.window]
        for step in self.rng.choice(len(steps), int(self.rng.integers(4, 14))):
            steps[step]()
        self.function()
        self.join()
        return self.build([self.source], [self.ready[-1]])


@pytest.fixture(scope="module")
def kernels(build_shared: Callable) -> Kernels:
    return Kernels(build_shared(NN_SOURCES))


def test_passes_keep_every_byte(kernels: Kernels) -> None:
    fewer, streams, views = 0, 0, 0
    for seed in range(NETWORKS):
        graph = Network(seed).finished()
        plain, simple = lower(graph), simplify(graph)
        program = apply_all(LAST_PASSES, apply_all(PROGRAM_PASSES, lower(simple)))
        lifetimes = lifetimes_of(program)
        plan = plan_memory(lifetimes)
        verify_plan(lifetimes, plan)
        verify_program(program, plan)
        inputs = np.random.default_rng(seed).integers(-128, 128, (ROUNDS, 1, 1, 16))
        rounds = [[value] for (value,) in inputs.astype(np.int8)]
        np.testing.assert_array_equal(
            kernels.run(program, rounds, plan), kernels.run(plain, rounds), f"seed {seed}: {graph}"
        )
        fewer += len(program.calls) < len(plain.calls)
        views += any(buffer.view is not None for buffer in program.buffers)
        streams += any(operator.name == "STREAM" for operator in simple.operators)
    assert min(fewer, views, streams) > NETWORKS // 10, (fewer, views, streams)
