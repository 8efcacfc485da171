"""TOML to frozen dataclasses, with errors that name the file, the line and the remedy."""

from __future__ import annotations

import difflib
import re
import tomllib
import types
import typing
from collections import Counter
from collections.abc import Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from training.errors import UserError

UNITS = ("hz", "khz", "ms", "us", "s", "samples", "frames", "bins", "db", "percent", "bytes")
"""Endings of a key that say its unit."""

T = TypeVar("T", bound="Section")


class FieldError(UserError):
    """A value that a section refuses; the reader adds the file and the line."""

    def __init__(self, key: str, message: str, remedy: str) -> None:
        super().__init__(f"{key}: {message}", remedy)
        self.key = key


@dataclass(frozen=True)
class Section:
    """A group of settings that checks itself when it is built."""

    def fail(self, key: str, message: str, remedy: str) -> NoReturn:
        """Refuse the value of `key`."""
        raise FieldError(key, message, remedy)

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            low, high = item.metadata.get("range", (None, None))
            for number in value if isinstance(value, tuple) else (value,):
                if low is not None and not low <= number <= high:
                    self.fail(
                        item.name,
                        f"{number} is out of range",
                        f"Give a value from {low} to {high}.",
                    )
            allowed = item.metadata.get("allowed")
            if allowed and value not in allowed:
                self.fail(
                    item.name,
                    f"{value!r} is not one of its values",
                    f"Use one of: {', '.join(allowed)}.",
                )


def ranged(default: Any, low: float, high: float) -> Any:
    """A field of a number, or of several, that accepts `low <= value <= high`."""
    return field(default=default, metadata={"range": (low, high)})


def choice(default: str, allowed: tuple[str, ...]) -> Any:
    """A text field that accepts one of `allowed`."""
    return field(default=default, metadata={"allowed": allowed})


BASED_ON = "based_on"
"""Key with the path of the recipe that has what this one does not say, relative to this one."""


VARIANT = "step"
"""Key that says which of several sections a list has at a place; its default is its name there."""


def read_sections(kind: type[T], path: Path) -> T:
    """Read the TOML file at `path` into the dataclass `kind`, whose fields may be sections.

    What the file does not say is what the file has that it is `based_on`, key by key; a list counts
    as one value.

    Raises:
        UserError: with the file, the line, the value seen and the next step.
    """
    layers = _layers(path)
    table: dict[str, Any] = {}
    for layer in reversed(layers):
        table = _merged(table, layer.table)
    return _Reader(layers).section(kind, table, ())


def read_text(kind: type[T], text: str, place: str) -> T:
    """Read TOML that stands in no file; `place` is what messages call it.

    Raises:
        UserError: as `read_sections`.
    """
    layer = _parsed(Path(place), text)
    return _Reader([layer]).section(kind, layer.table, ())


@dataclass(frozen=True)
class _Layer:
    """One file of those that a recipe consists of."""

    path: Path
    text: str
    table: dict[str, Any]

    def place(self, keys: tuple[str, ...]) -> str:
        """`file:line` of a key."""
        return f"{self.path}:{line_of(self.text, keys)}"

    def holds(self, keys: tuple[str, ...]) -> bool:
        """Whether the key stands in this file."""
        inside: Any = self.table
        for key in keys:
            name, _, number = key.partition("[")
            if not isinstance(inside, dict) or name not in inside:
                return False
            inside = inside[name][int(number[:-1]) - 1] if number else inside[name]
        return True


def _layers(path: Path) -> list[_Layer]:
    """The recipe, the one that it is based on, and so on."""
    layers: list[_Layer] = []
    while True:
        layer = _read(path)
        layers.append(layer)
        if BASED_ON not in layer.table:
            return layers
        place, base = layer.place((BASED_ON,)), layer.table.pop(BASED_ON)
        if not isinstance(base, str) or not base:
            raise UserError(
                f"{place}: {BASED_ON} = {_shown(base)} is not a text", "Give the path of a recipe."
            )
        path = path.parent / base
        if not path.is_file():
            raise UserError(
                f"{place}: {BASED_ON}: there is no {path}", "Give a path relative to this recipe."
            )
        if any(path.samefile(earlier.path) for earlier in layers):
            raise UserError(
                f"{place}: {BASED_ON} leads back to {path}",
                "Base a recipe on one that stands alone.",
            )


