"""The codec in Python and in C: one table of cases, the same verdict on any bytes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import LIB, ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tools.link.codec import (
    PAYLOAD_MAX_BYTES,
    Decoder,
    Frame,
    FrameStatus,
    Received,
    encode,
    wire_max_bytes,
)

CASES = json.loads((ROOT / "tests" / "vectors" / "link_frames.json").read_text())["cases"]
E_SIZE = "-2"

frames = st.builds(
    Frame,
    type=st.integers(0, 255),
    request=st.integers(0, 65535),
    payload=st.one_of(
        st.binary(max_size=40),
        st.binary(min_size=240, max_size=262),
        st.binary(min_size=PAYLOAD_MAX_BYTES - 8, max_size=PAYLOAD_MAX_BYTES),
        st.integers(0, PAYLOAD_MAX_BYTES).map(lambda length: b"\x01" * length),
    ),
    version=st.integers(0, 255),
)


class CCodec:
    """The C codec under ASan and UBSan, as a process."""

    def __init__(self, program: Path) -> None:
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, command: str, data: bytes) -> list[str]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(command.encode() + b" " + data)
        self.process.stdin.flush()
        lines = iter(lambda: self.process.stdout.readline().decode().strip(), ".")
        return [line for line in lines if self.alive(line)]

    def alive(self, line: str) -> bool:
        assert line or self.process.poll() is None, "the C codec ended"
        return bool(line)

    def decode(self, stream: bytes, chunk_bytes: int = 1 << 20) -> list[Received]:
        return [self.received(line) for line in self.ask(f"D {chunk_bytes} {len(stream)}", stream)]

    def encode(self, frame: Frame) -> str:
        fields = f"{frame.version} {frame.type} {frame.request} {len(frame.payload)}"
        return self.ask(f"E {fields}", frame.payload)[0]

    @staticmethod
    def received(line: str) -> Received:
        status, *rest = line.split()
        if status != FrameStatus.GOOD.value:
            return Received(FrameStatus(status))
        version, kind, request, *payload = rest
        frame = Frame(int(kind), int(request), bytes.fromhex("".join(payload)), int(version))
        return Received(FrameStatus.GOOD, frame)


@pytest.fixture(scope="module")
def c_codec(build_program: Callable[..., Path]) -> Iterator[CCodec]:
    sources = [Path(__file__).with_name("link_tool.c"), *sorted((LIB / "src" / "link").glob("*.c"))]
    codec = CCodec(build_program(sources))
    yield codec
    codec.process.communicate(timeout=30)
    assert codec.process.returncode == 0


def python_decode(stream: bytes, chunk_bytes: int) -> list[Received]:
    decoder = Decoder()
    pieces = [stream[at : at + chunk_bytes] for at in range(0, len(stream), chunk_bytes)]
    return [received for piece in pieces for received in decoder.feed(piece)]


def expected(case: dict) -> list[Received]:
    verdicts = []
    for one in case["received"]:
        status = FrameStatus(one["status"])
        frame = None
        if status is FrameStatus.GOOD:
            payload = bytes.fromhex(one["payload"])
            frame = Frame(one["type"], one["request"], payload, one["version"])
        verdicts.append(Received(status, frame))
    return verdicts


@pytest.mark.parametrize("chunk_bytes", [1, 7, 1 << 20])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_decodes_the_table(case: dict, chunk_bytes: int, c_codec: CCodec) -> None:
    stream = bytes.fromhex(case["stream"])
    assert python_decode(stream, chunk_bytes) == expected(case)
    assert c_codec.decode(stream, chunk_bytes) == expected(case)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["encodes"]], ids=lambda case: case["name"]
)
def test_encodes_the_table(case: dict, c_codec: CCodec) -> None:
    frame = expected(case)[0].frame
    assert frame is not None
    assert encode(frame).hex() == case["stream"]
    assert c_codec.encode(frame) == case["stream"]


@given(frame=frames)
def test_encoders_agree_and_the_frame_comes_back(frame: Frame, c_codec: CCodec) -> None:
    wire = encode(frame)
    assert c_codec.encode(frame) == wire.hex()
    assert len(wire) <= wire_max_bytes(len(frame.payload))
    assert 0 not in wire[1:-1]
    assert python_decode(wire, len(wire)) == [Received(FrameStatus.GOOD, frame)]
    assert c_codec.decode(wire) == [Received(FrameStatus.GOOD, frame)]


def test_encoders_refuse_a_payload_that_is_too_long(c_codec: CCodec) -> None:
    frame = Frame(1, 1, b"\x01" * (PAYLOAD_MAX_BYTES + 1))
    with pytest.raises(ValueError, match="1041 bytes, at most 1040"):
        encode(frame)
    assert c_codec.encode(frame) == E_SIZE


@settings(max_examples=300)
@given(
    pieces=st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from([b"\x00", b"\xff" * 300, b"\x01" * 1100]),
            frames.map(encode),
        ),
        max_size=8,
    ),
    chunk_bytes=st.integers(1, 400),
)
def test_any_bytes_get_the_same_verdict(
    pieces: list[bytes], chunk_bytes: int, c_codec: CCodec
) -> None:
    stream = b"".join(pieces)
    assert c_codec.decode(stream, chunk_bytes) == python_decode(stream, chunk_bytes)


@given(frame=frames, data=st.data())
def test_one_damaged_byte_is_never_accepted(frame: Frame, data: st.DataObject) -> None:
    wire = bytearray(encode(frame))
    at = data.draw(st.integers(1, len(wire) - 2))
    wire[at] ^= data.draw(st.integers(1, 255))
    assert all(received.frame is None for received in Decoder().feed(bytes(wire)))
