"""`sotto evaluate` from a folder of recordings to figures, pictures and a written setting."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from speech import find_speech
from typer.testing import CliRunner, Result

from host_tools import cli
from host_tools.labelled import choose_balanced, scan_labelled
from host_tools.manifest import load_manifest

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "generated"
LABELS = load_manifest(GENERATED).labels
CLIPS = 48
QUICK = ("--snr", "10", "--noise", "pink", "--jobs", "2")


def sotto(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.app, ["evaluate", *map(str, arguments)])


def refused(result: Result, *words: str) -> None:
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    for word in ("error:", "next step:", *words):
        assert word in result.stderr
    assert result.stdout == ""


@pytest.fixture(scope="module")
def data(shared_data: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few clips of every class, one of them in stereo at another rate."""
    speech = find_speech(shared_data, tmp_path_factory.mktemp("speech"))
    print(f"heard: {speech.source}")
    folder = tmp_path_factory.mktemp("clips")
    for clip in choose_balanced(scan_labelled(speech.folder, LABELS).clips, CLIPS):
        place = folder / LABELS[clip.label] / clip.path.name
        place.parent.mkdir(exist_ok=True)
        shutil.copy(clip.path, place)
    pcm, rate_hz = soundfile.read(place, dtype="int16")
    soundfile.write(place, np.stack([pcm, pcm], axis=1).repeat(2, axis=0), 2 * rate_hz)
    return folder


