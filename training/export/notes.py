"""Notes that a `.tflite` carries as metadata, which other readers of the format pass over."""

from __future__ import annotations

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from training.export.reader import FILE_IDENTIFIER, NEEDS, PACKED, WEIGHTS


def need(tflite: bytes, kernels: str) -> bytes:
    """The model with the note that it needs kernels that the engine lacks: export refuses it."""
    return _noted(tflite, NEEDS, kernels)


def ask_for_packed_weights(tflite: bytes) -> bytes:
    """The model with the note that its weights shall take as few bits as they need."""
    return _noted(tflite, WEIGHTS, PACKED)


def _noted(tflite: bytes, name: str, text: str) -> bytes:
    model = schema.ModelT.InitFromPackedBuf(tflite, 0)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(text.encode(), np.uint8)
    entry = schema.MetadataT()
    entry.name, entry.buffer = name, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    builder = flatbuffers.Builder(len(tflite))
    builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    return bytes(builder.Output())
