"""What a run measured, read from its work folder; nothing is computed anew here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host_tools.errors import SottoError
from host_tools.evaluation import DOCUMENT_NAME

RESULTS_NAME = "results.json"
BOARDS_FOLDER = "boards"
ABLATION_NAME = "ablation.json"


@dataclass(frozen=True)
class Omission:
    """A section that the page does not have, and why."""

    section: str
    reason: str


@dataclass(frozen=True)
class Rung:
    """One model form on the way from the teacher to the chip; low and high bound 95 %."""

    name: str
    clips: int
    accuracy: float
    low: float
    high: float
    parameters: int | None = None
    size_bytes: int | None = None
    macs: int | None = None


@dataclass(frozen=True)
class Facts:
    """All figures of the page.

    Attributes:
        results: `results.json` as training wrote it.
        boards: `boards/<board>.json` as `sotto run` wrote them, by name of the board.
        ladder: accuracy down the line.
        evaluation: this model's entry of the evaluation.json that `sotto evaluate --out` left.
        ablation: `ablation.json` as `sotto ablate` wrote it for this recipe.
        comparisons: boards beside each other, each a `host_tools.fleet.Comparison`.
        failures: boards that did not get through all clips: `board`, `clips`, `message`.
    """

    results: dict[str, Any]
    boards: dict[str, dict[str, Any]]
    ladder: tuple[Rung, ...]
    omissions: tuple[Omission, ...]
    evaluation: dict[str, Any] | None = None
    ablation: dict[str, Any] | None = None
    comparisons: tuple[dict[str, Any], ...] = ()
    failures: tuple[dict[str, Any], ...] = ()


def facts_of_boards(
    model: dict[str, Any],
    boards: dict[str, dict[str, Any]],
    comparisons: tuple[dict[str, Any], ...],
    failures: tuple[dict[str, Any], ...],
) -> Facts:
    """Facts of boards alone.

    Args:
        model: `recipe`, `labels` and `model_hash`, as in `results.json`.
        boards: by the name that the page shows.
    """
    reason = "only boards were validated; `sotto report` shows the run that trained the model"
    omissions = [Omission("Training", reason), Omission("Memory plan", reason)]
    unbuilt = sorted(name for name, board in boards.items() if "sizes" not in board)
    if unbuilt:
        why = "their firmware was there already"
        omissions.append(Omission(f"Memory of {', '.join(unbuilt)}", why))
    return Facts(
        results=model,
        boards=boards,
        ladder=_ladder({}, boards),
        omissions=tuple(omissions),
        comparisons=comparisons,
        failures=failures,
    )


def gather(work: Path) -> Facts:
    """Read a work folder.

    Raises:
        SottoError: there are no results, or a file is damaged.
    """
    results = read_results(work)
    files = sorted((work / BOARDS_FOLDER).glob("*.json"))
    boards = {path.stem: _read_json(path, work) for path in files}
    current = {
        name: board
        for name, board in boards.items()
        if board["validation"]["model_hash"] == results["model_hash"]
    }
    evaluation = _evaluation(work, results["model_hash"])
    omissions = _omissions(results, boards, current)
    if evaluation is None and (work / DOCUMENT_NAME).is_file():
        reason = f"evaluated with another model than {results['model_hash'][:12]}"
        omissions = (*omissions, Omission("In a room", reason))
    ablation = _ablation(work, results.get("recipe_hash"))
    if ablation is None and (work / ABLATION_NAME).is_file():
        reason = "ablation.json was measured with another recipe, or another --quick"
        omissions = (*omissions, Omission("Parts of distillation", reason))
    return Facts(results, current, _ladder(results, current), omissions, evaluation, ablation)


def read_results(work: Path) -> dict[str, Any]:
    """`results.json` of a work folder, or an error that says how to get one."""
    path = work / RESULTS_NAME
    if not path.is_file():
        raise SottoError(
            f"{path} is missing: {work} is no work folder of a finished run.",
            "Run `sotto run RECIPE` first, or name its work folder (build/runs/<recipe>).",
        )
    return _read_json(path, work)


def _read_json(path: Path, work: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SottoError(
            f"{path} is damaged: {error}.", f"Remove it and run again with --work {work}."
        ) from error
    if not isinstance(content, dict):
        raise SottoError(f"{path} holds no object.", f"Remove it and run again with --work {work}.")
    return content


def _evaluation(work: Path, model_hash: str) -> dict[str, Any] | None:
    """What the last evaluation says of this model; None when there is nothing."""
    path = work / DOCUMENT_NAME
    if not path.is_file():
        return None
    models = _read_json(path, work)["models"]
    return next((one for one in models if one["model"]["model_hash"] == model_hash), None)


def _ablation(work: Path, recipe_hash: str | None) -> dict[str, Any] | None:
    """What each part of distillation brings to this recipe; None when there is nothing."""
    path = work / ABLATION_NAME
    if not path.is_file():
        return None
    found = _read_json(path, work)
    return found if found["recipe_hash"] == recipe_hash else None


def _ladder(results: dict[str, Any], boards: dict[str, dict[str, Any]]) -> tuple[Rung, ...]:
    rungs = [
        Rung(
            name=_name(model["name"], model["form"]),
            clips=model["clips"],
            accuracy=model["accuracy"],
            low=model["low"],
            high=model["high"],
            parameters=model.get("parameters"),
            size_bytes=model.get("bytes"),
            macs=model.get("macs"),
        )
        for model in results.get("models", [])
    ]
    for name, board in boards.items():
        figures = board["validation"]
        rungs.append(
            Rung(
                name=f"on {name} ({board['kind']})",
                clips=figures["clips"],
                accuracy=figures["accuracy"],
                low=figures["accuracy_low"],
                high=figures["accuracy_high"],
            )
        )
    return tuple(rungs)


def _name(name: str, form: str) -> str:
    return name if form in name else f"{name}, {form}"


def _omissions(
    results: dict[str, Any], boards: dict[str, Any], current: dict[str, Any]
) -> tuple[Omission, ...]:
    found = []
    if not results.get("curves"):
        found.append(Omission("Training curves", "results.json holds no curves"))
    if not results.get("models"):
        found.append(Omission("Accuracy down the line", "results.json holds no models"))
    stale = sorted(set(boards) - set(current))
    if stale:
        reason = f"measured with another model than {results['model_hash'][:12]}"
        found.append(Omission(f"Results of {', '.join(stale)}", reason))
    unplanned = sorted(name for name, board in current.items() if "engine" not in board)
    if unplanned:
        reason = "TFLite-Micro ran the network there, or an older sotto wrote the figures"
        found.append(Omission(f"Memory plan on {', '.join(unplanned)}", reason))
    if not current:
        reason = "no board was validated with this model"
        sections = ("Board and host", "Confusion on the board", "Memory", "Memory plan", "Time")
        found += [Omission(section, reason) for section in sections]
    return tuple(found)
