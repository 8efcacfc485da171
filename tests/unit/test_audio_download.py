"""Downloads against a web server on the loopback: resume, wrong hash, refusals, unsafe archives."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from training.audio import download
from training.audio.corpus import scan
from training.audio.download import SPEECH_COMMANDS, Archive, fetch_archive, fetch_speech_commands
from training.errors import UserError
from training.progress import Silent
from training.recipe import WordsConfig

RANDOM = np.random.default_rng(0).bytes(300_000)
"""Does not compress, so the archive is longer than a few packets."""

FILES = {
    "./yes/0a_nohash_0.wav": RANDOM,
    "./no/0b_nohash_0.wav": b"two",
    "./validation_list.txt": b"yes/0a_nohash_0.wav\n",
    "./testing_list.txt": b"no/0b_nohash_0.wav\n",
}


def packed(members: dict[str, bytes], extra: tuple[tarfile.TarInfo, ...] = ()) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for info in extra:
            tar.addfile(info)
    return buffer.getvalue()


@dataclass
class Server:
    """What the server sends, how it fails, and what it was asked."""

    content: bytes
    url: str = ""
    cuts: list[int] = field(default_factory=list)
    """Bytes after which each of the first answers breaks off."""
    statuses: list[int] = field(default_factory=list)
    """Statuses of the first answers instead of the content."""
    ranges: bool = True
    asked: list[str | None] = field(default_factory=list)

    def archive(self) -> Archive:
        return Archive(self.url, hashlib.sha256(self.content).hexdigest())


def handler_of(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            server.asked.append(asked)
            if server.statuses:
                self.send_error(server.statuses.pop(0))
                return
            first = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
            total = len(server.content)
            if asked and server.ranges and first >= total:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{total}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            partial = bool(asked) and server.ranges
            content = server.content[first:] if partial else server.content
            self.send_response(206 if partial else 200)
            if partial:
                self.send_header("Content-Range", f"bytes {first}-{total - 1}/{total}")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: server.cuts.pop(0)] if server.cuts else content)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    return Handler


@contextmanager
def serving(server: Server) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_of(server)) as web:
        server.url = f"http://127.0.0.1:{web.server_port}/data/words.tar.gz"
        thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            web.shutdown()
            thread.join(timeout=30)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    served = Server(packed(FILES))
    with serving(served):
        yield served


def fetch(server: Server, dest: Path, archive: Archive | None = None) -> Path:
    return fetch_archive(archive or server.archive(), dest, Silent(), retry_wait_s=0.0)


def assert_complete(dest: Path) -> None:
    found = {
        path.relative_to(dest).as_posix(): path.read_bytes()
        for path in dest.rglob("*")
        if path.is_file()
    }
    assert found == {name.removeprefix("./"): content for name, content in FILES.items()}
    assert [path.name for path in dest.parent.iterdir()] == [dest.name]


def test_download_verify_unpack(server: Server, tmp_path: Path) -> None:
    dest = fetch(server, tmp_path / "words")
    assert_complete(dest)
    assert scan(dest, WordsConfig(keywords=("yes", "no"), unknown=False)).layout == (
        "Speech Commands archive"
    )
    assert fetch(server, dest) == dest
    assert server.asked == [None]


def test_a_partial_download_is_resumed(server: Server, tmp_path: Path) -> None:
    (tmp_path / "words.tar.gz.part").write_bytes(server.content[:1_000])
    assert_complete(fetch(server, tmp_path / "words"))
    assert server.asked == ["bytes=1000-"]


def test_a_complete_part_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "words.tar.gz.part").write_bytes(server.content)
    assert_complete(fetch(server, tmp_path / "words"))
    assert server.asked == [f"bytes={len(server.content)}-"]


def test_a_server_without_ranges_starts_anew(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    (tmp_path / "words.tar.gz.part").write_bytes(b"x" * 1_000)
    assert_complete(fetch(server, tmp_path / "words"))


def test_a_cut_connection_is_taken_up_where_it_broke(server: Server, tmp_path: Path) -> None:
    server.cuts = [65_536, 0, 90_000, 0, 0, 0]
    assert_complete(fetch(server, tmp_path / "words"))
    assert server.asked == [
        None,
        "bytes=65536-",
        "bytes=65536-",
        *["bytes=147456-"] * 4,
    ]


def test_a_server_in_trouble_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.statuses = [503, 500]
    assert_complete(fetch(server, tmp_path / "words"))


def test_a_connection_that_stays_broken_keeps_what_came(server: Server, tmp_path: Path) -> None:
    server.cuts = [70_000, *[0] * 10]
    with pytest.raises(UserError, match="stopped after 65,536 bytes") as caught:
        fetch(server, tmp_path / "words")
    assert "again" in caught.value.remedy
    assert (tmp_path / "words.tar.gz.part").read_bytes() == server.content[:65_536]
    server.cuts = []
    assert_complete(fetch(server, tmp_path / "words"))


def test_a_wrong_hash_is_refused_and_removed(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"not {'0' * 64}"):
        fetch(server, tmp_path / "words", Archive(server.url, "0" * 64))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("status", [403, 404, 407])
def test_a_refusal_is_reported_at_once(server: Server, tmp_path: Path, status: int) -> None:
    server.statuses = [status] * 9
    with pytest.raises(UserError, match=f"answers {status}"):
        fetch(server, tmp_path / "words")
    assert len(server.asked) == 1


def test_nobody_listens(server: Server, tmp_path: Path) -> None:
    archive = server.archive()
    refused = Archive(archive.url.replace(archive.url.split(":")[2].split("/")[0], "1"), "")
    with pytest.raises(UserError, match="stopped after 0 bytes"):
        fetch(server, tmp_path / "words", refused)


def test_something_in_the_way(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for dest in (tmp_path / "file", tmp_path / "file" / "words"):
        with pytest.raises(UserError, match="file"):
            fetch(server, dest)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="in the way"):
        fetch(server, tmp_path / "empty")
    assert not server.asked


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


@pytest.mark.parametrize(
    "make",
    [
        lambda outside: packed({"../evil.wav": b"x"}),
        lambda outside: packed({"yes/../../evil.wav": b"x"}),
        lambda outside: packed({f"{outside}/evil.wav": b"x"}),
        lambda outside: packed({}, (link("yes", str(outside), tarfile.SYMTYPE),)),
        lambda outside: packed({}, (link("yes", "../evil.wav", tarfile.LNKTYPE),)),
        lambda outside: packed({}, (link("yes", "", tarfile.FIFOTYPE),)),
    ],
)
def test_an_unsafe_archive_writes_nothing_outside(
    server: Server, tmp_path: Path, make: Callable[[Path], bytes]
) -> None:
    server.content = make(tmp_path)
    folder = tmp_path / "inside"
    with pytest.raises(UserError, match="does not belong"):
        fetch(server, folder / "words")
    assert [path.name for path in tmp_path.iterdir()] == ["inside"]
    assert not (folder / "evil.wav").exists()
    assert not (folder / "words").exists()


@pytest.mark.parametrize("break_it", [lambda whole: whole[:-5_000], lambda whole: b"no gzip"])
def test_an_archive_that_cannot_be_unpacked_is_an_error(
    server: Server, tmp_path: Path, break_it: Callable[[bytes], bytes]
) -> None:
    server.content = break_it(server.content)
    with pytest.raises(UserError, match="cannot be unpacked"):
        fetch(server, tmp_path / "words")
    assert not (tmp_path / "words").exists()


def test_broken_off_while_unpacking_starts_there_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "words.tar.gz").write_bytes(server.content)
    (tmp_path / ".words.part").mkdir()
    (tmp_path / ".words.part" / "left_over.wav").write_text("half")
    assert_complete(fetch(server, tmp_path / "words"))
    assert not server.asked


def test_progress_counts_every_byte(server: Server, tmp_path: Path) -> None:
    steps: dict[str, list[float]] = {}

    class Counting(Silent):
        @contextmanager
        def task(self, description: str, total: float) -> Iterator[Counting]:  # type: ignore[override]
            steps[description] = [total, 0.0]
            self._current = steps[description]
            yield self

        def advance(self, amount: float = 1.0, detail: str | None = None) -> None:
            self._current[1] += amount

    (tmp_path / "words.tar.gz.part").write_bytes(server.content[:1_000])
    fetch_archive(server.archive(), tmp_path / "words", Counting())
    assert steps["downloading"] == [len(server.content), len(server.content)]
    assert steps["unpacking"][1] == pytest.approx(len(server.content), abs=10_240)


def test_the_official_archive_is_asked_for(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert SPEECH_COMMANDS.url.startswith("https://")
    assert SPEECH_COMMANDS.url.endswith("speech_commands_v0.02.tar.gz")
    monkeypatch.setattr(download, "SPEECH_COMMANDS", server.archive())
    assert_complete(fetch_speech_commands(tmp_path / "words", Silent()))
