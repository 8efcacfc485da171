"""The memory plan of a compiled model as a picture: who lies where in the arena, and when.

Calls go to the right, bytes go up. Below, on the same axis, what each call costs. Plain SVG text:
the same plan gives the same bytes, and a browser shows a tensor's full name under the pointer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

INK, SOFT, LINE, PAPER = "#0f172a", "#64748b", "#e2e8f0", "#ffffff"
FULLEST = "#fef3c7"
# Fill and edge by kind of box.
COLOURS = {
    "tensor": ("#dbeafe", "#2563eb"),
    "scratch": ("#ffedd5", "#ea580c"),
    "state": ("#d1fae5", "#059669"),
    "weights": ("#ede9fe", "#7c3aed"),
}
LEGEND = {
    "tensor": "tensor",
    "scratch": "scratch of one call",
    "state": "state, kept between inferences",
    "weights": "weights, brought from where they are kept",
}
BARS = "#94a3b8"

WIDEST_COLUMN, NARROWEST_COLUMN, PLOT_WIDTH = 150.0, 17.0, 900.0
LEFT, RIGHT, TOP = 74.0, 100.0, 100.0
PLAN_HEIGHT, PANEL_HEIGHT, PANEL_GAP = 400.0, 64.0, 34.0
NAMES_HEIGHT = 126.0
FONT, SMALL = 11.0, 9.5
CHARACTER = 0.6
"""Width of a character by its height; a little more than sans-serif fonts have."""
LEAST_SMALL = 8.0
THINNEST = 2.5
"""Height of a box that is too small to be seen."""
TICKS = 5


@dataclass(frozen=True)
class Frame:
    """Where calls and bytes lie on the paper, in pixels."""

    calls: int
    arena_bytes: int

    @property
    def column(self) -> float:
        """Width of a call."""
        return min(max(PLOT_WIDTH / self.calls, NARROWEST_COLUMN), WIDEST_COLUMN)

    @property
    def right(self) -> float:
        """Right edge of the plot."""
        return LEFT + self.calls * self.column

    @property
    def bottom(self) -> float:
        """Where byte 0 lies."""
        return TOP + PLAN_HEIGHT

    def x(self, call: float) -> float:
        """Left edge of a call."""
        return LEFT + call * self.column

    def y(self, byte: float) -> float:
        """Height of a byte; a little air stays above the arena."""
        return self.bottom - byte / max(self.arena_bytes, 1) * PLAN_HEIGHT * 0.96


def draw_plan(description: Mapping[str, Any]) -> str:
    """The picture of one model on one core.

    Args:
        description: what `training.export.describe` tells, as plain data.
    """
    arena, layers = description["arena"], description["layers"]
    frame = Frame(len(layers), arena["bytes"])
    panels = {
        "MACs": [layer["macs"] for layer in layers],
        "constants, bytes": [layer["constants_bytes"] for layer in layers],
    }
    if description["instructions"] is not None:
        panels["instructions, estimated"] = [layer["instructions"] for layer in layers]
    width = max(frame.right + RIGHT, 640.0)
    first_panel = frame.bottom + NAMES_HEIGHT
    height = first_panel + len(panels) * (PANEL_HEIGHT + PANEL_GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-size="{FONT}" fill="{INK}" '
        'font-family="system-ui, Segoe UI, Roboto, Helvetica, Arial, sans-serif">',
        *_patterns(),
        f'<rect width="100%" height="100%" fill="{PAPER}"/>',
        *_heading(description),
        *_legend({box["kind"] for box in arena["boxes"]}),
        *_fullest(frame, arena),
        *_byte_axis(frame),
        *(line for box in arena["boxes"] for line in _box(frame, box)),
        *_arena_line(frame),
        *_call_axis(frame, layers),
    ]
    for number, (title, values) in enumerate(panels.items()):
        parts += _panel(frame, first_panel + number * (PANEL_HEIGHT + PANEL_GAP), title, values)
    return "\n".join([*parts, "</svg>\n"])


def short_name(name: str) -> str:
    """What people recognise a tensor by: its layer's name in `net/layer/Relu;net/layer/BiasAdd`."""
    pieces = [piece for piece in name.split(";")[0].split("/") if piece]
    return pieces[-2] if len(pieces) > 1 else name


def shape_text(shape: Sequence[int]) -> str:
    """`25 x 20 x 16`, tightly set."""
    return "\u00d7".join(map(str, shape))


