"""A transport that damages what passes: for tests, and for trying firmware on a bad line."""

from __future__ import annotations

import enum
import random
from collections import Counter, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol

from host_tools.link.transport import Transport

_INSERTED_BYTES_MAX = 40
_STALL_PAUSES = 5
_SLOW_READ_BYTES = 64
_WRONG_BIT_TIMES = (0.5, 0.9, 1.1, 2.0)
"""Bit time of a receiver at another baud rate, in bit times of the sender."""
_DATA_BITS = 8
_FRAME_BITS = 1 + _DATA_BITS + 1
"""Start bit, data, stop bit."""


class Fault(enum.Enum):
    """What can happen to one chunk of bytes on its way."""

    DROP = "the chunk is lost"
    DUPLICATE = "the chunk comes twice"
    REORDER = "the chunk comes after the one that follows it within the pause"
    FLIP = "one bit changes"
    INSERT = "up to 40 random bytes stand somewhere in the chunk"
    SPLIT = "the chunk comes in two pieces with a pause between them"
    MERGE = "the chunk waits and comes together with those that follow within the pause"
    STALL = "the chunk and all after it come five pauses late"
    TRUNCATE = "the end of the chunk is lost"
    BAUD_MISMATCH = "the chunk is read at another baud rate"
    FULL_BUFFER = "the receiver has room for the beginning of the chunk, and none for a pause"
    SLOW_READER = "the receiver takes 64 bytes of the chunk a pause"
    RESET = "the board restarts as the chunk comes, and loses it"


LINE_FAULTS = tuple(fault for fault in Fault if fault is not Fault.RESET)
"""What a line can do by itself. RESET needs a hand on the board: a `Resettable` transport."""


class Resettable(Protocol):
    """A transport to a board whose reset pin is at hand."""

    def reset(self) -> None:
        """Restart the board."""


@dataclass(frozen=True)
class FaultPlan:
    """How bad one direction is.

    Attributes:
        faults: drawn from with equal chance.
        probability: chance of a fault, for each chunk, 0 to 1.
        pause_s: how long faults that have to do with time hold bytes back.
    """

    faults: Collection[Fault] = ()
    probability: float = 0.0
    pause_s: float = 0.02


@dataclass
class _Parcel:
    """Bytes on their way. One that is `overtaken` lets the next one pass."""

    due_s: float
    data: bytes
    overtaken: bool = False
    resets: bool = False


@dataclass
class _Direction:
    """Bytes on their way, in order; each parcel leaves no earlier than the one before it."""

    plan: FaultPlan
    rng: random.Random
    clock: Callable[[], float]
    chunks: int = 0
    struck: Counter[Fault] = field(default_factory=Counter)
    parcels: deque[_Parcel] = field(default_factory=deque)
    deaf_until_s: float = float("-inf")

    def put(self, data: bytes) -> None:
        self.chunks += 1
        now_s = self.clock()
        if now_s < self.deaf_until_s:
            return
        behind = self.parcels.pop() if self.parcels and self.parcels[-1].overtaken else None
        if self.parcels:
            now_s = max(now_s, self.parcels[-1].due_s)
        faults = list(self.plan.faults)
        if not faults or self.rng.random() >= self.plan.probability:
            self.parcels.append(_Parcel(now_s, data))
        else:
            fault = self.rng.choice(faults)
            self.struck[fault] += 1
            self.parcels += self._damaged(fault, data, now_s)
        if behind is not None:
            last_s = self.parcels[-1].due_s if self.parcels else now_s
            self.parcels.append(_Parcel(max(behind.due_s, last_s), behind.data))

    def take(self) -> list[_Parcel]:
        """Everything that is due."""
        due = []
        while self.parcels and self.parcels[0].due_s <= self.clock():
            due.append(self.parcels.popleft())
        return due

    def next_due_s(self) -> float | None:
        """When the next parcel is due, by the clock."""
        return self.parcels[0].due_s if self.parcels else None

    def _damaged(self, fault: Fault, data: bytes, now_s: float) -> list[_Parcel]:
        """What becomes of a chunk."""
        pause_s = self.plan.pause_s
        at = self.rng.randrange(len(data))
        if fault is Fault.DUPLICATE:
            return [_Parcel(now_s, data + data)]
        if fault is Fault.REORDER:
            return [_Parcel(now_s + pause_s, data, overtaken=True)]
        if fault is Fault.FLIP:
            flipped = data[at] ^ (1 << self.rng.randrange(_DATA_BITS))
            return [_Parcel(now_s, data[:at] + bytes([flipped]) + data[at + 1 :])]
        if fault is Fault.INSERT:
            noise = self.rng.randbytes(self.rng.randint(1, _INSERTED_BYTES_MAX))
            return [_Parcel(now_s, data[:at] + noise + data[at:])]
        if fault is Fault.SPLIT:
            return [_Parcel(now_s, data[:at]), _Parcel(now_s + pause_s, data[at:])]
        if fault is Fault.MERGE:  # what follows queues up behind it
            return [_Parcel(now_s + pause_s, data)]
        if fault is Fault.STALL:
            return [_Parcel(now_s + _STALL_PAUSES * pause_s, data)]
        if fault is Fault.TRUNCATE:
            return [_Parcel(now_s, data[:at])]
        if fault is Fault.BAUD_MISMATCH:
            return [_Parcel(now_s, misread(data, self.rng.choice(_WRONG_BIT_TIMES)))]
        if fault is Fault.FULL_BUFFER:
            self.deaf_until_s = now_s + pause_s
            return [_Parcel(now_s, data[:at])]
        if fault is Fault.SLOW_READER:
            starts = range(0, len(data), _SLOW_READ_BYTES)
            return [
                _Parcel(now_s + number * pause_s, data[start : start + _SLOW_READ_BYTES])
                for number, start in enumerate(starts)
            ]
        return [_Parcel(now_s, b"", resets=True)] if fault is Fault.RESET else []


