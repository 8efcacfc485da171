"""What each emulated port promises in port.h, shown by a small firmware of its own."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from board_program import link_for_board
from conftest import ROOT

from host_tools import emulator
from host_tools.boards import BOARDS, Board
from host_tools.link.twin_messages import ResetCause

FIRMWARE = ROOT / "firmware"
PROBE = Path(__file__).with_name("port_probe.c")
RING_BYTES = 4096
ANSWER_WITHIN_S = 30
ASK_AGAIN_S = 0.3
ATTEMPTS = 100
END_OF_ANSWERS = b"\x01end\x00"

# Board -> the instructions that a tick stands for.
TICKS = {
    "stm32f405": 1,
    "mps2_m3": 40,
    "mps2_m4": 40,
    "mps2_m7": 40,
    "mps3_m55": 32,
    "riscv_virt": 1,
    "xtensa_lx60": 25,
}
LOOP_INSTRUCTIONS = 2000
PEDANTIC = ("-Wpedantic",)
WATCHED = ("mps2_m3", "mps2_m7", "mps3_m55")
"""Boards whose emulator has a watchdog, one of each kind."""
WATCHDOG_MS = 1000

pytestmark = pytest.mark.emulator


class Probe:
    """The serial line of a board that runs port_probe.c."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._line = socket.create_connection((parts.hostname, parts.port))
        self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.unanswered = 0
        """Requests of the last `wake` that the board lost."""

    def wake(self) -> list[str]:
        """The board's facts; asked until answered: a booting UART or a full ring drops requests."""
        self._line.settimeout(ASK_AGAIN_S)
        for asked in range(1, ATTEMPTS + 1):
            self.send(b"i")
            try:
                facts = self._read_to(b"\n")
            except TimeoutError:
                continue
            self._line.settimeout(ANSWER_WITHIN_S)
            # Answers to earlier requests may still come: read past them.
            self.send(b"e" + len(END_OF_ANSWERS).to_bytes(4, "little") + END_OF_ANSWERS)
            answers = (facts + self._read_to(END_OF_ANSWERS)).count(b"\n")
            self.unanswered = asked - answers
            return facts.decode().partition("\n")[0].split(";")
        raise AssertionError("the board does not answer")

    def _read_to(self, end: bytes) -> bytes:
        received = b""
        while not received.endswith(end):
            received += self._line.recv(100)
        return received

    def send(self, data: bytes) -> None:
        self._line.sendall(data)

    def read(self, count: int) -> bytes:
        received = b""
        while len(received) < count:
            received += self._line.recv(count - len(received))
        return received

    def idle(self, milliseconds: float) -> None:
        """Say nothing for a while; the board has nothing to say, either."""
        self._line.settimeout(milliseconds / 1000)
        with pytest.raises(TimeoutError):
            self._line.recv(1)
        self._line.settimeout(ANSWER_WITHIN_S)

    def ask(self, command: bytes) -> str:
        self.send(command)
        return self._read_to(b"\n").decode().strip().strip(";")

    def close(self) -> None:

        self._line.close()


@pytest.fixture(scope="module")
def probe_elf(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Board], Path]:
    folder = tmp_path_factory.mktemp("probe")

    def build(board: Board) -> Path:
        elf = folder / f"{board.name}.elf"
        if not elf.exists():
            link_for_board(board, [PROBE], elf, PEDANTIC, watchdog_ms=WATCHDOG_MS)
        return elf

    return build


@pytest.fixture(params=TICKS)
def board(request: pytest.FixtureRequest) -> Board:
    return BOARDS[request.param]


@pytest.fixture
def probe(board: Board, probe_elf: Callable[[Board], Path]) -> Iterator[Probe]:
    with emulator.start(board, probe_elf(board), icount=True) as running:
        line = Probe(running.url)
        yield line
        line.close()


def test_a_port_says_who_it_is(board: Board, probe: Probe) -> None:
    name, unit, cpu_hz, lost, stack_peak = probe.wake()
    assert name == board.name
    assert unit == "instructions"
    assert int(cpu_hz) in (10_000_000, 16_000_000, 25_000_000, 32_000_000, 40_000_000)
    assert int(lost) == 0
    assert 0 < int(stack_peak) < 1000