@pytest.fixture(autouse=True)
def scores(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Scores of an earlier run of the tests must not stand in."""
    folder = tmp_path_factory.mktemp("scores")
    monkeypatch.setattr("host_tools.commands._evaluation.SCORES", folder)
    return folder


def evaluated(out: Path, *arguments: str | Path) -> dict[str, Any]:
    result = sotto("--out", out, "--json", *QUICK, *arguments)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document == json.loads((out / "evaluation.json").read_text())
    assert isinstance(document, dict)
    return document


def test_a_model_is_heard_measured_and_drawn_and_nothing_is_heard_twice(
    data: Path, tmp_path: Path
) -> None:
    first = evaluated(tmp_path, "--data", data, "--plot")
    (model,) = first["models"]
    conditions = [one["condition"] for one in model["clips"]]
    assert conditions[0] == "clean"
    assert conditions[-1] == "pink 10 dB"
    clean = model["clips"][0]
    assert clean["accuracy"]["trials"] == CLIPS == sum(map(sum, clean["confusion"]))
    assert clean["accuracy"]["low"] < clean["accuracy"]["value"] > 0.3
    assert [one["condition"] for one in model["streams"]] == ["clean", "pink 10 dB"]
    words = [label for label in LABELS if not label.startswith("_")]
    for stream in model["streams"]:
        assert [one["word"] for one in stream["words"]] == words
        for part in ("chosen_on", "reported"):
            said = stream[part]["miss"]["trials"]
            assert 0 < said < CLIPS
        reported = [one["reported"]["miss"]["trials"] for one in stream["words"]]
        assert sum(reported) == stream["reported"]["miss"]["trials"]
    chosen, audio = model["chosen"], model["audio"]
    assert chosen["held_per_hour"] >= chosen["wanted_per_hour"] == 0.1
    assert audio["stream_hours"] == pytest.approx(audio["distinct_hours"])
    assert 0 < audio["stream_hours"] * 3600 < 4 * CLIPS
    assert {path.stem for path in tmp_path.glob("*.svg")} >= {"det", "det-words", "confusion"}
    assert all("<svg" in path.read_text()[:9] for path in tmp_path.glob("*.svg"))
    assert model["speed"]["times_real_time"] > 1

    again = evaluated(tmp_path, "--data", data)
    assert again["models"][0].pop("speed")["audio_s"] == 0.0
    del model["speed"]
    assert again == first


def test_a_model_is_not_ranked_against_itself(data: Path, tmp_path: Path) -> None:
    document = evaluated(tmp_path, GENERATED, GENERATED, "--data", data, "--no-streams")
    (pair,) = document["comparison"]
    assert (pair["only_first"], pair["only_second"], pair["p_value"]) == (0, 0, 1.0)
    assert pair["better"] is None
    shown = sotto(GENERATED, GENERATED, "--data", data, "--no-streams", "--out", tmp_path, *QUICK)
    assert "not ranked" in shown.stdout


def test_the_chosen_setting_is_written_into_the_generated_c(data: Path, tmp_path: Path) -> None:
    generated = tmp_path / "generated"
    shutil.copytree(GENERATED, generated)
    arguments = (generated, "--data", data, "--no-clips", "--write", "--hours", "0.03")
    arguments += ("--per-word", "--gate-margin-db", "9")
    model = evaluated(tmp_path / "out", *arguments)["models"][0]
    chosen = model["chosen"]
    written = json.loads((generated / "manifest.json").read_text())
    assert written["model_hash"] == model["model"]["model_hash"]
    assert written["detection"]["threshold"] == chosen["threshold"]
    assert written["detection"]["measured"]["condition"] == "clean"
    own = {
        label: value / 32_768
        for label, value in zip(LABELS, chosen["threshold_q15"], strict=True)
        if value and value / 32_768 != chosen["threshold"]
    }
    assert written["detection"]["thresholds"] == own != {}
    listener = (generated / "sotto_listener.c").read_text()
    assert all(f" {value}," in listener for value in chosen["threshold_q15"])
    for stream in model["streams"]:
        gate = stream["gate"]
        assert gate["figures"]["miss"]["trials"] == stream["reported"]["miss"]["trials"]
        assert 0 < gate["asleep_share"] < 1
        assert gate["network_share"] + gate["asleep_share"] >= 1
    kept = json.loads((tmp_path / "out" / "detection.json").read_text())
    assert kept["tflite_sha256"] == written["tflite_sha256"]
    assert evaluated(tmp_path / "out", generated, "--data", data, "--no-streams")


def test_other_speech_counts_as_negatives_of_any_length(data: Path, tmp_path: Path) -> None:
    talk = tmp_path / "talk" / "deep"
    talk.mkdir(parents=True)
    rng = np.random.default_rng(1)
    soundfile.write(talk / "long.flac", rng.normal(0, 0.05, 90 * 16_000), 16_000)
    soundfile.write(talk / "short.wav", rng.normal(0, 0.05, 1_000), 8_000)
    (tmp_path / "talk" / "yes").mkdir()
    shutil.copy(next((data / "yes").iterdir()), tmp_path / "talk" / "yes")
    arguments = ("--data", data, "--no-clips", "--negatives", tmp_path / "talk")
    audio = evaluated(tmp_path / "out", *arguments)["models"][0]["audio"]
    assert audio["negatives"] == 2
    assert audio["stream_hours"] * 3600 > 90


def test_words_alone_are_no_room(data: Path, tmp_path: Path) -> None:
    for word in ("yes", "no"):
        shutil.copytree(data / word, tmp_path / "words" / word)
    refused(sotto("--data", tmp_path / "words", *QUICK), "no negatives", "--no-streams")
    arguments = ("--data", tmp_path / "words", "--out", tmp_path / "out", "--no-streams")
    assert sotto(*arguments, *QUICK).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ["--data is missing"]),
        (("--data", "nowhere"), ["nowhere does not exist"]),
        (("--data", "DATA", "--noise", "loud"), ["'loud'", "white, pink, babble"]),
        (("--data", "DATA", "--choose-in", "rain"), ["'rain'", "babble 10 dB"]),
        (("--data", "DATA", "--no-clips", "--no-streams"), ["leave nothing"]),
        (("--data", "DATA", "--write", "--no-streams"), ["--write needs the streams"]),
        (("--data", "DATA", "--folds", "3"), ["--recipe"]),
        (("--data", "DATA", "--negatives", "nowhere"), ["negatives nowhere does not exist"]),
        (("--data", "DATA", "--negatives", "EMPTY"), ["holds no audio"]),
        (("--data", "EMPTY"), ["holds no clips"]),
        (("no.tflite", "--data", "DATA"), ["no.tflite does not exist"]),
        (("EMPTY", "--data", "DATA"), ["manifest.json is missing"]),
        (("--data", "DATA", "--board", "moon"), ["'moon'", "stm32f405"]),
        (("--data", "DATA", "--board", "disco_f407"), ["--port"]),
    ],
)
def test_what_cannot_be_evaluated_is_said(
    arguments: tuple[str, ...], words: list[str], data: Path, tmp_path: Path
) -> None:
    places = {"DATA": data, "EMPTY": tmp_path}
    refused(sotto(*(places.get(one, one) for one in arguments)), *words)


def test_a_recording_that_cannot_be_read_is_named(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data / "yes", tmp_path / "yes")
    (tmp_path / "yes" / "broken.wav").write_bytes(b"RIFF but no more")
    refused(sotto("--data", tmp_path, "--no-streams"), "broken.wav", "--skip-unreadable")
    arguments = ("--data", tmp_path, "--no-streams", "--skip-unreadable", "--out", tmp_path / "o")
    assert sotto(*arguments, *QUICK).exit_code == 0


def test_a_model_with_another_front_end_is_refused_with_the_reason(
    data: Path, shared_data: Path | None, tmp_path: Path
) -> None:
    if shared_data is None:
        model = tmp_path / "other.tflite"
        model.write_bytes(b"no model")
        refused(sotto(model, "--data", data), "other")
        return
    model = shared_data.parent / "models" / "mlperf_tiny_kws_int8.tflite"
    refused(sotto(model, "--data", data), "input of scale 0.584703", "features have scale 0.0625")