class FaultyTransport:
    """Passes bytes between a Device and `inner`, damaging chunks as the plans say.

    Every write is one chunk, every successful read another. Randomness comes from `rng` only, so a
    seed repeats the faults; on a line in real time not their timing. `inner` must be `Resettable`
    where the plan to the board has RESET; from the board that fault loses a chunk.
    """

    def __init__(
        self,
        inner: Transport,
        rng: random.Random,
        to_board: FaultPlan | None = None,
        from_board: FaultPlan | None = None,
    ) -> None:
        self._inner = inner
        self._to_board = _Direction(to_board or FaultPlan(), rng, inner.now_s)
        self._from_board = _Direction(from_board or FaultPlan(), rng, inner.now_s)

    @property
    def struck(self) -> Counter[Fault]:
        """How often each fault has struck, in both directions."""
        return self._to_board.struck + self._from_board.struck

    @property
    def chunks(self) -> int:
        """How many chunks were sent, in both directions, damaged ones too."""
        return self._to_board.chunks + self._from_board.chunks

    def write(self, data: bytes) -> None:
        """See Transport; held-back bytes leave during later calls."""
        self._to_board.put(data)
        self._forward()

    def read(self, timeout_s: float) -> bytes:
        """See Transport."""
        deadline_s = self.now_s() + timeout_s
        while True:
            self._forward()
            if data := b"".join(parcel.data for parcel in self._from_board.take()):
                return data
            now_s = self.now_s()
            if now_s >= deadline_s:
                return b""
            due = (self._to_board.next_due_s(), self._from_board.next_due_s())
            wake_s = min([deadline_s, *(one for one in due if one is not None)])
            received = self._inner.read(max(0.0, wake_s - now_s))
            if received:
                self._from_board.put(received)

    def close(self) -> None:
        """See Transport."""
        self._inner.close()

    def now_s(self) -> float:
        """See Transport."""
        return self._inner.now_s()

    def _forward(self) -> None:
        """Hand on what is due, as one piece up to a restart of the board."""
        data = b""
        for parcel in self._to_board.take():
            data += parcel.data
            if parcel.resets:
                data = self._pass(data)
                self._inner.reset()  # type: ignore[attr-defined]  # promised by the plan
        self._pass(data)

    def _pass(self, data: bytes) -> bytes:
        if data:
            self._inner.write(data)
        return b""


def misread(data: bytes, bit_time: float) -> bytes:
    """What a UART (8 data bits, no parity, 1 stop bit) reads at another baud rate.

    It waits for a falling edge and looks at the middle of each bit, as it takes it to be; bytes
    without a stop bit are dropped.

    Args:
        data: what is sent, without gaps between the bytes.
        bit_time: of the receiver, in bit times of the sender.
    """
    line = [1]
    for byte in data:
        line += [0, *(byte >> bit & 1 for bit in range(_DATA_BITS)), 1]
    line += [1] * _FRAME_BITS

    def level(at: float) -> int:
        return line[int(at)] if at < len(line) else 1

    received = bytearray()
    edge = 0
    while True:
        edge = next((i for i in range(edge + 1, len(line)) if line[i - 1] and not line[i]), 0)
        if not edge:
            return bytes(received)
        middles = [edge + bit_time * (bit + 0.5) for bit in range(1, _FRAME_BITS)]
        *bits, stop = map(level, middles)
        if stop:
            received.append(sum(bit << place for place, bit in enumerate(bits)))
        edge = max(edge, int(middles[-1]) - 1)
