"""The host program of `firmware/evaluate`: built around a generated model, run over audio.

It links the same C that the board runs, so its scores are the board's (`sotto validate` proves
that), without link and clock: some hundred to thousand times faster than the audio lasts.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from host_tools.errors import EXIT_CHECK_FAILED, SottoError
from host_tools.files import locked

C_FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")
LIBRARY = Path("firmware/lib/sotto")
PROGRAM = Path("firmware/evaluate")
BUILDS = Path("build/evaluate/programs")

_LIBRARY_PARTS = ("frontend*", "nn*", "detect")
_LAST_LINES = 20
_NAME_DIGITS = 16


@dataclass(frozen=True)
class Geometry:
    """What the program says of the model in it; names as in `sotto_model.h`."""

    model_hash: str
    backend: str
    frames: int
    window_frames: int
    bins: int
    classes: int
    sample_rate_hz: int
    clip_samples: int
    window_samples: int
    hop_samples: int

    @property
    def streaming(self) -> bool:
        """Whether the model remembers what it heard, so that its stride is fixed."""
        return self.frames < self.window_frames

    def step_end_sample(self, step: int | np.ndarray, stride_frames: int) -> int | np.ndarray:
        """How many samples have been heard when a step of `Program.stream` is complete."""
        first_step_frames = self.window_frames // self.frames * self.frames
        last_frame = first_step_frames - 1 + step * stride_frames
        return self.window_samples + last_frame * self.hop_samples

    def stride_frames(self, wanted_s: float) -> int:
        """Frames between two steps: near the wanted time; a streaming model has its own."""
        if self.streaming:
            return self.frames
        wanted = round(wanted_s * self.sample_rate_hz / self.hop_samples)
        return min(self.frames, max(1, wanted))

    def step_seconds(self, stride_frames: int) -> float:
        """Time from one step to the next."""
        return stride_frames * self.hop_samples / self.sample_rate_hz


@dataclass(frozen=True)
class Program:
    """A built program.

    Attributes:
        digest: SHA-256 of the executable: what its scores follow from, besides the audio.
    """

    path: Path
    digest: str
    geometry: Geometry

    def clips(self, recordings: Sequence[np.ndarray]) -> np.ndarray:
        """Scores after the last step of each recording, each heard without a past.

        Args:
            recordings: int16[n], long enough for one step each.

        Returns:
            int8[recordings, classes].
        """
        scores = list(self._score(["clips"], recordings))
        return np.concatenate(scores) if scores else np.empty((0, self.geometry.classes), np.int8)

    def stream(self, recordings: Sequence[np.ndarray], stride_frames: int) -> list[np.ndarray]:
        """Scores of every step, int8[steps, classes] for each recording int16[n]."""
        return list(self._score(["stream", str(stride_frames)], recordings))

    def _score(
        self, arguments: Sequence[str], recordings: Sequence[np.ndarray]
    ) -> Iterator[np.ndarray]:
        request = b"".join(counted(pcm.astype(np.int16)) for pcm in recordings)
        answer = run_program(self.path, arguments, request)
        position = 0
        for _ in recordings:
            steps = int.from_bytes(answer[position : position + 4], "little")
            count = steps * self.geometry.classes
            rows = np.frombuffer(answer, np.int8, count, position + 4)
            yield rows.reshape(steps, self.geometry.classes)
            position += 4 + count


def counted(values: np.ndarray) -> bytes:
    """A uint32 count of rows and the rows, as the program takes them."""
    return np.uint32(len(values)).tobytes() + np.ascontiguousarray(values).tobytes()


def run_program(path: Path, arguments: Sequence[str], request: bytes) -> bytes:
    """One run of the program: bytes in, bytes out.

    Raises:
        SottoError: it ended with an error, in its own words.
    """
    done = subprocess.run([str(path), *arguments], input=request, capture_output=True, check=False)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}"
        raise SottoError(
            f"{path.name} {' '.join(arguments)} failed: {said}",
            "Check that generated folder and library are of the same version of sotto.",
            EXIT_CHECK_FAILED,
        )
    return done.stdout


def build_program(generated: Path, root: Path) -> Program:
    """Build the program around a generated folder; an unchanged one is not built again.

    Args:
        generated: folder with `sotto_model.h` and the front-end's tables.
        root: the project.

    Raises:
        SottoError: there is no model, it has no front-end, or the compiler refuses.
    """
    require_front_end(generated)
    sources = _sources(generated, root)
    headers = [
        *generated.glob("*.h"),
        *(root / LIBRARY).rglob("*.h"),
        *(root / PROGRAM).glob("*.h"),
    ]
    key = hashlib.sha256(" ".join(C_FLAGS).encode())
    for path in [*sources, *sorted(headers)]:
        key.update(path.name.encode() + b"\0" + path.read_bytes())
    program = root / BUILDS / key.hexdigest()[:_NAME_DIGITS] / "evaluate"
    with locked(root / BUILDS / "build.lock"):
        if not program.is_file():
            _compile(sources, generated, root, program)
    digest = hashlib.sha256(program.read_bytes()).hexdigest()
    described = json.loads(run_program(program, ["describe"], b""))
    return Program(program, digest, Geometry(**described))


def require_front_end(generated: Path) -> None:
    """Refuse a folder that has no model, or no front-end that could feed it.

    Raises:
        SottoError: with what is missing.
    """
    if not (generated / "sotto_model.h").is_file():
        raise SottoError(
            f"there is no generated model in {generated}",
            "Give a folder that `sotto run` or `sotto export` wrote, or a .tflite file.",
        )
    if not (generated / "sotto_frontend_tables.h").is_file():
        raise SottoError(
            f"{generated} holds a network without front-end tables: it cannot hear audio.",
            "Evaluate a folder of `sotto export`, not one of `sotto compile`.",
        )


def _sources(generated: Path, root: Path) -> list[Path]:
    library = root / LIBRARY / "src"
    folders = [folder for part in _LIBRARY_PARTS for folder in sorted(library.glob(part))]
    files = [path for folder in folders for path in sorted(folder.glob("*.c"))]
    return [*sorted((root / PROGRAM).glob("*.c")), *sorted(generated.glob("*.c")), *files]


def _compile(sources: Sequence[Path], generated: Path, root: Path, program: Path) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    partial = program.with_suffix(".partial")
    includes = [f"-I{root / LIBRARY / 'include'}", f"-I{generated}"]
    command = ["gcc", *C_FLAGS, *includes, *map(str, sources), "-o", str(partial)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise SottoError(
            "gcc is not on PATH", "Run `make setup`; `sotto doctor` checks."
        ) from error
    if done.returncode != 0:
        last = "\n".join(done.stderr.splitlines()[:_LAST_LINES])
        raise SottoError(
            f"the evaluation program does not compile around {generated}:\n{last}",
            "Generate the folder anew with this version of sotto: `sotto export`.",
            EXIT_CHECK_FAILED,
        )
    partial.replace(program)
