"""Labels put right by hand: a text file of clips to leave out, and of clips that say another word.

A line names a clip as `<folder>/<file>` and leaves it out; with ` -> word` behind the name, the
clip counts as one of that word. Its own word is allowed: somebody has listened, and it is right.
Lines that begin with `#` and empty lines count for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from training.errors import UserError

_ARROW = " -> "


@dataclass(frozen=True)
class Correction:
    """What one line says of its clip."""

    word: str | None
    """What the clip says; None leaves the clip out."""
    line: int
    """Counted from 1."""


@dataclass(frozen=True)
class Corrections:
    """The lines of one file."""

    path: Path = Path()
    clips: Mapping[str, Correction] = field(default_factory=dict)
    """By the name of the clip."""

    def check(self, root: Path, words: Iterable[str]) -> None:
        """Refuse lines that can mean nothing in a folder of recordings.

        Args:
            root: the folder.
            words: what a clip may say.

        Raises:
            UserError: a clip is not there, or a word is none; with the file and the line.
        """
        known = frozenset(words)
        for name, one in self.clips.items():
            place = f"{self.path}:{one.line}"
            if not (root / name).is_file():
                raise UserError(
                    f"{place}: there is no clip {name!r} in {root}",
                    "Mend or remove the line; a clip is named as <folder>/<file>.",
                )
            if one.word is not None and one.word not in known:
                raise UserError(
                    f"{place}: {one.word!r} is neither a label nor a folder of {root}",
                    f"Give one of: {', '.join(sorted(known))}.",
                )


NO_CORRECTIONS = Corrections()


def load_corrections(path: Path) -> Corrections:
    """Read a file of corrections.

    Raises:
        UserError: it cannot be read, or names a clip twice; with the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"{path}: cannot be read as a list of corrected clips: {reason}",
            "Mend data.corrections, whose path counts from the folder of the recipe.",
        ) from error
    clips: dict[str, Correction] = {}
    for number, text in enumerate(lines, start=1):
        if not text.strip() or text.startswith("#"):
            continue
        name, arrow, word = (part.strip() for part in text.rpartition(_ARROW))
        clip, said = (name, word) if arrow else (word, None)
        if clip in clips:
            raise UserError(
                f"{path}:{number}: {clip!r} stands on line {clips[clip].line} already",
                "Keep one of the two lines.",
            )
        clips[clip] = Correction(said, number)
    return Corrections(path, clips)


def corrections_text(heading: Iterable[str], clips: Iterable[tuple[str, str]]) -> str:
    """A file that leaves clips out.

    Args:
        heading: lines that tell a reader what this is.
        clips: name of each clip, and why it is there.
    """
    lines = [f"# {line}" for line in heading]
    for name, reason in clips:
        lines += ["", f"# {reason}", name]
    return "\n".join(lines) + "\n"
