"""The firmware `mlperf` around the fake model: a transcript by hand, refusals, and any bytes."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT
from firmware_build import (
    CONFIG,
    FAILING_FEATURES,
    MODEL_HASH,
    build_around,
    running,
    write_fake_generated,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host_tools.link.transport import Transport, open_transport
from host_tools.mlperf.monitor import Monitor, RefusedCommandError

INPUT_BYTES = CONFIG.frames * CONFIG.mel_bins
READY = b"m-ready\r\n"
ANSWER_S = 20.0

# Written by hand from the protocol's public description (docs/mlperf.md names the sources), with
# the scores that the fake model makes of these features: 100 for the first class, 0 for four.
# Softmax at a scale of 0.05: 1 / (1 + 4 exp(-5)) = 0.9737 and exp(-5) / (1 + 4 exp(-5)) = 0.0066.
TRANSCRIPT = """
> name%
< m-name-dut-[host]
< m-ready
> timestamp%
< m-lap-us-N
< m-ready
> profile%
< m-profile-[ULPMark for tinyML Firmware V0.0.1]
< m-model-[kws01]
< m-ready
> db load 1960%
< m-[Expecting 1960 bytes]
< m-ready
> db 6400000000ff7F80%
< m-ready
> db print%
< m-buffer-64-00-00-00-00-ff-7f-80
< m-ready
> db print 3 4%
< m-buffer-00-ff-7f
< m-ready
> (the rest, zeros)
< m-load-done
< m-ready
> infer 2 3%
< m-warmup-start-3
< m-warmup-done
< m-infer-start-2
< m-lap-us-N
< m-lap-us-N
< m-infer-done
< m-results-[0.97372,0.00656,0.00656,0.00656,0.00656]
< m-ready
> results%
< m-results-[0.97372,0.00656,0.00656,0.00656,0.00656]
< m-ready
> infer%
< m-warmup-start-10
< m-warmup-done
< m-infer-start-1
< m-lap-us-N
< m-lap-us-N
< m-infer-done
< m-results-[0.97372,0.00656,0.00656,0.00656,0.00656]
< m-ready
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mlperf_firmware")
    write_fake_generated(folder / "generated")
    firmware = ROOT / "firmware"
    sources = [*(firmware / "mlperf").glob("*.c"), *(firmware / "ports" / "host").glob("*.c")]
    return build_around(folder / "generated", sources, folder / "firmware")


@pytest.fixture(scope="module")
def line(program: Path) -> Iterator[Transport]:
    """The line to one board, which all tests share: what one leaves must not harm the next."""
    with running(program) as url:
        opened = open_transport(url)
        yield opened
        opened.close()


@pytest.fixture
def monitor(line: Transport) -> Monitor:
    found = Monitor(line)
    found.synchronise(3)
    return found


def say(line: Transport, sent: bytes, answers: int = 1) -> bytes:
    """Send bytes and read until `answers` commands are answered."""
    line.write(sent)
    received = b""
    while received.count(READY) < answers:
        more = line.read(ANSWER_S)
        assert more, f"no answer to {sent!r}, only {received!r}"
        received += more
    return received


def test_transcript(line: Transport, monitor: Monitor) -> None:
    heard = []
    for step in TRANSCRIPT.strip().splitlines():
        if not step.startswith("> "):
            continue
        heard.append(step)
        if step == "> (the rest, zeros)":
            pieces = [b"db " + b"00" * 32 + b"%"] * ((INPUT_BYTES - 8) // 32)
            answer = say(line, b"".join(pieces), len(pieces))
            answer = answer[answer.index(b"m-load-done") :]  # before: one m-ready a piece
        else:
            answer = say(line, step[2:].encode())
        assert answer.endswith(READY)
        text = re.sub(r"lap-us-\d+", "lap-us-N", answer.decode("ascii"))
        heard += [f"< {row}" for row in text.split("\r\n")[:-1]]
    assert "\n".join(heard) == TRANSCRIPT.strip()


def test_identity_and_input_come_back(monitor: Monitor) -> None:
    who = monitor.identity()
    assert (who.name, who.task, who.backend) == ("host", "kws01", "fake")
    assert (who.model_hash, who.tick_unit) == (MODEL_HASH.hex(), "nanoseconds")
    assert who.input_bytes == INPUT_BYTES
    data = bytes(range(245)) * (INPUT_BYTES // 245)
    monitor.load(data)
    printed = "".join(monitor.ask(f"db print {INPUT_BYTES}")).replace("m-buffer", "")
    assert bytes.fromhex(printed.replace("-", "")) == data


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("", "Unknown command: "),
        ("nothing of this", "Unknown command: nothing"),
        ("NAME", "Unknown command: NAME"),
        ("\x01\xff", r"Unknown command: \?"),
        ("x" * 81, "at most 80 characters"),
        ("name " + "x" * 500, "at most 80 characters"),
        ("db", "'db' takes"),
        ("db load", "number of bytes"),
        ("db load many", "number of bytes"),
        ("db load -5", "number of bytes"),
        ("db load 0", f"has {INPUT_BYTES} bytes"),
        ("db load 99999999999", "number of bytes"),
        (f"db load {INPUT_BYTES + 1}", f"has {INPUT_BYTES} bytes"),
        ("db print x", "number of bytes and an offset"),
        ("infer 0 0", "1 or more"),
        ("infer 1 -1", "1 or more"),
        ("infer 100001 0", "at most 100000"),
        ("infer 1 100001", "at most 100000"),
    ],
)
def test_refusals(monitor: Monitor, command: str, words: str) -> None:
    with pytest.raises(RefusedCommandError, match=words):
        monitor.ask(command)
    assert monitor.ask("name") == ["m-name-dut-[host]"]


