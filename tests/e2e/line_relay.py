"""A line between host and board that can be spoilt: garbage first, or silence from a point on."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

CHUNK_BYTES = 4096


class Relay:
    """Forwards one connection to the board at a URL; a context manager.

    Attributes:
        url: where the host connects to, at `port`.
        answered_bytes: what the board has said so far.
    """

    def __init__(
        self,
        board_url: str,
        *,
        port: int = 0,
        garbage: bytes = b"",
        silent_after_bytes: int | None = None,
    ) -> None:
        """Connect to the board and listen for the host.

        Args:
            board_url: where the board is.
            port: where to listen; 0 takes a free one.
            garbage: goes to the host before anything that the board says.
            silent_after_bytes: of the board's answers; the rest is kept back while the connection
                stays open, as with a board that hangs.
        """
        parts = urlsplit(board_url)
        self._garbage = garbage
        self._silent_after_bytes = silent_after_bytes
        self._board = socket.create_connection((parts.hostname, parts.port))
        self._board.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._listener = socket.create_server(("127.0.0.1", port))
        self._threads = [threading.Thread(target=self._serve)]
        self.answered_bytes = 0
        self.port = self._listener.getsockname()[1]
        self.url = f"socket://127.0.0.1:{self.port}"

    def __enter__(self) -> Relay:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        for end in (self._listener, self._board):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        with suppress(OSError):
            host, _ = self._listener.accept()
            with host:
                host.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                host.sendall(self._garbage)
                back = threading.Thread(target=self._answer, args=(host,))
                self._threads.append(back)
                back.start()
                while data := host.recv(CHUNK_BYTES):
                    self._board.sendall(data)

    def _answer(self, host: socket.socket) -> None:
        with suppress(OSError):
            while data := self._board.recv(CHUNK_BYTES):
                if self._silent_after_bytes is not None:
                    data = data[: max(0, self._silent_after_bytes - self.answered_bytes)]
                self.answered_bytes += len(data)
                host.sendall(data)