def test_ticks_count_instructions(board: Board, probe: Probe) -> None:
    probe.wake()
    step = TICKS[board.name]
    for _ in range(5):
        assert abs(int(probe.ask(b"t")) - LOOP_INSTRUCTIONS) <= step * (step > 1)


def test_without_icount_ticks_are_not_called_instructions(
    board: Board, probe_elf: Callable[[Board], Path]
) -> None:
    with emulator.start(board, probe_elf(board)) as running:
        line = Probe(running.url)
        assert line.wake()[1] == "timer ticks"
        line.close()


def test_every_byte_value_passes_both_ways(probe: Probe) -> None:
    probe.wake()
    data = bytes(range(256)) * 4
    for _ in range(8):
        probe.send(b"e" + len(data).to_bytes(4, "little") + data)
        assert probe.read(len(data)) == data
    assert probe.wake()[3] == "0"


def test_bytes_beyond_the_window_are_counted_as_lost(probe: Probe) -> None:
    probe.wake()
    sent, to_lose = 3 * RING_BYTES, RING_BYTES
    probe.send(b"b" + to_lose.to_bytes(4, "little") + b"x" * sent)
    # An answer says that all earlier bytes have arrived; a request may be among the lost ones.
    lost = int(probe.wake()[3])
    counted = int(probe.ask(b"c"))
    assert counted + lost == sent + probe.unanswered
    assert lost >= to_lose


@pytest.mark.parametrize("command", [b"r", b"f"], ids=["reset", "fault"])
def test_reset_and_faults_start_the_board_anew(probe: Probe, command: bytes) -> None:
    probe.wake()
    probe.send(b"xxx")
    assert probe.ask(b"c") == "3"
    probe.send(command)
    probe.wake()
    assert probe.ask(b"c") == "0"


def test_stack_overflow_leaves_ram_and_starts_the_board_anew(
    probe_elf: Callable[[Board], Path],
) -> None:
    """On stm32f405 only: below the RAM of the mps2 machines QEMU swallows what is written."""
    stm32 = BOARDS["stm32f405"]
    with emulator.start(stm32, probe_elf(stm32), icount=True) as running:
        line = Probe(running.url)
        line.wake()
        line.send(b"xo")
        line.wake()
        assert line.ask(b"c") == "0"
        assert line.ask(b"k") == f"{ResetCause.FAULT.value};1"
        line.close()


@pytest.mark.parametrize("name", WATCHED)
def test_a_hang_ends_in_a_restart_that_says_why(
    name: str, probe_elf: Callable[[Board], Path]
) -> None:
    """A board that only waits for bytes does not bite: its sleep is shorter."""
    board = BOARDS[name]
    with emulator.start(board, probe_elf(board)) as running:
        line = Probe(running.url)
        line.wake()
        line.idle(1.5 * WATCHDOG_MS)
        assert line.ask(b"k") == f"{ResetCause.POWER_ON.value};0"
        line.send(b"xh")
        line.wake()
        assert line.ask(b"c") == "0"
        assert line.ask(b"k") == f"{ResetCause.WATCHDOG.value};1"
        line.close()


def test_a_port_without_a_vector_table_does_not_link(tmp_path: Path) -> None:
    cortex_m = FIRMWARE / "ports" / "cortex_m" / "cortex_m.c"
    main = tmp_path / "main.c"
    main.write_text("int main(void) { return 0; }\n")
    script = FIRMWARE / "ports" / "stm32f4" / "stm32f405.ld"
    command = ["arm-none-eabi-gcc", "-mthumb", "-mcpu=cortex-m4", "-nostartfiles"]
    command += ["--specs=nano.specs", "-T", str(script), str(cortex_m), str(main)]
    command += ["-I", str(FIRMWARE / "src")]
    done = subprocess.run(
        [*command, "-o", str(tmp_path / "port.elf")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "the port has no vector table" in done.stderr
