"""A board in lockstep: the firmware as a process whose serial line and clock are simulated.

No wait takes time, so a day on a bad line passes in minutes, and a seed repeats everything.
"""

from __future__ import annotations

import struct
import subprocess
from collections import deque
from pathlib import Path

from host_tools.link.transport import BAUD_RATE, LinkLostError

_COUNT = struct.Struct("=I")
_RESET = b"\xff" * _COUNT.size
_BITS_PER_BYTE = 10
"""Start bit, eight data bits, stop bit."""


class SimulatedBoard:
    """A transport to firmware that was built for `host`; it computes in no time.

    Both directions have the line's rate. Bytes that are written while others still travel follow
    those.

    Args:
        program: the firmware; it is started, and ends with `close`.
        baud: of the line; 8 data bits, no parity, 1 stop bit.
        latency_s: what each direction adds, as a USB bridge does.
    """

    def __init__(self, program: Path, baud: int = BAUD_RATE, latency_s: float = 0.0) -> None:
        self._process = subprocess.Popen(
            [program, "--lockstep"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in the terminal is for this program, which ends it
        )
        self._byte_s = _BITS_PER_BYTE / baud
        self._latency_s = latency_s
        self._now_s = 0.0
        self._to_board: deque[tuple[float, bytes]] = deque()
        self._from_board: deque[tuple[float, bytes]] = deque()
        self._free_s = [0.0, 0.0]

    def now_s(self) -> float:
        """Seconds since the simulation began."""
        return self._now_s

    def write(self, data: bytes) -> None:
        """See Transport."""
        self._to_board.append((self._arrival_s(0, self._now_s, data), data))

    def read(self, timeout_s: float) -> bytes:
        """See Transport; what passes is simulated time."""
        deadline_s = self._now_s + timeout_s
        while True:
            arrived = next(iter(self._to_board), None)
            answered = next(iter(self._from_board), None)
            if (
                answered
                and answered[0] <= deadline_s
                and (not arrived or answered[0] <= arrived[0])
            ):
                self._from_board.popleft()
                self._now_s = max(self._now_s, answered[0])
                return answered[1]
            if not arrived or arrived[0] > deadline_s:
                self._now_s = deadline_s
                return b""
            self._to_board.popleft()
            self._now_s = max(self._now_s, arrived[0])
            self._give(_COUNT.pack(len(arrived[1])) + arrived[1])

    def reset(self) -> None:
        """Press the board's reset button; bytes that travel to it are lost."""
        self._to_board.clear()
        self._give(_RESET)

    def close(self) -> None:
        """See Transport."""
        self._process.communicate()

    def _arrival_s(self, direction: int, now_s: float, data: bytes) -> float:
        start_s = max(now_s, self._free_s[direction])
        self._free_s[direction] = start_s + len(data) * self._byte_s
        return self._free_s[direction] + self._latency_s

    def _give(self, step: bytes) -> None:
        """One step of the firmware: what it answers travels back."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(step)
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise LinkLostError("the firmware ended") from error
        while True:
            count = self._process.stdout.read(_COUNT.size)
            if len(count) < _COUNT.size:
                raise LinkLostError("the firmware ended")
            (length,) = _COUNT.unpack(count)
            if length == 0:
                return
            data = self._process.stdout.read(length)
            self._from_board.append((self._arrival_s(1, self._now_s, data), data))
