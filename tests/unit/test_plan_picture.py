"""The picture of a memory plan shows every box where it lies, and can be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from host_tools.report.plan_picture import draw_plan, short_name

SVG = "{http://www.w3.org/2000/svg}"


def box(name: str, kind: str, offset: int, size: int, first: int, last: int) -> dict[str, Any]:
    return {
        "name": name,
        "kind": kind,
        "shape": (size // 10, 10),
        "offset": offset,
        "bytes": size,
        "first_call": first,
        "last_call": last,
        "written_in": (first,),
    }


def description(calls: int, boxes: list[dict[str, Any]], fullest: int = 0) -> dict[str, Any]:
    arena = max((b["offset"] + b["bytes"] for b in boxes), default=0)
    layer = {
        "operator": "DEPTHWISE_CONV_2D",
        "macs": 12_345,
        "constants_bytes": 678,
        "instructions": 3_000,
    }
    return {
        "model": "one <of> many & more",
        "core": "cortex-m4f",
        "input": {"bytes": 490},
        "output": {"bytes": 12},
        "instructions": 3_000 * calls,
        "arena": {"boxes": boxes, "bytes": arena, "fullest_call": fullest},
        "layers": [layer] * calls,
    }


def rectangles(svg: str) -> Iterator[tuple[str, float, float, float, float]]:
    """Title and place (left, top, right, bottom) of each box."""
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        title, rectangle = group.find(f"{SVG}title"), group.find(f"{SVG}rect")
        if title is not None and rectangle is not None:
            x, y, w, h = (float(rectangle.get(key, "")) for key in ("x", "y", "width", "height"))
            yield title.text or "", x, y, x + w, y + h


def texts(svg: str) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


CHAIN = [
    box("net/first/Relu;net/first/BiasAdd", "tensor", 0, 8_000, 0, 1),
    box("net/second/Relu", "tensor", 8_000, 4_000, 1, 2),
    box("scratch of call 1", "scratch", 12_000, 2_000, 1, 1),
]


def test_places_are_those_of_the_plan() -> None:
    first, second, scratch = rectangles(draw_plan(description(3, CHAIN, fullest=1)))
    assert (
        first[0]
        == "net/first/Relu;net/first/BiasAdd: 800\u00d710, 8,000 bytes, 0 to 7,999, calls 0 to 1"
    )
    heights = [bottom - top for _, _, top, _, bottom in (first, second, scratch)]
    assert heights[0] == pytest.approx(2 * heights[1], abs=0.3)
    assert heights[1] == pytest.approx(2 * heights[2], abs=0.3)
    assert second[4] == pytest.approx(
        first[2], abs=0.2
    )  # bytes go up: the second lies on the first
    assert scratch[4] == pytest.approx(second[2], abs=0.2)
    assert first[1] < second[1] == scratch[1]
    assert scratch[3] == first[3] < second[3]


def test_words_tell_shape_size_peak_and_arena() -> None:
    words = texts(draw_plan(description(3, CHAIN, fullest=1)))
    for word in ("800\u00d710", "8,000 B", "first", "scratch", "14,000 bytes"):
        assert word in words
    assert "fullest: call 1, 14,000 bytes alive" in words
    assert "MACs: 37,035" in words
    assert "constants, bytes: 2,034" in words
    assert "instructions, estimated: 9,000" in words
    assert words.count("DEPTHWISE_CONV_2D") == 3


def test_without_an_estimate_no_bars_of_instructions() -> None:
    unknown = description(3, CHAIN) | {"instructions": None}
    assert not [word for word in texts(draw_plan(unknown)) if word.startswith("instructions")]


def test_states_are_marked() -> None:
    state = box("ring", "state", 0, 800, 0, 2)
    plain, kept = (draw_plan(description(3, [*CHAIN, *extra])) for extra in ([], [state]))
    assert "state, kept between inferences" in texts(kept)
    assert "state, kept between inferences" not in texts(plain)
    assert 'fill="url(#state)"' in kept


def test_writing_in_place_is_marked() -> None:
    again = CHAIN[0] | {"written_in": (0, 1)}
    once, twice = (draw_plan(description(3, [b, *CHAIN[1:]])) for b in (CHAIN[0], again))
    assert twice.count("stroke-dasharray") == once.count("stroke-dasharray") + 1


@pytest.mark.parametrize("calls", [1, 4, 16, 60, 200])
def test_nothing_leaves_the_paper(calls: int) -> None:
    boxes = [
        box(f"net/layer_{i}/Relu", "tensor", 640 * (i % 2), 640, i, i + 1) for i in range(calls - 1)
    ]
    boxes.append(box("a_name_that_is_far_too_long_for_its_box" * 3, "tensor", 1_280, 16, 0, 0))
    svg = draw_plan(description(calls, boxes, fullest=calls - 1))
    root = ElementTree.fromstring(svg)
    width, height = float(root.get("width", "")), float(root.get("height", ""))
    places = list(rectangles(svg))
    assert len(places) == len(boxes)
    for _, left, top, right, bottom in places:
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        assert bottom - top >= 2  # a small tensor can still be seen
    for text in root.iter(f"{SVG}text"):
        assert 0 <= float(text.get("x", "")) <= width
        assert 0 <= float(text.get("y", "")) <= height


def test_words_stay_inside_of_their_box() -> None:
    """A label of about 0.6 times its height a character, turned where the box is narrow."""
    boxes = [box(f"net/layer_{i}/Relu", "tensor", 0, 10 + 90 * i, i, i) for i in range(40)]
    for group in ElementTree.fromstring(draw_plan(description(40, boxes))).iter(f"{SVG}g"):
        label, rectangle = group.find(f"{SVG}g"), group.find(f"{SVG}rect")
        if label is None or rectangle is None:
            continue
        room = float(rectangle.get("height" if label.get("transform") else "width", ""))
        longest = max(len(text.text or "") for text in label.iter(f"{SVG}text"))
        assert longest * float(label.get("font-size", "")) * 0.6 <= room


def test_model_without_tensors() -> None:
    assert "arena" in texts(draw_plan(description(1, [])))


def test_odd_names_do_not_break_the_picture() -> None:
    odd = box('<&"\x00\x1b\ud800>', "tensor", 0, 64, 0, 1)
    svg = draw_plan(description(2, [odd]))
    assert len(list(rectangles(svg))) == 1
    svg.encode()


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("ds_cnn/quant_re_lu_35/Relu;ds_cnn/x/y", "quant_re_lu_35"),
        ("functional_1/dense/BiasAdd", "dense"),
        ("Identity", "Identity"),
        ("", ""),
    ],
)
def test_short_names(name: str, short: str) -> None:
    assert short_name(name) == short
