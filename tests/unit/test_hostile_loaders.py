"""Whatever a file, an option or a board says, the answer is a value or an error with a next step.

Damaged `.tflite` files are in test_export_reader.py, frames in tests/cross/test_link_codec.py.
"""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from host_tools.errors import SottoError
from host_tools.link import listen_messages, messages, microphone_messages, twin_messages
from host_tools.link.messages import MalformedReplyError
from host_tools.manifest import load_manifest
from host_tools.settings import Setting, scale_of
from training.errors import UserError
from training.export.detection import load_detection
from training.export.regenerate import read_exported_tflite
from training.recipe import load_recipe

GENERATED = ROOT / "generated"
MANIFEST = json.loads((GENERATED / "manifest.json").read_text())
EXAMPLES = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@st.composite
def damaged(draw: st.DrawFn, whole: dict[str, Any]) -> Any:
    """`whole` with one entry, at any depth, removed or replaced by anything."""
    root = copy.deepcopy(whole)
    place: Any = root
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        inner = place[key]
        deeper = isinstance(inner, dict | list) and len(inner) > 0
        if not deeper or draw(st.booleans()):
            break
        place = inner
    if draw(st.booleans()):
        del place[key]
    else:
        place[key] = draw(values)
    return root


@EXAMPLES
@given(content=damaged(MANIFEST).map(json.dumps) | values.map(json.dumps) | st.text())
def test_a_manifest_of_any_content(content: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(content, encoding="utf-8", errors="replace")
    with suppress(SottoError):
        load_manifest(tmp_path)


@EXAMPLES
@given(content=st.binary(max_size=200))
def test_a_manifest_of_any_bytes(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with suppress(SottoError):
        load_manifest(tmp_path)


DETECTION = {**MANIFEST["detection"], "thresholds": {"yes": 0.5}}


@EXAMPLES
@given(
    content=(damaged(DETECTION) | values).map(lambda one: json.dumps(one).encode()) | st.binary()
)
def test_a_detection_file_of_any_content(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "detection.json"
    path.write_bytes(content)
    with suppress(UserError):
        load_detection(path, MANIFEST["labels"])


RECIPE = (ROOT / "training" / "recipes" / "commands12.toml").read_text()


@EXAMPLES
@given(data=st.data())
def test_a_recipe_with_a_damaged_line(data: st.DataObject, tmp_path: Path) -> None:
    lines = RECIPE.splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    name = lines[number].partition("=")[0]
    lines[number] = data.draw(
        st.sampled_from(["", "[", f"{name}= -1", f"{name}= 'x'", f"{name}= [[]]", f"{name}= nan"])
        | st.text(max_size=30)
    )
    path = tmp_path / "recipe.toml"
    path.write_text("\n".join(lines), encoding="utf-8", errors="replace")
    with suppress(UserError):
        load_recipe(path)


@EXAMPLES
@given(text=st.text(max_size=60) | st.from_regex(r"sotto_model_tflite\[1\] = \{[0-9, x-]*\}"))
def test_a_generated_model_of_any_text(text: str, tmp_path: Path) -> None:
    path = tmp_path / "sotto_model_tflite.c"
    path.write_text(text, encoding="utf-8", errors="replace")
    with suppress(UserError):
        read_exported_tflite(tmp_path)


SCALE = scale_of(load_manifest(GENERATED))
IN_FORCE = dict.fromkeys(range(1, Setting.THRESHOLD_Q15 + len(SCALE.labels)), 1)
NAMES = ["stride_ms", "smoothing_ms", "refractory_ms", "hysteresis", "gate_rise_db_per_s"]


@EXAMPLES
@example(text="threshold=1e308")
@example(text="gate_rise_db_per_s=5e-324")
@given(
    text=st.text()
    | st.builds("{}={}".format, st.sampled_from([*NAMES, "threshold", "x"]), st.floats())
)
def test_a_setting_of_any_text(text: str) -> None:
    with suppress(SottoError):
        changes = SCALE.changes([text], IN_FORCE)
        assert all(0 <= value < 1 << 16 for value in changes.values())


REPLIES = [
    messages.ErrorReply,
    messages.BoardInfo,
    messages.UploadReply,
    messages.ResultReply,
    messages.FeaturesReply,
    messages.LabelsReply,
    messages.SelfTest,
    listen_messages.SettingsReply,
    listen_messages.ListenReply,
    listen_messages.ListenStatistics,
    microphone_messages.MicrophoneFacts,
    microphone_messages.HeardReply,
    microphone_messages.SamplesReply,
    twin_messages.Health,
    twin_messages.WindowReply,
    twin_messages.StagesReply,
    twin_messages.StepsReply,
    twin_messages.GetReply,
]


@pytest.mark.parametrize("kind", REPLIES, ids=lambda kind: kind.__name__)
@EXAMPLES
@given(payload=st.binary(max_size=256))
def test_a_reply_of_any_bytes(kind: Any, payload: bytes) -> None:
    with suppress(MalformedReplyError):
        kind.unpack(payload)