def _read(path: Path) -> _Layer:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"{path}: cannot read the recipe: {reason}", "Check the path of the recipe."
        ) from error
    return _parsed(path, text)


def _parsed(path: Path, text: str) -> _Layer:
    try:
        return _Layer(path, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UserError(
            f"{path}: not valid TOML: {error}", "Mend the line that the message names."
        ) from error
    except RecursionError as error:
        raise UserError(
            f"{path}: its lists or tables are nested too deeply", "Give the path of a recipe."
        ) from error


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Both tables; where both have a value, that of `above`."""
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        both = isinstance(under, dict) and isinstance(value, dict)
        result[key] = _merged(typing.cast("dict[str, Any]", under), value) if both else value
    return result


class _Reader:
    def __init__(self, layers: Sequence[_Layer]) -> None:
        self.layers = layers

    def section(self, kind: type[T], table: dict[str, Any], where: tuple[str, ...]) -> T:
        hints = typing.get_type_hints(kind)
        known = {item.name: item for item in fields(kind)}
        for key, value in table.items():
            if key not in known:
                self._unknown(key, value, where, tuple(known))
        values = {}
        for key, item in known.items():
            if key in table:
                values[key] = self._value(hints[key], table[key], (*where, key))
            elif item.default is MISSING and item.default_factory is MISSING:
                self._missing(item, where)
        try:
            return kind(**values)
        except FieldError as error:
            place = self.place((*where, error.key))
            raise UserError(f"{place}: {error.message}", error.remedy) from error

    def place(self, keys: tuple[str, ...]) -> str:
        """`file:line` of a key, in the file that has it."""
        found = (layer for layer in self.layers if layer.holds(keys))
        return next(found, self.layers[0]).place(keys)

    def _value(self, hint: Any, value: Any, keys: tuple[str, ...]) -> Any:
        if isinstance(hint, types.UnionType):  # a section that may be missing: Section | None
            hint = typing.get_args(hint)[0]
        if isinstance(hint, type) and is_dataclass(hint):
            if not isinstance(value, dict):
                self._wrong(keys, value, "a section")
            return self.section(typing.cast("type[Section]", hint), value, keys)
        if hint is bool:
            if not isinstance(value, bool):
                self._wrong(keys, value, "true or false")
            return value
        if hint is int:
            if isinstance(value, bool) or not isinstance(value, int):
                self._wrong(keys, value, "a whole number")
            return value
        if hint is float:
            if isinstance(value, bool) or not isinstance(value, int | float):
                self._wrong(keys, value, "a number")
            try:
                return float(value)
            except OverflowError:  # a whole number beyond 1e308
                self._wrong(keys, value, "a number that fits a float")
        if hint is str:
            if not isinstance(value, str):
                self._wrong(keys, value, "a text in quotes")
            return value
        if isinstance(hint, types.GenericAlias) and typing.get_origin(hint) is tuple:
            return self._values(typing.get_args(hint)[0], value, keys)
        raise TypeError(f"no reader for {hint} of {'.'.join(keys)}")

    def _values(self, kind: Any, value: Any, keys: tuple[str, ...]) -> tuple[Any, ...]:
        kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
        if is_dataclass(kinds[0]):
            if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
                self._wrong(keys, value, f"a list of sections: write [[{keys[-1]}]]")
            places = [(*keys[:-1], f"{keys[-1]}[{number + 1}]") for number in range(len(value))]
            return tuple(
                self.section(self._variant(kinds, one, where), one, where)
                for one, where in zip(value, places, strict=True)
            )
        if kind is int:
            if not isinstance(value, list) or not all(type(one) is int for one in value):
                self._wrong(keys, value, "a list of whole numbers")
        elif not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self._wrong(keys, value, "a list of texts")
        return tuple(value)

    def _variant(
        self, kinds: tuple[type[Section], ...], table: dict[str, Any], where: tuple[str, ...]
    ) -> type[Section]:
        """Of several sections the one that the table's key `VARIANT` names."""
        if len(kinds) == 1:
            return kinds[0]
        named = {str(kind.__dataclass_fields__[VARIANT].default): kind for kind in kinds}
        name = str(table.get(VARIANT))
        if name not in named:
            what = f"unknown {VARIANT} {_shown(name)}" if VARIANT in table else f"no {VARIANT}"
            near = difflib.get_close_matches(name, named, n=1)
            remedy = f"Did you mean {near[0]}?" if near else f"Use one of: {', '.join(named)}."
            raise UserError(f"{self.place((*where, VARIANT))}: {what}", remedy)
        return named[name]

    def _wrong(self, keys: tuple[str, ...], value: Any, expected: str) -> NoReturn:
        remedy = f"Give {expected}."
        stem, _, unit = keys[-1].rpartition("_")
        if isinstance(value, str) and stem and unit in UNITS and value[:1] in "-+.0123456789":
            remedy = f"Give {expected} in {unit}, without quotes and without the unit."
        raise UserError(
            f"{self.place(keys)}: {'.'.join(keys)} = {_shown(value)} is not {expected}", remedy
        )

    def _missing(self, item: Field[Any], where: tuple[str, ...]) -> NoReturn:
        name = ".".join((*where, item.name))
        raise UserError(
            f"{self.layers[0].path}: {name} is missing", f"Add {item.name} to the recipe."
        )

    def _unknown(
        self, key: str, value: Any, where: tuple[str, ...], known: tuple[str, ...]
    ) -> NoReturn:
        shown = "" if isinstance(value, dict) else f" = {_shown(value)}"
        what = "section" if isinstance(value, dict) else "key"
        message = f"{self.place((*where, key))}: unknown {what} {'.'.join((*where, key))}{shown}"
        stem, _, unit = key.rpartition("_")
        for name in known:
            base, _, right = name.rpartition("_")
            if base and right in UNITS and (base == key or (base == stem and unit in UNITS)):
                raise UserError(message, f"The unit is part of the name: use {name}, in {right}.")
        near = difflib.get_close_matches(key, known, n=1)
        remedy = f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(known)}."
        raise UserError(message, remedy)


