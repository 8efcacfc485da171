"""Many boards validated at once, and compared with each other.

Each board has a thread, a journal and a host twin of its own: one that fails or is unplugged ends
alone, and what it had done is kept.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from threading import Event
from typing import Any

from host_tools.boards import Board
from host_tools.build import DEFAULT_FIRMWARE, Backend, Firmware
from host_tools.errors import Interrupted, SottoError
from host_tools.journal import Journal, journal_path
from host_tools.labelled import LabelledClip
from host_tools.manifest import Manifest
from host_tools.progress import Progress, Task
from host_tools.rig import Rig, emulated_rig, port_rig
from host_tools.twin.compare import Bench
from host_tools.twin.run import Clip, Finding, find
from host_tools.validate import Outcome, Validation, load_pcm, run_clips, sum_up, timing

JOURNALS = Path("build/validate")
MOST_JOBS = 4
_JOURNAL_FORMAT = "2"
"""Changes with `Outcome`, so that nobody goes on with what another version wrote."""


@dataclass(frozen=True)
class Subject:
    """A board to validate: one at a port, or one that is started for it.

    Attributes:
        board: of the started one.
        port: of the one that runs already.
        firmware: what it is started with.
        backend: what must run the model; None: any.
        jobs: emulators side by side; None: as many as there are processors for it.
    """

    board: Board | None = None
    port: str | None = None
    firmware: Firmware = DEFAULT_FIRMWARE
    backend: Backend | None = None
    jobs: int | None = None

    @property
    def name(self) -> str:
        """The port or the board's name: what the user called it."""
        if self.board is not None:
            return self.board.name
        assert self.port is not None  # one of the two is there
        return self.port


@dataclass(frozen=True)
class Verdict:
    """How a board did.

    Attributes:
        validation: its figures; None when it failed.
        outcomes: of the clips that were done, in no order when it failed.
        failure: why it did not get through all clips.
    """

    subject: Subject
    validation: Validation | None
    outcomes: tuple[Outcome, ...]
    failure: SottoError | None

    @property
    def title(self) -> str:
        """Names the board for people, and tells it from all others of the run."""
        if self.validation is None or self.subject.port is None:
            return self.subject.name
        return f"{self.validation.board} at {self.subject.port}"

    def figures(self) -> Validation:
        """The validation, of a board that got through all clips.

        Raises:
            SottoError: it did not.
        """
        if self.failure is not None:
            raise self.failure
        assert self.validation is not None  # a verdict has one of the two
        return self.validation

    def to_json(self) -> dict[str, Any]:
        """An entry of the document that `sotto validate --json` prints for many boards."""
        failure = self.failure
        return {
            "at": self.subject.name,
            "clips_done": len(self.outcomes),
            "validation": self.validation.to_json() if self.validation else None,
            "failure": {"message": failure.message, "remedy": failure.remedy} if failure else None,
        }


@dataclass(frozen=True)
class Difference:
    """The first place where two boards differ on a clip.

    Attributes:
        stage: "features", "scores" or "decision".
        values: of the first and of the second board: a feature where its place is known, else a
            CRC-32 of all features; a score; an index of a label.
        frame: feature frame, where it is known: when one of the two agrees with the host.
        bin: mel bin, with `frame`.
        label: index of the label, for the stage "scores".
    """

    clip: str
    stage: str
    values: tuple[int, int]
    frame: int | None = None
    bin: int | None = None
    label: int | None = None

    def describe(self, labels: Sequence[str]) -> str:
        """Clip, place and both values."""
        place, values = self.stage, tuple(map(str, self.values))
        if self.frame is not None:
            place = f"features, frame {self.frame}, bin {self.bin}"
        elif self.stage == "features":
            place = "features, CRC-32"
        elif self.label is not None:
            place = f"scores, class {labels[self.label]}"
        else:
            values = tuple(labels[index] for index in self.values)
        return f"{self.clip}: {place}: {values[0]}, {values[1]}"


@dataclass(frozen=True)
class Comparison:
    """Two boards beside each other, over the clips that both have done."""

    boards: tuple[str, str]
    clips: int
    identical_features: int
    identical_scores: int
    identical_decisions: int
    first_difference: Difference | None


@dataclass(frozen=True)
class Work:
    """What every board of a validation is given.

    Attributes:
        data: the folder that the clips lie in.
        root: the project.
        go_on: what a user does to go on after a failure or Ctrl-C, in the imperative.
    """

    clips: Sequence[LabelledClip]
    data: Path
    manifest: Manifest
    root: Path
    resume: bool
    go_on: str
    progress: Progress


