"""Fetches the Speech Commands archive: resumed when broken off, checked, unpacked safely.

pooch verifies downloads but starts a broken one anew, which for 2.4 GB is too dear; so the bytes
come through requests with HTTP ranges, and pooch computes the hash.
"""

from __future__ import annotations

import re
import shutil
import tarfile
import time
import zlib
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePosixPath

import pooch
import requests

from training.errors import UserError
from training.progress import Progress


@dataclass(frozen=True)
class Archive:
    """A .tar.gz on the web."""

    url: str
    sha256: str


SPEECH_COMMANDS = Archive(
    # The address of download.tensorflow.org behind HTTPS. The hash is the one that TensorFlow
    # Datasets (checksums.tsv) and torchaudio (speechcommands.py) pin.
    url="https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
    sha256="af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
)
"""Speech Commands v0.02 (Warden, 2018; CC BY 4.0): 105,829 clips, 2.4 GB packed."""

_CONNECT_TIMEOUT_S = 15.0
_SILENCE_TIMEOUT_S = 60.0
# What came of a block is lost when the connection breaks in it, so blocks are small.
_BLOCK_BYTES = 1 << 14
_ATTEMPTS = 5
_RETRY_WAIT_S = 2.0
_AGAIN = "Run the same command again: it goes on where this one stopped."
_CONTENT_RANGE = re.compile(r"bytes (?:(?P<first>\d+)-\d+|\*)/(?P<total>\d+)")


def fetch_speech_commands(dest: Path, progress: Progress) -> Path:
    """Download and unpack the official archive into `dest`; nothing is done when it is there.

    Needs about 7 GB while it works and 4 GB afterwards.

    Returns:
        `dest`, a folder that `training.audio.corpus.scan` recognises.

    Raises:
        UserError: see `fetch_archive`.
    """
    return fetch_archive(SPEECH_COMMANDS, dest, progress)


def fetch_archive(
    archive: Archive, dest: Path, progress: Progress, *, retry_wait_s: float = _RETRY_WAIT_S
) -> Path:
    """Download, verify and unpack.

    The unfinished download stands beside `dest` as `<archive>.part`, and a later call goes on with
    it. `dest` appears when everything is unpacked; the archive is then removed.

    Args:
        archive: what to fetch.
        dest: folder to make.
        progress: shows bytes.
        retry_wait_s: pause before another attempt after the connection broke; it doubles.

    Raises:
        UserError: `dest` is something else, the server refuses, the connection stays broken, the
            disk is full, the hash differs or the archive is unsafe.
    """
    if dest.exists():
        if not dest.is_dir() or not any(dest.iterdir()):
            raise UserError(f"{dest}: is in the way", "Remove it, or choose a new folder.")
        progress.note(f"{dest} is there already")
        return dest
    packed = dest.parent / PurePosixPath(archive.url).name
    try:
        dest.parent.mkdir(parents=True, exist_ok=True)
        if not packed.exists():
            part = packed.with_name(packed.name + ".part")
            _download(archive.url, part, progress, retry_wait_s)
            _verify(part, archive, progress)
            part.replace(packed)
        _unpack(packed, dest, progress)
        packed.unlink()
    except OSError as error:
        raise UserError(
            f"{error.filename or dest}: {error.strerror or error}",
            f"Mend that, or choose another folder. {_AGAIN}",
        ) from error
    return dest


def _download(url: str, part: Path, progress: Progress, retry_wait_s: float) -> None:
    """Append to `part` until it is complete; an attempt that got further does not count."""
    failures = 0
    while True:
        before = _size(part)
        try:
            _download_once(url, part, progress)
            return
        except requests.RequestException as error:
            failures = 1 if _size(part) > before else failures + 1
            if failures == _ATTEMPTS:
                raise UserError(
                    f"{url}: the download stopped after {_size(part):,} bytes: {error}", _AGAIN
                ) from error
            progress.note(f"the connection broke, trying again: {error}")
            time.sleep(retry_wait_s * 2.0 ** (failures - 1))


def _download_once(url: str, part: Path, progress: Progress) -> None:
    have = _size(part)
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    timeout = (_CONNECT_TIMEOUT_S, _SILENCE_TIMEOUT_S)
    with requests.get(url, headers=headers, stream=True, timeout=timeout) as response:
        match = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            # The file is complete, or longer than the one on the server; the hash will tell which.
            return
        if HTTPStatus.BAD_REQUEST <= response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise UserError(
                f"{url}: the server answers {response.status_code} {response.reason}",
                "Check the address and the network's proxy, or download the archive by hand and"
                " unpack it.",
            )
        response.raise_for_status()
        goes_on = response.status_code == HTTPStatus.PARTIAL_CONTENT
        if goes_on and not (match and match["first"] and int(match["first"]) == have):
            raise UserError(
                f"{url}: the server answers another range than asked:"
                f" {response.headers.get('Content-Range')!r}",
                f"Remove {part} and run again.",
            )
        total = int(match["total"]) if match else int(response.headers.get("Content-Length", 0))
        with (
            part.open("ab" if goes_on else "wb") as file,
            progress.task("downloading", total) as task,
        ):
            task.advance(file.tell())
            for block in response.iter_content(_BLOCK_BYTES):
                file.write(block)
                task.advance(len(block))


def _verify(part: Path, archive: Archive, progress: Progress) -> None:
    progress.note("checking SHA-256")
    found = pooch.file_hash(str(part), alg="sha256")
    if found != archive.sha256:
        part.unlink()
        raise UserError(
            f"{archive.url}: the download has SHA-256 {found}, not {archive.sha256}; it is removed",
            "Run again. If it happens twice, something on the way changes the file.",
        )


def _unpack(packed: Path, dest: Path, progress: Progress) -> None:
    """Unpack beside `dest`, then give the folder its name."""
    part = dest.with_name(f".{dest.name}.part")
    if part.exists():
        shutil.rmtree(part)
    part.mkdir()
    try:
        with (
            packed.open("rb") as file,
            tarfile.open(fileobj=file, mode="r|gz") as tar,
            progress.task("unpacking", _size(packed)) as task,
        ):
            done = 0
            for member in tar:
                _unpack_member(tar, member, part)
                task.advance(file.tell() - done)
                done = file.tell()
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise UserError(f"{packed}: cannot be unpacked: {error}", "Remove it and run again.") from (
            error
        )
    part.replace(dest)


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write one file. Links, devices and paths that lead outside are refused.

    tarfile's own data filter would do, but the Python 3.11.2 of Debian 12 does not have it.
    """
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or not (member.isfile() or member.isdir()):
        raise UserError(
            f"the archive holds {member.name!r}, which does not belong into a folder of clips",
            "Do not use this archive.",
        )
    target = folder / name
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    source = tar.extractfile(member)
    assert source is not None  # only None for members that are not files
    with source, target.open("wb") as file:
        shutil.copyfileobj(source, file)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
