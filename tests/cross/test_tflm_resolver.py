"""What the export tells TFLite-Micro: exactly the model's operators, and an arena to the byte."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from model_builder import keyword_model
from stream_models import streaming_model
from tflite_micro.python.tflite_micro import runtime
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from training.errors import UserError
from training.export import c_writer
from training.export.model_builder import Layers
from training.export.operators import LOWERINGS
from training.export.reference import run_micro, run_reference
from training.export.regenerate import read_exported_tflite
from training.export.tflite_writer import write_tflite
from training.export.tflm import RESOLVER_NAMES, resolver_of
from training.export.tflm_arena import ROOMY_ARENA_BYTES, explain_tflm_arena

GENERATED = Path(__file__).resolve().parents[2] / "generated"
NOT_IN_TFLM = {"RELU_N1_TO_1"}
OUR_OWN = {"STREAM"}


def header_of(tflite: bytes) -> str:
    return c_writer.tflite_sources(tflite, c_writer.Identity("x", "0" * 64))["sotto_model_tflite.h"]


def listed(header: str) -> list[str]:
    """Operators that a generated header adds to the resolver."""
    line = re.search(r"^#define SOTTO_TFLM_OPERATORS\(ADD\) (.*)$", header, re.MULTILINE)
    count = re.search(r"^#define SOTTO_TFLM_OPERATOR_COUNT (\d+)$", header, re.MULTILINE)
    assert line is not None
    assert count is not None
    operators = re.findall(r"ADD\((\w+)\)", line[1])
    assert len(operators) == int(count[1])
    return operators


def unresolved(tflite: bytes, operators: list[str]) -> set[str]:
    """Operators that an interpreter would look for in vain, by TFLite-Micro's own schema."""
    names = {code: name for name, code in vars(schema.BuiltinOperator).items()}
    model = runtime.convert_bytearray_to_object(tflite)
    used = {
        names[runtime.get_builtin_code_from_operator_code(model.operatorCodes[o.opcodeIndex])]
        for graph in model.subgraphs
        for o in graph.operators
    }
    return {name for name in used if RESOLVER_NAMES[name] not in operators}


@pytest.mark.parametrize(
    "tflite",
    [read_exported_tflite(GENERATED), keyword_model(), streaming_model()],
    ids=["shipped", "keyword", "streaming"],
)
def test_the_resolver_has_exactly_the_operators_of_the_model(tflite: bytes) -> None:
    operators = listed(header_of(tflite))
    assert unresolved(tflite, operators) == set()
    for one in operators:  # none of them may be missing, and so none is there in vain
        assert unresolved(tflite, [o for o in operators if o != one]), one


def test_shipped_header_and_manifest_say_the_same() -> None:
    manifest = json.loads((GENERATED / "manifest.json").read_text())
    assert listed((GENERATED / "sotto_model_tflite.h").read_text()) == manifest["tflm_operators"]
    assert manifest["tflm_variables"] == 0


def test_variables_are_counted_as_tflm_counts_them() -> None:
    resolver = resolver_of(streaming_model())
    assert resolver.variables == runtime.count_resource_variables(streaming_model()) > 0
    assert {"CallOnce", "VarHandle", "ReadVariable", "AssignVariable"} <= set(resolver.operators)


def test_every_operator_of_ours_that_tflm_has_can_be_resolved() -> None:
    assert set(LOWERINGS) - set(RESOLVER_NAMES) == NOT_IN_TFLM | OUR_OWN


def test_an_operator_that_tflm_lacks_is_named() -> None:
    b = Layers(1)
    source = b.tensor((1, 8), 0.1)
    tflite = write_tflite(
        b.build([source], [b.operator("RELU_N1_TO_1", [source], b.tensor((1, 8), 0.1))])
    )
    with pytest.raises(UserError, match="tiny uses RELU_N1_TO_1"):
        resolver_of(tflite, "tiny")


def test_the_arena_is_explained_to_the_byte() -> None:
    tflite = keyword_model()
    report = explain_tflm_arena(tflite, "tiny")
    use = report.use
    assert use.total_bytes == use.head_bytes + use.tail_bytes
    assert use.tail_bytes == sum(part.bytes for part in use.tail)
    assert all(part.bytes > 0 for part in use.tail)
    assert report.arena_bytes == use.total_bytes + report.scratch_bytes + report.rounding_bytes
    features = np.random.default_rng(1).integers(-128, 128, (4, 49, 40, 1)).astype(np.int8)
    expected = run_reference(tflite, features)
    for arena_bytes in (use.total_bytes, report.arena_bytes, ROOMY_ARENA_BYTES):
        np.testing.assert_array_equal(run_micro(tflite, features, arena_bytes), expected)
    with pytest.raises(RuntimeError):
        run_micro(tflite, features, use.total_bytes - 1)