def _shown(value: Any) -> str:
    return repr(value) if not isinstance(value, bool) else str(value).lower()


_HEADER = re.compile(r"^\s*\[\s*([^\[\]]+?)\s*\]\s*(#.*)?$")
_LISTED = re.compile(r"^\s*\[\[\s*([^\[\]]+?)\s*\]\]\s*(#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-\"'. ]+?)\s*=")


def _path_of(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def line_of(text: str, keys: tuple[str, ...]) -> int:
    """Line, counted from 1, on which the key or the section stands; 1 when it stands nowhere.

    `tomllib` keeps no positions, so the text is read again: a key that is spelled in another
    way than `[section]` and `key = value` is found by the longest part of its path. The second
    `[[section]]` of a list has the path `section[2]`.
    """
    section: tuple[str, ...] = ()
    listed: Counter[tuple[str, ...]] = Counter()
    best, best_depth = 1, 0
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            section = here = _path_of(header[1])
        elif header := _LISTED.match(line):
            path = _path_of(header[1])
            listed[path] += 1
            section = here = (*path[:-1], f"{path[-1]}[{listed[path]}]")
        elif key := _KEY.match(line):
            here = section + _path_of(key[1])
        else:
            continue
        if here == keys:
            return number
        if len(here) > best_depth and here == keys[: len(here)]:
            best, best_depth = number, len(here)
    return best
