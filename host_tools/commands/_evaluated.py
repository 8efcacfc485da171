"""What `sotto evaluate` can be given: a generated folder or a `.tflite` file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from host_tools.commands._options import DEFAULT_GENERATED, ROOT, check_model_file
from host_tools.errors import SottoError
from host_tools.manifest import Manifest, load_manifest
from host_tools.progress import Progress

MODELS = Path("build/evaluate/models")
_NAME_DIGITS = 16


def generated_folder(model: Path, labels: Sequence[str] | None, progress: Progress) -> Path:
    """The folder of a model's C: itself, or what a `.tflite` file becomes below build/.

    Args:
        labels: of a `.tflite` file; None takes those of `generated/`, if the classes are as many.

    Raises:
        SottoError: nothing is there, or the model does not hear by this front-end.
    """
    if model.is_dir():
        return model
    check_model_file(model)
    from host_tools.commands._training import export_tflite

    names = list(labels) if labels is not None else _default_labels(model)
    content = model.read_bytes() + "\0".join(names).encode()
    folder = ROOT / MODELS / hashlib.sha256(content).hexdigest()[:_NAME_DIGITS]
    if not (folder / "manifest.json").is_file():
        with progress.task(f"Exporting {model.name}", total=1) as task:
            export_tflite(model, name=model.stem, labels=names, out=folder)
            task.advance()
    return folder


def _default_labels(model: Path) -> list[str]:
    try:
        return list(load_manifest(DEFAULT_GENERATED).labels)
    except SottoError as error:
        raise SottoError(
            f"{model} does not say what its classes are.",
            "Give --labels: the labels in output order, or a file with one a line.",
        ) from error


def require_same_labels(manifests: Sequence[Manifest]) -> None:
    """Refuse to compare models of other words.

    Raises:
        SottoError: with both lists.
    """
    first = manifests[0]
    for other in manifests[1:]:
        if other.labels != first.labels:
            raise SottoError(
                f"{first.name} and {other.name} have other labels: {', '.join(first.labels)} and "
                f"{', '.join(other.labels)}.",
                "Compare models of the same words, or evaluate them one by one.",
            )
        if other.sample_rate_hz != first.sample_rate_hz:
            raise SottoError(
                f"{first.name} hears {first.sample_rate_hz} Hz, {other.name} "
                f"{other.sample_rate_hz} Hz.",
                "Evaluate them one by one.",
            )
