"""Which probe or port a board is written by, and which port it is asked at afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from host_tools.boards import Board, Hardware
from host_tools.devices.plugged import Kind, Plugged
from host_tools.devices.tools import TOOLS, Tool
from host_tools.errors import SottoError
from host_tools.link.transport import split_rate

_OPTION: dict[Kind, str] = {
    "serial port": "--port",
    "debug probe": "--probe",
    "boot loader": "--probe",
}
_PLUG_IN: dict[Kind, str] = {
    "serial port": "Plug the board in by its USB socket",
    "debug probe": "Plug the board in by the USB socket of its probe, or wire a probe to it",
    "boot loader": "Hold its boot button (BOOT0) while you plug it in",
}


@dataclass(frozen=True)
class Place:
    """Where a board is.

    Attributes:
        tool: what writes to it.
        at: the probe, port or boot loader that the tool writes through.
        line: the serial port at which its firmware is asked; None when it is not to be asked.
    """

    tool: Tool
    at: Plugged
    line: Plugged | None


def place_of(
    board: Board,
    things: Sequence[Plugged],
    *,
    port: str | None = None,
    probe: str | None = None,
    tool: str | None = None,
    ask: bool = True,
) -> Place:
    """Find a real board among what is plugged in.

    Args:
        things: of `plugged_in`.
        port: name of its serial port; None finds it.
        probe: serial number of its probe or boot loader, or the beginning of it; None finds it.
        tool: name of the tool to use; None takes the first that serves the board, is there, and
            finds something plugged in.
        ask: whether the firmware will be asked over a serial line.

    Raises:
        SottoError: no board, two that could be meant, another one, a busy port or no permission.
    """
    hardware = board.hardware
    if hardware is None:
        raise SottoError(
            f"{board.name} is {board.kind}, there is nothing to write to",
            f"Start it with `sotto flash -b {board.name}`.",
        )
    usable = _tools(board, hardware, tool)
    chosen = next((one for one in usable if _could_be(board, things, one.kind)), usable[0])
    name = port if chosen.kind == "serial port" else probe
    at = _usable(_find(board, things, chosen.kind, name))
    line = _line(board, things, at, port) if ask else None
    return Place(chosen, at, line)


def _tools(board: Board, hardware: Hardware, name: str | None) -> list[Tool]:
    """Tools that serve the board and lack nothing; never an empty list."""
    serving = [one for one in TOOLS if one.serves(hardware) and name in (None, one.name)]
    if not serving:
        names = [one.name for one in TOOLS if one.serves(hardware)]
        raise SottoError(
            f"--tool {name} does not write to {board.name}", f"Use one of: {', '.join(names)}."
        )
    missing = [one.missing(hardware) for one in serving]
    usable = [one for one, lack in zip(serving, missing, strict=True) if lack is None]
    lacks = [lack for lack in missing if lack is not None]
    if not usable:
        raise SottoError(
            f"nothing here can write to {board.name}: {'; '.join(one.message for one in lacks)}",
            " Or: ".join(one.remedy for one in lacks),
        )
    return usable


def _could_be(board: Board, things: Sequence[Plugged], kind: Kind) -> list[Plugged]:
    return [one for one in things if one.kind == kind and board.name in one.boards]


def _find(board: Board, things: Sequence[Plugged], kind: Kind, name: str | None) -> Plugged:
    if name is not None:
        return _named(board, things, kind, name)
    candidates = _could_be(board, things, kind)
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise SottoError(
            f"{len(candidates)} things could be {board.name}: {_listed(candidates)}",
            f"Choose one with {_OPTION[kind]}.",
        )
    others = [one for one in things if one.kind != "emulated board"]
    seen = f"plugged in: {_listed(others)}" if others else "nothing is plugged in"
    raise SottoError(
        f"no {board.name} found: it would show itself as a {kind}; {seen}",
        f"{_PLUG_IN[kind]}; `sotto devices` lists what is there, {_OPTION[kind]} names it.",
    )


def _named(board: Board, things: Sequence[Plugged], kind: Kind, name: str) -> Plugged:
    """What the user named. A port that nobody listed is tried: it may be a link or a pipe."""
    of_kind = [one for one in things if one.kind == kind]
    if kind == "serial port":
        device, _ = split_rate(name)
        path = Path(device).resolve()
        found = [one for one in of_kind if path == Path(one.name).resolve()]
        found = found or [Plugged(kind, device, "", ())]
    else:
        found = [one for one in of_kind if one.name.lower().startswith(name.lower())]
    if len(found) != 1:
        raise SottoError(
            f"{_OPTION[kind]} {name} names {len(found)} things of {_listed(of_kind) or 'none'}",
            "Name one of those that `sotto devices` lists.",
        )
    (one,) = found
    # A probe may be wired to anything; the chip behind it is looked at before it is written to.
    if kind == "serial port" and one.boards and board.name not in one.boards:
        raise SottoError(
            f"{one.name} ({one.usb}, {one.title}) is no {board.name}: "
            f"it could be {', '.join(one.boards)}",
            f"Choose another {_OPTION[kind]}, or that --board.",
        )
    return one


def _usable(one: Plugged) -> Plugged:
    if one.state == "no permission":
        raise SottoError(f"no permission to use the {one.kind} {one.name}", one.remedy)
    if one.state == "busy":
        raise SottoError(
            f"{one.name} is busy: {', '.join(one.holders)} has it open",
            "Close that program, then run the same command again.",
        )
    return one


def _line(board: Board, things: Sequence[Plugged], at: Plugged, port: str | None) -> Plugged:
    """The serial port of the board's firmware, with the rate that the user gave it."""
    if port is not None:
        one = at if at.kind == "serial port" else _named(board, things, "serial port", port)
        _, rate = split_rate(port)
        return replace(_usable(one), name=f"{one.name}@{rate}" if rate else one.name)
    if at.kind == "serial port":
        return at
    ports = [one for one in things if one.kind == "serial port"]
    same = [one for one in ports if at.serial and one.serial == at.serial]
    candidates = same or _could_be(board, things, "serial port")
    if len(candidates) != 1:
        seen = f"these could be it: {_listed(candidates)}" if candidates else "none is plugged in"
        raise SottoError(
            f"it is not known at which serial port {board.name} will answer; {seen}",
            "Name it with --port (docs/boards.md has the pins), or leave the question out with "
            "--no-check.",
        )
    return _usable(candidates[0])


def _listed(things: Sequence[Plugged]) -> str:
    return ", ".join(f"{one.name} ({one.title or one.kind})" for one in things)
