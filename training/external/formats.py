"""Foreign networks with one input and one output, whatever kind of file they come from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
from ai_edge_litert.interpreter import Interpreter
from onnxruntime.capi import onnxruntime_pybind11_state as onnx_errors

from training.errors import UserError
from training.runtime import tf

SAVED_MODEL_FILE = "saved_model.pb"
SIGNATURE = "serving_default"

_ONNX_ERRORS = (
    onnx_errors.EPFail,
    onnx_errors.Fail,
    onnx_errors.InvalidArgument,
    onnx_errors.InvalidGraph,
    onnx_errors.InvalidProtobuf,
    onnx_errors.NoModel,
    onnx_errors.NotImplemented,
    onnx_errors.RuntimeException,
)
_TENSORFLOW_ERRORS = (OSError, ValueError, RuntimeError, KeyError, tf.errors.OpError)
_TFLITE_ERRORS = (ValueError, RuntimeError)
_ONNX_TYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(int16)": "int16",
}
_LOUDEST_FATAL = 4
"""Severity from which ONNX Runtime prints: what fails is raised as well."""


@dataclass(frozen=True)
class Port:
    """The input or the output of a network."""

    shape: tuple[int | None, ...]
    """The batch first; None where the file leaves the length open."""
    dtype: str
    """NumPy's name."""
    scale: float = 0.0
    """Value of one integer step; 0 where the file has none."""
    zero_point: int = 0

    @property
    def text(self) -> str:
        """As people write it: `float32[batch, 49, 40]`."""
        shown = ["any" if n is None else str(n) for n in self.shape]
        if shown and self.shape[0] in (None, 1):
            shown[0] = "batch"
        return f"{self.dtype}[{', '.join(shown)}]"


class ForeignNetwork(Protocol):
    """A network that somebody else trained."""

    source: Port
    target: Port

    def run(self, batch: np.ndarray) -> np.ndarray:
        """Outputs of a batch that has the shape and the dtype of `source`."""


def open_network(path: Path) -> ForeignNetwork:
    """Open a `.tflite` file, an `.onnx` file or a SavedModel folder.

    Raises:
        UserError: nothing is there, the kind is unknown, the file is damaged, or the network has
            several inputs or outputs.
    """
    if not path.exists():
        raise UserError(
            f"the external teacher {path} does not exist",
            "Give the path of a .tflite or .onnx file or of a SavedModel folder; a relative path "
            "counts from the folder of the recipe.",
        )
    if path.is_dir():
        if not (path / SAVED_MODEL_FILE).is_file():
            raise UserError(
                f"the external teacher {path} is a folder without {SAVED_MODEL_FILE}",
                "Give the folder that `model.export(...)` or `tf.saved_model.save(...)` wrote.",
            )
        return _SavedModel(path)
    kinds: dict[str, type[_TFLite] | type[_Onnx]] = {".tflite": _TFLite, ".onnx": _Onnx}
    if (kind := kinds.get(path.suffix.lower())) is None:
        raise UserError(
            f"the external teacher {path} is of an unknown kind: {path.suffix or 'no suffix'}",
            "Give a .tflite or .onnx file or a SavedModel folder; `model.export(DIR)` turns a "
            "Keras model into one.",
        )
    return kind(path)


class _TFLite:
    """LiteRT's default kernels; resized to the batch where the file leaves it open."""

    def __init__(self, path: Path) -> None:
        try:
            self._interpreter = Interpreter(
                model_content=path.read_bytes(), num_threads=os.cpu_count()
            )
            self._interpreter.allocate_tensors()
        except _TFLITE_ERRORS as error:
            raise _damaged(path, "LiteRT", error) from error
        inputs, outputs = (
            self._interpreter.get_input_details(),
            self._interpreter.get_output_details(),
        )
        _only_one(path, [one["name"] for one in inputs], [one["name"] for one in outputs])
        self._input, self._output = inputs[0]["index"], outputs[0]["index"]
        self.source, self.target = self._port(inputs[0]), self._port(outputs[0])

    @staticmethod
    def _port(details: dict[str, Any]) -> Port:
        shape = [None if n < 0 else int(n) for n in details["shape_signature"]]
        scale, zero_point = details["quantization"]
        return Port(tuple(shape), np.dtype(details["dtype"]).name, float(scale), int(zero_point))

    def run(self, batch: np.ndarray) -> np.ndarray:
        """One invocation."""
        current = tuple(self._interpreter.get_input_details()[0]["shape"])
        if current != batch.shape:
            self._interpreter.resize_tensor_input(self._input, batch.shape, strict=True)
            self._interpreter.allocate_tensors()
        self._interpreter.set_tensor(self._input, batch)
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(self._output))


class _Onnx:
    """ONNX Runtime on the processor."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _LOUDEST_FATAL
        options.intra_op_num_threads = os.cpu_count() or 1
        try:
            self._session = onnxruntime.InferenceSession(
                path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except _ONNX_ERRORS as error:
            raise _damaged(path, "ONNX Runtime", error) from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        _only_one(path, [one.name for one in inputs], [one.name for one in outputs])
        self._name = inputs[0].name
        self.source, self.target = self._port(inputs[0]), self._port(outputs[0])

    @staticmethod
    def _port(node: Any) -> Port:
        shape = tuple(n if isinstance(n, int) else None for n in node.shape)
        return Port(shape, _ONNX_TYPES.get(node.type, node.type))

    def run(self, batch: np.ndarray) -> np.ndarray:
        """One session run."""
        return np.asarray(self._session.run(None, {self._name: batch})[0])


class _SavedModel:
    """The serving signature of a SavedModel, or its only one."""

    def __init__(self, path: Path) -> None:
        try:
            # Held, because the signature alone does not keep the variables alive.
            self._loaded = tf.saved_model.load(str(path))
            signatures = dict(self._loaded.signatures)
        except _TENSORFLOW_ERRORS as error:
            raise _damaged(path, "TensorFlow", error) from error
        if not signatures or (len(signatures) > 1 and SIGNATURE not in signatures):
            raise UserError(
                f"{path} has no signature {SIGNATURE}; it has {sorted(signatures) or 'none'}",
                f"Save it with signatures={{'{SIGNATURE}': ...}}.",
            )
        self._run = signatures.get(SIGNATURE) or next(iter(signatures.values()))
        inputs, outputs = self._run.structured_input_signature[1], self._run.structured_outputs
        _only_one(path, list(inputs), list(outputs))
        (self._name, source), (self._output, target) = (
            next(iter(inputs.items())),
            next(iter(outputs.items())),
        )
        self.source, self.target = self._port(source), self._port(target)

    @staticmethod
    def _port(spec: Any) -> Port:
        shape = () if spec.shape.rank is None else tuple(spec.shape.as_list())
        return Port(shape, spec.dtype.name)

    def run(self, batch: np.ndarray) -> np.ndarray:
        """One call of the signature."""
        return np.asarray(self._run(**{self._name: tf.constant(batch)})[self._output])


def _only_one(path: Path, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    for what, names in (("inputs", inputs), ("outputs", outputs)):
        if len(names) != 1:
            raise UserError(
                f"{path} has {len(names)} {what}: {', '.join(names)}",
                "A teacher takes one clip and gives one row of scores: export the network with one "
                "input and one output.",
            )


def _damaged(path: Path, reader: str, error: Exception) -> UserError:
    reason = (str(error).strip().splitlines() or ["no reason given"])[0]
    return UserError(
        f"{path} cannot be opened by {reader}: {reason}",
        "Copy or export the file again; operators outside the standard set cannot be run.",
    )
