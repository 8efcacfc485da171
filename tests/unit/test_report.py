"""The report shows exactly what was measured and says what it leaves out."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from host_tools.errors import SottoError
from host_tools.report import write_report
from host_tools.report.facts import Rung
from host_tools.report.figures import accuracy_ladder

LABELS = ["yes", "no", "_unknown_", "_silence_"]
HASH = "ab" * 32


def results() -> dict[str, Any]:
    def model(name: str, form: str, accuracy: float) -> dict[str, Any]:
        return {
            "name": name,
            "form": form,
            "parameters": 24_123,
            "bytes": 30_456,
            "macs": 5_600_000,
            "accuracy": accuracy,
            "clips": 400,
            "low": accuracy - 0.03,
            "high": accuracy + 0.02,
        }

    def curve(name: str) -> dict[str, Any]:
        rise = [1 - 0.8 / (n + 1) for n in range(30)]
        return {
            "name": name,
            "loss": [2.3 / (n + 1) for n in range(30)],
            "train_accuracy": rise,
            "validation_accuracy": [value - 0.02 for value in rise],
        }

    return {
        "recipe": "commands <four>",
        "recipe_hash": "cd" * 32,
        "labels": LABELS,
        "data": {
            "source": "Speech Commands test set",
            "speakers_known": True,
            "train": {"clips": 2400, "speakers": 120},
            "validation": {"clips": 200, "speakers": 19},
            "test": {"clips": 400, "speakers": 20},
        },
        "models": [
            model("teacher", "float", 0.963),
            model("student, plain", "float", 0.901),
            model("student, distilled", "float", 0.931),
            model("student, int8", "int8", 0.9275),
        ],
        "curves": [curve("teacher"), curve("student, distilled")],
        "confusion": {"labels": LABELS, "counts": [[100, 0, 0, 0]] * 4},
        "stages": [
            {"name": "data", "key": "0123456789abcdef" * 4, "reused": True, "seconds": 0.2},
            {"name": "teacher", "key": "fedcba9876543210" * 4, "reused": False, "seconds": 301.44},
        ],
        "model_hash": HASH,
    }


def engine() -> dict[str, Any]:
    layer = {
        "operator": "CONV_2D",
        "shapes": "49x40x1 -> 25x20x8",
        "kernel": "matrix_dsp",
        "macs": 123_400,
        "constants_bytes": 5_670,
        "instructions": 98_765,
    }
    box = {
        "name": "net/conv/Relu",
        "kind": "tensor",
        "shape": [25, 20, 8],
        "offset": 0,
        "bytes": 4_000,
        "first_call": 0,
        "last_call": 0,
        "written_in": [0],
    }
    return {
        "model": "four",
        "core": "cortex-m4f",
        "input": {"bytes": 1_960},
        "output": {"bytes": 4},
        "macs": 123_400,
        "instructions": 98_765,
        "flash": {"weights_bytes": 5_600, "tables_bytes": 70},
        "arena": {"bytes": 4_000, "boxes": [box], "fullest_call": 0},
        "layers": [layer],
    }


def board(model_hash: str = HASH) -> dict[str, Any]:
    return {
        "kind": "emulated",
        "sizes": {
            "flash_bytes": 58_123,
            "ram_bytes": 31_245,
            "stack_reserved_bytes": 4_096,
            "parts": [
                {"name": "model", "flash_bytes": 40_001, "ram_bytes": 20_002},
                {"name": "everything else", "flash_bytes": 18_122, "ram_bytes": 11_243},
            ],
        },
        "measured_on": {"computer": "Linux, 2 processors", "emulator": "QEMU 7.2"},
        "validation": {
            "board": "stm32f405",
            "model_hash": model_hash,
            "labels": LABELS,
            "clips": 400,
            "accuracy": 0.9275,
            "accuracy_low": 0.898,
            "accuracy_high": 0.949,
            "identical_features": 400,
            "identical_scores": 400,
            "identical_decisions": 400,
            "confusion": [[95, 2, 3, 0], [1, 90, 9, 0], [4, 4, 91, 1], [0, 0, 5, 95]],
            "timing": {
                "unit": "instructions",
                "clips": 400,
                "frame_mean": 71_234.4,
                "frame_max": 72_001,
                "inference_mean": 31_234_567.0,
                "inference_max": 31_234_568,
            },
            "first_divergence": None,
            "device": {"stack_peak_bytes": 1_816, "backend": "aot", "tool_version": "0.1.0"},
        },
        "engine": engine(),
    }


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "boards").mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps(results()))
    (folder / "boards" / "stm32f405.json").write_text(json.dumps(board()))
    return folder


def page_of(work: Path) -> str:
    return write_report(work, work).read_text(encoding="utf-8")


def test_page_shows_the_measured_figures(work: Path) -> None:
    page = page_of(work)
    for figure in ("92.75%", "96.30%", "58,123", "31,234,567", "71,234", "40,001", HASH, "301.4"):
        assert figure in page
    assert "commands &lt;four&gt;" in page
    assert "Left out" not in page


def drawings(page: str) -> list[str]:
    sources = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    return [base64.b64decode(source).decode() for source in sources]


def test_page_shows_plan_and_layers_once_for_each_core(work: Path) -> None:
    for twin in ("mps2_m4", "stm32f405"):
        (work / "boards" / f"{twin}.json").write_text(json.dumps(board()))
    page = page_of(work)
    assert page.count("<h2>Memory plan on cortex-m4f</h2>") == 1
    assert "mps2_m4, stm32f405" in page
    for figure in ("123,400", "5,670", "98,765", "49x40x1 -&gt; 25x20x8", "matrix_dsp"):
        assert figure in page
    plans = [drawing for drawing in drawings(page) if "memory plan" in drawing]
    assert len(plans) == 1
    assert "25\u00d720\u00d78" in plans[0]


def test_board_measured_without_a_plan_is_named(work: Path) -> None:
    old = {key: value for key, value in board().items() if key != "engine"}
    (work / "boards" / "stm32f405.json").write_text(json.dumps(old))
    page = page_of(work)
    assert "Memory plan on stm32f405" in page.partition("Left out")[2]
    assert not [drawing for drawing in drawings(page) if "memory plan" in drawing]


def test_layers_without_an_estimate_are_shown(work: Path) -> None:
    figures = board()
    figures["engine"]["instructions"] = figures["engine"]["layers"][0]["instructions"] = None
    (work / "boards" / "stm32f405.json").write_text(json.dumps(figures))
    page = page_of(work)
    assert "98,765" not in page
    assert "123,400" in page


def test_page_loads_nothing_from_elsewhere(work: Path) -> None:
    sources = re.findall(r'(?:src|href)="([^"]{0,40})', page_of(work))
    assert sources
    assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)


def test_same_figures_give_the_same_bytes(work: Path, tmp_path: Path) -> None:
    pages = [write_report(work, tmp_path / name).read_bytes() for name in ("a", "b")]
    assert pages[0] == pages[1]


def test_json_holds_what_the_page_shows(work: Path) -> None:
    write_report(work, work)
    facts = json.loads((work / "report.json").read_text())
    assert facts["boards"]["stm32f405"] == board()
    assert facts["results"] == results()
    assert [rung["name"] for rung in facts["ladder"]] == [
        "teacher, float",
        "student, plain, float",
        "student, distilled, float",
        "student, int8",
        "on stm32f405 (emulated)",
    ]
    assert [rung["accuracy"] for rung in facts["ladder"]] == [0.963, 0.901, 0.931, 0.9275, 0.9275]


def ablation(recipe_hash: str) -> dict[str, Any]:
    counts = {"better": 3, "worse": 5, "p_value": 0.727}
    arm = {"accuracy": 0.931, "low": 0.91, "high": 0.95, "difference": 0.0, "told_apart": False}
    apart = {"accuracy": 0.877, "difference": -0.06, "told_apart": True}
    return {
        "recipe_hash": recipe_hash,
        "clips": 400,
        "seeds": [1, 2],
        "arms": [
            arm | counts | {"name": "soft targets"},
            arm | counts | {"name": "<mixes>"},
            arm | counts | apart | {"name": "labels only"},
        ],
    }


def test_parts_of_distillation_are_shown_where_they_were_measured(work: Path) -> None:
    before = len(drawings(page_of(work)))
    (work / "ablation.json").write_text(json.dumps(ablation(results()["recipe_hash"])))
    page = page_of(work)
    for words in ("&lt;mixes&gt;", "-6.00", "87.70%", "0.727", "<td>worse</td>"):
        assert words in page
    assert page.count("<td>not told apart</td>") == 1
    assert len(drawings(page)) == before + 1


def test_parts_of_another_recipe_are_left_out_and_named(work: Path) -> None:
    (work / "ablation.json").write_text(json.dumps(ablation("other")))
    page = page_of(work)
    assert "measured with another recipe" in page.partition("Left out")[2]
    assert "87.70%" not in page


def test_divergence_is_named(work: Path) -> None:
    figures = board()
    figures["validation"]["identical_features"] = 399
    figures["validation"]["first_divergence"] = {
        "clip": "yes/3.wav",
        "stage": "features",
        "frame": 17,
        "bin": 4,
        "label": None,
        "board": -3,
        "host": -2,
    }
    (work / "boards" / "stm32f405.json").write_text(json.dumps(figures))
    page = page_of(work)
    assert "differs from the host" in page
    assert "frame 17, bin 4: board -3, host -2" in page


def test_board_of_another_model_is_left_out_and_named(work: Path) -> None:
    (work / "boards" / "stm32f405.json").write_text(json.dumps(board("ef" * 32)))
    page = page_of(work)
    assert "Results of stm32f405" in page
    assert "measured with another model" in page
    assert "Board and host" in page.partition("Left out")[2]


def test_without_boards_and_curves_the_page_says_so(work: Path) -> None:
    (work / "boards" / "stm32f405.json").unlink()
    bare = results() | {"curves": []}
    (work / "results.json").write_text(json.dumps(bare))
    left_out = page_of(work).partition("Left out")[2]
    assert "no board was validated with this model" in left_out
    assert "Training curves" in left_out


def test_fewer_clips_on_the_board_are_said(work: Path) -> None:
    words = "as many of them as the column clips says"
    assert words not in page_of(work)
    figures = board()
    figures["validation"]["clips"] = 40
    (work / "boards" / "stm32f405.json").write_text(json.dumps(figures))
    assert words in page_of(work)


def test_unreadable_recordings_are_named(work: Path) -> None:
    data = results()
    data["data"]["problems"] = ["yes/bad.wav: is cut off"]
    (work / "results.json").write_text(json.dumps(data))
    assert "yes/bad.wav: is cut off" in page_of(work)


@pytest.mark.parametrize("measured", [True, False])
def test_a_model_that_heard_everyone_claims_no_accuracy_on_strangers(
    work: Path, measured: bool
) -> None:
    data, earlier = results(), {"models": results()["models"], "model_hash": "cd" * 32}
    data["held_back"] = earlier if measured else None
    (work / "results.json").write_text(json.dumps(data))
    page = page_of(work)
    assert "no accuracy on this page is one on strangers" in page
    assert ("as model <code>cdcdcdcdcdcd</code>" in page) is measured
    assert ("was not measured: run it without" in page) is not measured


def test_unknown_speakers_are_said(work: Path) -> None:
    data = results()
    data["data"]["speakers_known"] = False
    (work / "results.json").write_text(json.dumps(data))
    assert "speakers of these recordings are not known" in page_of(work)


def evaluation(model_hash: str) -> dict[str, Any]:
    share = {"hits": 1, "trials": 20, "value": 0.05, "low": 0.009, "high": 0.236}
    rate = {"events": 2, "hours": 4.0, "value": 0.5, "low": 0.06, "high": 1.81}
    figures = {"miss": share, "false_accepts": rate}
    point = {"smoothing_steps": 3, "threshold": 0.625, "figures": figures}
    clip = {"condition": "clean", "accuracy": share, "confusion": [[1, 0], [0, 1]]}
    stream = {
        "condition": "babble 10 dB",
        "points": [point],
        "words": [{"word": "yes", "points": [point], "reported": figures}],
        "reported": figures,
        "latency": {"median_s": 0.123, "p90_s": 0.456, "all_s": [0.123, 0.456]},
    }
    return {
        "model": {
            "model_hash": model_hash,
            "labels": ["yes", "no"],
            "step_ms": 20.0,
            "heard_by": "host program",
        },
        "audio": {
            "clips": 20,
            "negatives": 7,
            "stream_hours": 4.0,
            "resolvable_per_hour": 1.5,
        },
        "clips": [clip],
        "chosen": {"condition": "babble 10 dB", "smoothing_steps": 3, "threshold": 0.625},
        "streams": [stream],
    }


def test_an_evaluation_stands_in_the_page(work: Path) -> None:
    (work / "evaluation.json").write_text(json.dumps({"models": [evaluation(HASH)]}))
    page = page_of(work)
    room = page.partition("In a room")[2]
    for figure in ("babble 10 dB", "5.00%", "0.90% to 23.60%", "0.06 to 1.81", "123 ms", "456 ms"):
        assert figure in room
    assert room.count("data:image/svg+xml") >= 4


def test_an_evaluation_of_another_model_is_left_out_and_named(work: Path) -> None:
    (work / "evaluation.json").write_text(json.dumps({"models": [evaluation("cd" * 32)]}))
    assert "In a room" in page_of(work).partition("Left out")[2]


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_work_folder_without_good_results_is_an_error(work: Path, content: str | None) -> None:
    (work / "results.json").unlink()
    if content is not None:
        (work / "results.json").write_text(content)
    with pytest.raises(SottoError) as caught:
        write_report(work, work)
    assert "results.json" in caught.value.message


def test_pictures_place_nothing_finer_than_a_tenth_of_a_point() -> None:
    picture = accuracy_ladder([Rung("student", 361, 0.91234567, 0.9, 0.93)])
    places = re.findall(r'\b(?:d|x|y|width|height|transform)="([^"]*)"', picture)
    assert len(places) > 10
    assert not [one for one in places if re.search(r"\.\d{2}", one)]
    assert "91.23%" in picture  # letters stay letters
