"""A transport that damages what passes: for tests, and for trying firmware on a bad line."""

from __future__ import annotations

import enum
import random
import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

from host_tools.link.transport import Transport

_INSERTED_BYTES_MAX = 40
_STALL_PAUSES = 5


class Fault(enum.Enum):
    """What can happen to one chunk of bytes on its way."""

    DROP = "the chunk is lost"
    DUPLICATE = "the chunk comes twice"
    FLIP = "one bit changes"
    INSERT = "up to 40 random bytes stand somewhere in the chunk"
    SPLIT = "the chunk comes in two pieces with a pause between them"
    MERGE = "the chunk waits and comes together with those that follow within the pause"
    STALL = "the chunk and all after it come five pauses late"
    TRUNCATE = "the end of the chunk is lost"


@dataclass(frozen=True)
class FaultPlan:
    """How bad one direction is.

    Attributes:
        faults: drawn from with equal chance.
        probability: chance of a fault, for each chunk, 0 to 1.
        pause_s: how long SPLIT, MERGE and STALL hold bytes back.
    """

    faults: Collection[Fault] = ()
    probability: float = 0.0
    pause_s: float = 0.02


@dataclass
class _Parcel:
    due_s: float
    data: bytes


class _Direction:
    """Bytes on their way, in order; each parcel leaves no earlier than the one before it."""

    def __init__(self, plan: FaultPlan, rng: random.Random) -> None:
        self._plan = plan
        self._rng = rng
        self._parcels: deque[_Parcel] = deque()

    def put(self, data: bytes) -> None:
        now_s = time.monotonic()
        if self._parcels:
            now_s = max(now_s, self._parcels[-1].due_s)
        faults = list(self._plan.faults)
        if not faults or self._rng.random() >= self._plan.probability:
            self._parcels.append(_Parcel(now_s, data))
        else:
            self._damage(self._rng.choice(faults), data, now_s)

    def take(self) -> bytes:
        """Everything that is due."""
        data = b""
        while self._parcels and self._parcels[0].due_s <= time.monotonic():
            data += self._parcels.popleft().data
        return data

    def next_due_s(self) -> float | None:
        """When the next parcel is due, by `time.monotonic`."""
        return self._parcels[0].due_s if self._parcels else None

    def _damage(self, fault: Fault, data: bytes, now_s: float) -> None:
        later_s = now_s + self._plan.pause_s
        at = self._rng.randrange(len(data))
        pieces: list[_Parcel]
        if fault is Fault.DROP:
            pieces = []
        elif fault is Fault.DUPLICATE:
            pieces = [_Parcel(now_s, data + data)]
        elif fault is Fault.FLIP:
            flipped = data[at] ^ (1 << self._rng.randrange(8))
            pieces = [_Parcel(now_s, data[:at] + bytes([flipped]) + data[at + 1 :])]
        elif fault is Fault.INSERT:
            noise = self._rng.randbytes(self._rng.randint(1, _INSERTED_BYTES_MAX))
            pieces = [_Parcel(now_s, data[:at] + noise + data[at:])]
        elif fault is Fault.SPLIT:
            pieces = [_Parcel(now_s, data[:at]), _Parcel(later_s, data[at:])]
        elif fault is Fault.TRUNCATE:
            pieces = [_Parcel(now_s, data[:at])]
        else:  # MERGE and STALL: what follows queues up behind it
            pauses = _STALL_PAUSES if fault is Fault.STALL else 1
            pieces = [_Parcel(now_s + pauses * self._plan.pause_s, data)]
        self._parcels += pieces


class FaultyTransport:
    """Passes bytes between a Device and `inner`, damaging chunks as the plans say.

    Every write is one chunk, every successful read another. Randomness comes from `rng` only, so a
    seed repeats the faults (not their timing).
    """

    def __init__(
        self,
        inner: Transport,
        rng: random.Random,
        to_board: FaultPlan | None = None,
        from_board: FaultPlan | None = None,
    ) -> None:
        self._inner = inner
        self._to_board = _Direction(to_board or FaultPlan(), rng)
        self._from_board = _Direction(from_board or FaultPlan(), rng)

    def write(self, data: bytes) -> None:
        """See Transport; held-back bytes leave during later calls."""
        self._to_board.put(data)
        self._forward()

    def read(self, timeout_s: float) -> bytes:
        """See Transport."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            self._forward()
            if data := self._from_board.take():
                return data
            now_s = time.monotonic()
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

    def _forward(self) -> None:
        if data := self._to_board.take():
            self._inner.write(data)