def _text(x: float, y: float, text: str, **attributes: object) -> str:
    extra = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f'<text x="{x:.1f}" y="{y:.1f}"{extra}>{_clean(text)}</text>'


def _clean(text: str) -> str:
    """Foreign names may hold what XML does not allow."""
    return escape("".join(character if character.isprintable() else "?" for character in text))


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, **attributes: object) -> str:
    extra = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{extra}/>'
    )


def _patterns() -> Iterator[str]:
    """Stripes for states, so that they are told apart without colour."""
    fill, edge = COLOURS["state"]
    yield (
        '<defs><pattern id="state" width="7" height="7" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)"><rect width="7" height="7" fill="{fill}"/>'
        f'<line y2="7" stroke="{edge}" stroke-opacity="0.35" stroke-width="2"/></pattern></defs>'
    )


def _heading(description: Mapping[str, Any]) -> Iterator[str]:
    title = f"{description['model']} on {description['core']}: memory plan"
    yield _text(LEFT, 30, title, font_size=16, font_weight="bold")
    outside = (
        f"arena {description['arena']['bytes']:,} bytes; input {description['input']['bytes']:,} "
        f"and output {description['output']['bytes']:,} bytes are the caller's"
    )
    yield _text(LEFT, 48, outside, fill=SOFT)


def _legend(kinds: set[str]) -> Iterator[str]:
    x = LEFT
    for kind in (kind for kind in COLOURS if kind in kinds):
        yield (
            f'<rect x="{x:.1f}" y="58" width="14" height="11" rx="2" fill="{_fill(kind)}" '
            f'stroke="{COLOURS[kind][1]}"/>'
        )
        yield _text(x + 20, 67.5, LEGEND[kind], fill=SOFT)
        x += 20 + len(LEGEND[kind]) * FONT * CHARACTER + 18
    yield _line(x, 57, x, 70, COLOURS["tensor"][1], stroke_dasharray="2 2")
    yield _text(x + 7, 67.5, "written over in place", fill=SOFT)


def _fill(kind: str) -> str:
    return "url(#state)" if kind == "state" else COLOURS[kind][0]


def _fullest(frame: Frame, arena: Mapping[str, Any]) -> Iterator[str]:
    """A band behind the call that needs most, with its bytes on top."""
    call = arena["fullest_call"]
    alive = sum(
        box["bytes"] for box in arena["boxes"] if box["first_call"] <= call <= box["last_call"]
    )
    x = frame.x(call)
    yield (
        f'<rect x="{x:.1f}" y="{TOP:.1f}" width="{frame.column:.1f}" height="{PLAN_HEIGHT:.1f}" '
        f'fill="{FULLEST}"/>'
    )
    words = f"fullest: call {call}, {alive:,} bytes alive"
    half = len(words) * FONT * CHARACTER / 2
    middle = min(max(x + frame.column / 2, LEFT + half), max(frame.right - half, LEFT + half))
    yield _text(middle, TOP - 3, words, text_anchor="middle", fill="#92400e", font_weight="bold")


def _byte_axis(frame: Frame) -> Iterator[str]:
    step = _tick_step(frame.arena_bytes)
    for byte in range(0, frame.arena_bytes + 1, step):
        y = frame.y(byte)
        yield _line(LEFT, y, frame.right, y, LINE)
        yield _text(LEFT - 8, y + 4, f"{byte:,}", text_anchor="end", fill=SOFT)
    middle = TOP + PLAN_HEIGHT / 2
    yield _text(
        16,
        middle,
        "byte of the arena",
        fill=SOFT,
        text_anchor="middle",
        transform=f"rotate(-90 16 {middle:.1f})",
    )


def _tick_step(largest: int) -> int:
    """1, 2 or 5 times a power of ten, so that about five ticks fit."""
    rough = max(largest / TICKS, 1.0)
    power = 10 ** math.floor(math.log10(rough))
    return int(next(m * power for m in (1, 2, 5, 10) if m * power >= rough))