def validate_fleet(subjects: Sequence[Subject], work: Work) -> list[Verdict]:
    """Run the clips on all boards at once; the verdicts in the order of the subjects.

    Raises:
        Interrupted: Ctrl-C; what was done is in the journals.
    """
    stop = Event()
    started = sum(subject.port is None for subject in subjects)
    jobs = max(1, min(os.cpu_count() or 1, MOST_JOBS) // max(1, started))
    titles = [f"Validating {subject.name}" for subject in subjects]
    with (
        work.progress.rows(titles, len(work.clips)) as tasks,
        ThreadPoolExecutor(len(subjects)) as pool,
    ):
        futures = [
            pool.submit(_validate, subject, work, task, subject.jobs or jobs, stop)
            for subject, task in zip(subjects, tasks, strict=True)
        ]
        try:
            return [future.result() for future in futures]
        except KeyboardInterrupt:
            stop.set()
            stopped = [future.exception() for future in futures]
            if len(subjects) == 1 and isinstance(stopped[0], Interrupted):
                raise stopped[0] from None
            raise Interrupted(f"interrupted; {work.go_on}") from None
        finally:
            stop.set()


def _validate(subject: Subject, work: Work, task: Task, jobs: int, stop: Event) -> Verdict:
    done: list[Outcome] = []
    try:
        with (
            _rig(subject, work, min(jobs, len(work.clips))) as rig,
            _journal(subject, rig, work) as journal,
        ):
            if journal.entries:
                known = len(journal.entries)
                work.progress.note(f"{subject.name}: resuming: {known} clips were done before")
            try:
                done = run_clips(
                    *(rig.pairs, work.clips, work.data, work.manifest),
                    *(journal, task, work.go_on, stop),
                )
            except SottoError:
                done = [Outcome.from_json(entry) for entry in journal.entries]
                raise
            finding = _stage_by_stage(rig, done, work)
            device = rig.device.info()
    except SottoError as error:
        task.advance(0, f"failed: {error.message}")
        return Verdict(subject, None, tuple(done), error)
    figures = sum_up(done, timing(done, device.tick_unit), device, work.manifest, finding)
    return Verdict(subject, figures, tuple(done), None)


def _stage_by_stage(rig: Rig, outcomes: Sequence[Outcome], work: Work) -> Finding | None:
    """Where in the pipeline the first clip that differs parts, and why."""
    first = next((one for one in outcomes if one.divergence), None)
    if first is None:
        return None
    pcm = load_pcm(LabelledClip(work.data / first.clip, first.label), work.manifest)
    return find(Bench.of(rig.device, rig.twins[0], work.manifest), Clip(first.clip, pcm))


def _rig(subject: Subject, work: Work, jobs: int) -> AbstractContextManager[Rig]:
    if subject.board is None:
        return port_rig(
            *(subject.name, work.manifest, work.root),
            progress=work.progress,
            backend=subject.backend,
        )
    return emulated_rig(
        subject.board,
        work.manifest,
        work.root,
        jobs=jobs,
        icount=True,
        progress=work.progress,
        firmware=subject.firmware,
    )


def _journal(subject: Subject, rig: Rig, work: Work) -> Journal:
    info = rig.device.info()
    data = str(work.data.resolve())
    key = [_JOURNAL_FORMAT, work.manifest.model_hash, rig.firmware, info.board, data]
    return Journal(journal_path(work.root / JOURNALS, key), resume=work.resume)


def compare_boards(verdicts: Sequence[Verdict]) -> list[Comparison]:
    """Each board with each other, failed ones too as far as they got."""
    return [_compare(*pair) for pair in combinations(verdicts, 2)]


def _compare(first: Verdict, second: Verdict) -> Comparison:
    others = {outcome.clip: outcome for outcome in second.outcomes}
    pairs = [(one, others[one.clip]) for one in first.outcomes if one.clip in others]
    pairs.sort(key=lambda pair: pair[0].clip)
    differences = (_difference(*pair) for pair in pairs)
    return Comparison(
        (first.title, second.title),
        len(pairs),
        sum(one.features_crc32 == other.features_crc32 for one, other in pairs),
        sum(one.scores == other.scores for one, other in pairs),
        sum(one.decision == other.decision for one, other in pairs),
        next(filter(None, differences), None),
    )


def _difference(one: Outcome, other: Outcome) -> Difference | None:
    """The first stage that differs; features are told by their place where the host knows it."""
    if one.features_crc32 != other.features_crc32:
        return _of_features(one, other)
    for label, values in enumerate(zip(one.scores, other.scores, strict=True)):
        if values[0] != values[1]:
            return Difference(one.clip, "scores", values, label=label)
    if one.decision != other.decision:
        return Difference(one.clip, "decision", (one.decision, other.decision))
    return None


def _of_features(one: Outcome, other: Outcome) -> Difference:
    """A board that agrees with the host has at every place what the host told of the other."""
    if other.same_features and (found := one.divergence) is not None and found.frame is not None:
        values = (found.board, found.host)
    elif one.same_features and (found := other.divergence) is not None and found.frame is not None:
        values = (found.host, found.board)
    else:
        return Difference(one.clip, "features", (one.features_crc32, other.features_crc32))
    return Difference(one.clip, "features", values, found.frame, found.bin)


def document(verdicts: Sequence[Verdict], comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """What `sotto validate --json` prints for many boards."""
    return {
        "boards": [verdict.to_json() for verdict in verdicts],
        "comparisons": [asdict(comparison) for comparison in comparisons],
    }