def test_bytes_without_a_load_or_too_few_of_them_are_refused(program: Path) -> None:
    with running(program) as url, Monitor.open(url) as fresh:
        with pytest.raises(RefusedCommandError, match="db load"):
            fresh.ask("db 00")
        with pytest.raises(RefusedCommandError, match=f"0 of {INPUT_BYTES} bytes"):
            fresh.ask("infer 1 0")
        with pytest.raises(RefusedCommandError, match="no inference"):
            fresh.ask("results")
        fresh.ask(f"db load {INPUT_BYTES}")
        fresh.ask("db " + "00" * 30)
        with pytest.raises(RefusedCommandError, match=f"30 of {INPUT_BYTES} bytes"):
            fresh.ask("infer 1 0")


def test_a_wrong_digit_takes_none_of_its_bytes(monitor: Monitor) -> None:
    monitor.ask(f"db load {INPUT_BYTES}")
    for wrong in ("000", "0g", "00zz", "0x12"):
        with pytest.raises(RefusedCommandError, match="hexadecimal digit"):
            monitor.ask(f"db {wrong}")
    monitor.ask("db 1234")
    assert monitor.ask("db print") == ["m-buffer-12-34"]


def test_a_model_that_fails_is_said_and_leaves_no_results(monitor: Monitor) -> None:
    data = bytearray(INPUT_BYTES)
    data[0], data[-1] = (value % 256 for value in FAILING_FEATURES)
    monitor.load(bytes(data))
    for command in ("infer 1 0", "infer 1 1"):
        with pytest.raises(RefusedCommandError, match="status -5"):
            monitor.ask(command)
    with pytest.raises(RefusedCommandError, match="no inference"):
        monitor.ask("results")


FED = r"""
#include "monitor.h"

static uint32_t fed;

static void feed(void) {
  fed++;
}

static void write(const uint8_t *data, size_t length_bytes) {
  (void)data, (void)length_bytes;
}

static uint32_t no_ticks(void) {
  return 0;
}

uint32_t sotto_port_ticks_hz(void) {
  return 1;
}

int main(void) {
  static mlperf_monitor monitor;
  static const sotto_port port = {.write = write, .ticks = no_ticks, .feed_watchdog = feed};
  static const uint8_t byte[] = "db 00%", load[] = "db load LENGTH%", infer[] = "infer 5 3%";
  mlperf_monitor_init(&monitor, &port);
  mlperf_monitor_receive(&monitor, load, sizeof load - 1);
  for (int i = 0; i < LENGTH; i++) mlperf_monitor_receive(&monitor, byte, sizeof byte - 1);
  mlperf_monitor_receive(&monitor, infer, sizeof infer - 1);
  return (int)fed;
}
"""


def test_each_inference_puts_off_the_watchdog(tmp_path: Path) -> None:
    """On a board that has one, a long measurement would end in a restart."""
    write_fake_generated(tmp_path / "generated")
    source = tmp_path / "fed.c"
    source.write_text(FED.replace("LENGTH", str(INPUT_BYTES)))
    folder = ROOT / "firmware" / "mlperf"
    sources = [source, *(path for path in folder.glob("*.c") if path.name != "main.c")]
    compiler = ("gcc", "-O1", "-I", str(folder))
    program = build_around(tmp_path / "generated", sources, tmp_path / "fed", compiler)
    assert subprocess.run([program], check=False).returncode == 3 + 5


def test_line_ends_of_a_terminal_do_not_count(line: Transport, monitor: Monitor) -> None:
    assert say(line, b"\r\n na\nme\r%") == b"m-name-dut-[host]\r\n" + READY


COMMANDS = st.one_of(
    st.binary(max_size=120),
    st.sampled_from(
        (
            b"name",
            b"profile",
            b"results",
            b"help",
            b"db",
            b"db load",
            b"db print",
            b"db 0",
            b"infer",
        )
    ),
    st.tuples(
        st.sampled_from((b"db load ", b"db print ", b"db ", b"sotto ", b"db print 4 ")),
        st.integers(0, 10**12).map(lambda n: str(n).encode()),
    ).map(b"".join),
).map(lambda command: command.replace(b"%", b""))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(commands=st.lists(COMMANDS, min_size=1, max_size=8), cut=st.integers(1, 40))
def test_any_bytes_get_one_answer_a_command(
    line: Transport, commands: list[bytes], cut: int
) -> None:
    """Whatever comes, and however it is cut: each `%` has one m-ready, each line its form."""
    sent = b"".join(command + b"%" for command in commands)
    for start in range(0, len(sent) - 1, cut):
        line.write(sent[start : min(start + cut, len(sent) - 1)])
    received = say(line, b"%", len(commands))
    assert received.endswith(READY)
    assert received.count(READY) == len(commands)
    rows = received.decode("ascii").split("\r\n")[:-1]
    helped = sum(command.split(b" ")[0].strip(b"\r\n") == b"help" for command in commands)
    strange = [row for row in rows if not re.match(r"m-[a-z\[]|e-\[.*\]$", row)]
    assert not strange or helped