def _box(frame: Frame, box: Mapping[str, Any]) -> Iterator[str]:
    edge = COLOURS[box["kind"]][1]
    left, right = frame.x(box["first_call"]) + 1, frame.x(box["last_call"] + 1) - 1
    top, bottom = frame.y(box["offset"] + box["bytes"]), frame.y(box["offset"])
    top = min(top, bottom - THINNEST)
    yield "<g>"
    calls = f"calls {box['first_call']} to {box['last_call']}"
    last_byte = box["offset"] + box["bytes"] - 1
    yield (
        f"<title>{_clean(box['name'])}: {shape_text(box['shape'])}, {box['bytes']:,} bytes, "
        f"{box['offset']:,} to {last_byte:,}, {calls}</title>"
    )
    yield (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
        f'height="{bottom - top:.1f}" rx="2" fill="{_fill(box["kind"])}" '
        f'stroke="{edge}" stroke-width="0.8"/>'
    )
    for call in box["written_in"]:
        if call > box["first_call"]:
            x = frame.x(call)
            yield _line(x, top, x, bottom, edge, stroke_dasharray="2 2", stroke_opacity=0.7)
    yield from _label(box, left, top, right - left, bottom - top)
    yield "</g>"


def _label(
    box: Mapping[str, Any], left: float, top: float, width: float, height: float
) -> Iterator[str]:
    """The most telling words that fit: upright in wide boxes, turned in high ones."""
    size = f"{box['bytes']:,} B"
    short = short_name(box["name"]) if box["kind"] != "scratch" else "scratch"
    first = shape_text(box["shape"]) if box["kind"] != "scratch" else short
    choices = [
        [first, size, short],
        [first, size],
        [f"{first}, {size}"],
        [size],
        [f"{box['bytes']:,}"],
    ]
    if box["kind"] == "scratch":
        choices = choices[1:]
    for font in (FONT, SMALL, LEAST_SMALL):
        for words in choices:
            for turned in (False, True):
                along, across = (height, width) if turned else (width, height)
                fits = max(map(len, words)) * font * CHARACTER <= along - 4
                if fits and len(words) * font * 1.25 <= across - 1:
                    middle = left + width / 2, top + height / 2
                    yield _words(words, *middle, font, turned, COLOURS[box["kind"]][0])
                    return


def _words(words: Sequence[str], x: float, y: float, font: float, turned: bool, ground: str) -> str:
    """Lines around a point, with a rim of the ground's colour that keeps other lines off."""
    halo = f' paint-order="stroke" stroke="{ground}" stroke-width="3"'
    start = y - (len(words) - 1) * font * 0.625 + font * 0.35
    lines = (
        _text(x, start + i * font * 1.25, word, fill=SOFT if i else INK)
        for i, word in enumerate(words)
    )
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
    return f'<g text-anchor="middle" font-size="{font}"{halo}{turn}>{"".join(lines)}</g>'


def _arena_line(frame: Frame) -> Iterator[str]:
    y = frame.y(frame.arena_bytes)
    yield _line(LEFT, y, frame.right, y, INK, stroke_dasharray="5 3")
    yield _text(frame.right + 6, y - 2, "arena", font_weight="bold")
    yield _text(frame.right + 6, y + 11, f"{frame.arena_bytes:,} bytes")


def _call_axis(frame: Frame, layers: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield _line(LEFT, frame.bottom, frame.right, frame.bottom, INK)
    for call, layer in enumerate(layers):
        x, y = frame.x(call + 0.5), frame.bottom
        yield _line(frame.x(call), y, frame.x(call), y + 4, LINE)
        yield _text(x, y + 14, str(call), text_anchor="middle", font_size=SMALL, font_weight="bold")
        yield _text(
            x + 3,
            y + 26,
            layer["operator"],
            text_anchor="end",
            fill=SOFT,
            font_size=SMALL,
            transform=f"rotate(-45 {x + 3:.1f} {y + 26:.1f})",
        )


def _panel(frame: Frame, top: float, title: str, values: Sequence[int]) -> Iterator[str]:
    """Bars, one a call; the largest is labelled, and so are all where there is room."""
    bottom, largest = top + PANEL_HEIGHT, max([*values, 1])
    yield _text(LEFT, top - 4, f"{title}: {sum(values):,}", font_weight="bold")
    yield _line(LEFT, bottom, frame.right, bottom, LINE)
    for call, value in enumerate(values):
        height = value / largest * (PANEL_HEIGHT - 14)
        yield (
            f'<rect x="{frame.x(call) + 2:.1f}" y="{bottom - height:.1f}" '
            f'width="{frame.column - 4:.1f}" height="{height:.1f}" fill="{BARS}"/>'
        )
        words = f"{value:,}"
        if value and len(words) * LEAST_SMALL * CHARACTER <= frame.column:
            middle = frame.x(call + 0.5)
            yield _text(
                middle, bottom - height - 3, words, text_anchor="middle", font_size=LEAST_SMALL
            )
