"""Numbers that stand in C, in Python and in docs/protocol.md are the same numbers."""

from __future__ import annotations

import enum
import re
from pathlib import Path

import pytest
from conftest import LIB, ROOT

from host_tools.link import codec, messages, twin_messages
from host_tools.link.codec import Frame, encode

HEADERS = "\n".join(
    path.read_text()
    for path in (
        *(
            LIB / "include" / "sotto" / f"{name}.h"
            for name in ("link", "link_messages", "settings")
        ),
        *(ROOT / "firmware" / "src" / f"{name}.h" for name in ("port", "clip")),
    )
)
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()


def c_numbers(prefix: str) -> dict[str, int]:
    found = re.findall(rf"\b{prefix}([A-Z0-9_]+) = (0x[0-9A-Fa-f]+|\d+)\b", HEADERS)
    return {name: int(number, 0) for name, number in found}


def c_define(name: str) -> int:
    (number,) = re.findall(rf"#define {name} (\w+?)u?\n", HEADERS)
    return int(number, 0)


@pytest.mark.parametrize(
    ("prefix", "python"),
    [
        ("SOTTO_LINK_E_", messages.ErrorCode),
        ("SOTTO_RESULT_", messages.ResultState),
        ("SOTTO_SELF_TEST_", messages.SelfTestStage),
        ("SOTTO_BUILD_", twin_messages.BuildFact),
        ("SOTTO_GUARD_", twin_messages.Guard),
        ("SOTTO_RESET_", twin_messages.ResetCause),
    ],
)
def test_enumerations_agree(prefix: str, python: type[enum.IntEnum]) -> None:
    assert c_numbers(prefix) == {member.name: member.value for member in python}


def test_settings_agree() -> None:
    numbers = c_numbers("SOTTO_SETTING_")
    assert numbers.pop("NONE") == 0
    assert numbers == {member.name: member.value for member in messages.Setting}
    section = PROTOCOL.split("### SETTINGS_GET")[1].split("\n### ")[0]
    rows = re.findall(r"^\| (\d)(?: \+ c)? \| ([a-z0-9_]+)", section, re.MULTILINE)
    assert {name.upper(): int(number) for number, name in rows} == numbers


def test_message_types_agree() -> None:
    types = c_numbers("SOTTO_LINK_")
    expected = {member.name: member.value for member in messages.MessageType}
    assert expected.items() <= types.items()
    assert types["ERROR"] == messages.ERROR_TYPE
    documented = dict(re.findall(r"^\| (0x[0-9A-F]{2}) \| ([A-Z_]+) \|", PROTOCOL, re.MULTILINE))
    assert {name: int(number, 0) for number, name in documented.items()} == expected


def test_sizes_agree() -> None:
    assert c_define("SOTTO_LINK_VERSION") == codec.PROTOCOL_VERSION
    assert c_define("SOTTO_LINK_PAYLOAD_MAX_BYTES") == codec.PAYLOAD_MAX_BYTES
    assert c_define("SOTTO_LINK_REPLY_MAX_BYTES") == codec.REPLY_MAX_BYTES
    assert c_define("SOTTO_LINK_REPLY_FLAG") == messages.REPLY_FLAG
    longest = codec.wire_max_bytes(codec.PAYLOAD_MAX_BYTES)
    assert f"The longest frame takes {longest:,} bytes" in PROTOCOL


def test_the_documented_example_is_what_the_encoder_writes() -> None:
    assert f"\n{encode(Frame(messages.MessageType.INFO, 2)).hex(' ').upper()}\n" in PROTOCOL


@pytest.mark.parametrize("header", ["link.h", "link_messages.h", "link_bytes.h"])
def test_the_headers_compile_alone(header: str, build_shared, tmp_path: Path) -> None:
    source = tmp_path / "alone.c"
    source.write_text(
        f'#include "sotto/{header}"\nint alone(void);\nint alone(void) {{ return 0; }}\n'
    )
    assert build_shared([source]).alone() == 0
