"""The host's side of MLPerf Tiny's serial protocol: commands end in `%`, answers in `m-ready`.

Works with any firmware that speaks it, ours or another's; docs/mlperf.md gives every line.
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass

from host_tools.errors import EXIT_CHECK_FAILED, SottoError
from host_tools.link.transport import LinkLostError, Transport, open_transport

BAUD_RATE = 115_200
ANSWER_TIMEOUT_S = 20.0
BYTES_PER_COMMAND = 31
"""As the official runner sends: 65 characters with `db `, of the 80 that the protocol allows."""

_END = "%"
_READY = "m-ready"
_REFUSAL = re.compile(r"e-\[(.*)\]")
_FIELD = re.compile(r"m-([a-z-]+)-\[(.*)\]")
_LAP = re.compile(r"m-lap-us-(\d+)")
_GREETING_TIMEOUT_S = 2.0


class RefusedCommandError(SottoError):
    """The board answered with `e-[...]`."""


@dataclass(frozen=True)
class Identity:
    """Who answers. The fields from `model_hash` on are of sotto's firmware, else None.

    Attributes:
        name: of the board.
        profile: of the benchmark's firmware interface.
        task: the benchmark's name of the model: "kws01".
        model_hash: 64 hexadecimal digits.
        backend: what runs the model: "aot" or "tflm".
        tick_unit: what the board's clock counts; see `sotto_port.tick_unit`.
        input_bytes: of one input.
    """

    name: str
    profile: str
    task: str
    model_hash: str | None = None
    backend: str | None = None
    tick_unit: str | None = None
    input_bytes: int | None = None


@dataclass(frozen=True)
class Inferences:
    """What one `infer` gave.

    Attributes:
        count: measured inferences, without those that warmed up.
        elapsed_us: between the two timestamps around them, by the board's clock.
        results: the classes' probabilities, as the board wrote them.
    """

    count: int
    elapsed_us: int
    results: str

    @property
    def probabilities(self) -> tuple[float, ...]:
        """The results as numbers."""
        return tuple(float(text) for text in self.results.split(","))

    @property
    def decision(self) -> int:
        """The class with the greatest result, the lowest on ties."""
        probabilities = self.probabilities
        return probabilities.index(max(probabilities))


class Monitor:
    """A board that answers. `Monitor.open(url)` is the usual way in; a context manager."""

    def __init__(self, transport: Transport, name: str = "the board") -> None:
        self._transport = transport
        self._name = name
        self._received = b""

    @classmethod
    def open(cls, url: str, baud: int = BAUD_RATE, attempts: int = 5) -> Monitor:
        """Open a port and wait until a board answers.

        Raises:
            SottoError: no such port, busy, not allowed, or nobody there speaks the protocol.
        """
        monitor = cls(open_transport(url, baud), f"the board at {url}")
        try:
            monitor.synchronise(attempts)
        except BaseException:
            monitor.close()
            raise
        return monitor

    def synchronise(self, attempts: int) -> None:
        """Pass over all that was on the line before, up to the answer to a command of our own.

        Every firmware of the benchmark repeats a command that it does not know.
        """
        for _ in range(attempts):
            mark = f"sotto-{secrets.token_hex(4)}"
            try:
                # The first sign ends what another program may have left half-sent.
                self._send(f"{_END}{mark}")
                deadline = time.monotonic() + _GREETING_TIMEOUT_S
                while mark not in self._line(deadline):
                    continue
                while self._line(deadline) != _READY:
                    continue
            except TimeoutError:
                continue
            return
        raise SottoError(
            f"{self._name} does not answer as MLPerf Tiny's firmware does",
            "Flash it with `sotto flash --program mlperf`, and check --baud.",
        )

    def ask(self, command: str, timeout_s: float = ANSWER_TIMEOUT_S) -> list[str]:
        """Send a command and return the lines of its answer, without `m-ready`.

        Raises:
            RefusedCommandError: the board answered with an error.
            SottoError: no whole answer in time, or the line is gone.
        """
        self._send(command)
        deadline = time.monotonic() + timeout_s
        lines: list[str] = []
        try:
            while (line := self._line(deadline)) != _READY:
                lines.append(line)
        except TimeoutError:
            raise SottoError(
                f"{self._name} did not answer {command[:20]!r} within {timeout_s:.0f} s",
                "Reset the board, and check its line; the same command then starts afresh.",
                EXIT_CHECK_FAILED,
            ) from None
        for line in lines:
            if refused := _REFUSAL.fullmatch(line):
                raise RefusedCommandError(
                    f"{self._name} refused {command[:20]!r}: {refused[1]}",
                    "docs/mlperf.md lists the commands and what they take.",
                    EXIT_CHECK_FAILED,
                )
        return lines

    def identity(self) -> Identity:
        """Ask who is there."""
        fields = self._fields("name") | self._fields("profile")
        try:
            own = self._fields("sotto")
        except RefusedCommandError:
            own = {}  # the firmware of somebody else
        size = own.get("sotto-input")
        return Identity(
            name=fields.get("name-dut", ""),
            profile=fields.get("profile", ""),
            task=fields.get("model", ""),
            model_hash=own.get("sotto-model"),
            backend=own.get("sotto-backend"),
            tick_unit=own.get("sotto-ticks"),
            input_bytes=int(size) if size else None,
        )

    def load(self, data: bytes) -> None:
        """Give the board the bytes of one input.

        Raises:
            SottoError: the board refused them or did not take all.
        """
        self.ask(f"db load {len(data)}")
        last: list[str] = []
        for start in range(0, len(data), BYTES_PER_COMMAND):
            last = self.ask(f"db {data[start : start + BYTES_PER_COMMAND].hex()}")
        if "m-load-done" not in last:
            raise self._strange("db", last)

    def infer(self, count: int, warmups: int, timeout_s: float = ANSWER_TIMEOUT_S) -> Inferences:
        """Run the loaded input `warmups` and then `count` times.

        Raises:
            SottoError: the board refused, failed or did not answer in time.
        """
        lines = self.ask(f"infer {count} {warmups}", timeout_s)
        laps = [int(lap[1]) for line in lines if (lap := _LAP.fullmatch(line))]
        results = _fields_of(lines).get("results")
        if len(laps) != 2 or results is None:
            raise self._strange("infer", lines)
        found = Inferences(count, laps[1] - laps[0], results)
        try:
            found.probabilities  # noqa: B018  (fails here if they are no numbers)
        except ValueError:
            raise self._strange("infer", lines) from None
        return found

    def close(self) -> None:
        """Give the port back. May be called twice."""
        self._transport.close()

    def __enter__(self) -> Monitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fields(self, command: str) -> dict[str, str]:
        return _fields_of(self.ask(command))

    def _strange(self, command: str, lines: list[str]) -> SottoError:
        return SottoError(
            f"{self._name} gave a strange answer to {command!r}: {' | '.join(lines)[:200]}",
            "Flash it again with `sotto flash --program mlperf`.",
            EXIT_CHECK_FAILED,
        )

    def _send(self, command: str) -> None:
        try:
            self._transport.write(f"{command}{_END}".encode())
        except LinkLostError as error:
            raise self._lost(error) from error

    def _line(self, deadline: float) -> str:
        """The next line; TimeoutError when it does not end in time."""
        while b"\n" not in self._received:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            try:
                self._received += self._transport.read(left_s)
            except LinkLostError as error:
                raise self._lost(error) from error
        line, _, self._received = self._received.partition(b"\n")
        return line.decode("ascii", errors="replace").strip("\r\0")

    def _lost(self, error: LinkLostError) -> SottoError:
        return SottoError(
            f"the line to {self._name} is gone: {error}",
            "Plug the board in again, or start it with `sotto flash --program mlperf`.",
        )


def _fields_of(lines: list[str]) -> dict[str, str]:
    found = (_FIELD.fullmatch(line) for line in lines)
    return {field[1]: field[2] for field in found if field}
