"""What a folder of recordings holds, before anyone trains or validates with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import soundfile

from host_tools.audio import UnreadableClipError, audio_files, read_clip
from host_tools.errors import SottoError
from host_tools.progress import Progress

# Speech Commands names a file after its speaker: `0a7c2a8d_nohash_0.wav`.
_SPEAKER = re.compile(r"([^_]+)_nohash_\d+\.")


@dataclass(frozen=True)
class FolderSurvey:
    """One folder of clips.

    Attributes:
        speakers: distinct speakers that the file names tell; 0 when they tell none.
        rates_hz: the sampling rates that occur, ascending.
        unreadable: what is wrong with each file that cannot be read.
    """

    name: str
    clips: int
    speakers: int
    seconds: float
    rates_hz: tuple[int, ...]
    unreadable: tuple[str, ...]


def survey(root: Path, progress: Progress) -> list[FolderSurvey]:
    """Decode every clip of every folder of `root`.

    Raises:
        SottoError: there is no such folder, it has no folders, or they hold no clips.
    """
    if not root.is_dir():
        raise SottoError(f"The folder {root} does not exist.", "Give a folder of `<word>/*.wav`.")
    folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not folders:
        raise SottoError(
            f"{root} has no folders inside.", "Arrange the clips as `<word>/*.wav` below it."
        )
    files = {folder: audio_files(folder) for folder in folders}
    if not any(files.values()):
        names = ", ".join(folder.name for folder in folders)
        raise SottoError(
            f"{root} holds no clips; its folders: {names}.",
            "Give the folder whose folders hold the clips: `<word>/*.wav`, `.flac` or `.ogg`.",
        )
    with progress.task("Reading the clips", total=sum(map(len, files.values()))) as task:
        return [_survey_folder(folder, clips, task.advance) for folder, clips in files.items()]


def _survey_folder(folder: Path, clips: list[Path], advance: Callable[[], None]) -> FolderSurvey:
    seconds = 0.0
    speakers, rates, problems = set(), set(), []
    for path in clips:
        advance()
        try:
            rate_hz = soundfile.info(path).samplerate
            seconds += len(read_clip(path, rate_hz)) / rate_hz
        except (UnreadableClipError, soundfile.LibsndfileError) as problem:
            problems.append(str(problem))
            continue
        rates.add(rate_hz)
        match = _SPEAKER.search(path.name)
        if match:
            speakers.add(match[1])
    return FolderSurvey(
        folder.name, len(clips), len(speakers), seconds, tuple(sorted(rates)), tuple(problems)
    )
