"""The listener in C under sanitizers, around a fake network, against a plain model of it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from conftest import FRONTEND_SOURCES, LIB
from listening import (
    LOGITS,
    DetectSettings,
    GateSettings,
    Network,
    PlainDetection,
    PlainGate,
    PlainListener,
)

from training.export.frontend_c import frontend_sources
from training.features import Frontend
from training.frontend_tables import build_tables
from training.recipe import FrontendConfig

TOOL = Path(__file__).with_name("listener_tool.c")
SOURCES = [TOOL, *sorted((LIB / "src/detect").glob("*.c")), *FRONTEND_SOURCES]
CONFIG = FrontendConfig(
    sample_rate_hz=8_000,
    clip_samples=1_600,
    window_samples=96,
    hop_samples=64,
    fft_samples=128,
    mel_bins=6,
    low_hz=200.0,
    high_hz=3_800.0,
)
CLASSES = 3
TABLE = [1 << (15 - i) for i in range(8)]
"""As the tool's."""
E_ARGUMENT = -1
STRIDE_FRAMES, SMOOTHING_STEPS, GATE_MARGIN, GATE_RISE_FRAMES = 1, 2, 5, 7
"""Numbers of enum sotto_setting."""


@dataclass(frozen=True)
class Settings:
    """In the order in which the tool reads them."""

    stride: int = 3
    smoothing: int = 2
    refractory: int = 1
    hysteresis: int = 0
    margin: int = 0
    hold: int = 4
    rise: int = 50


@dataclass(frozen=True)
class Listener:
    """A network, its settings, and those that it is given at sample `position`."""

    frames: int = 8
    window_frames: int = 8
    preroll: int = 0
    smoothing_max: int = 4
    settings: Settings = field(default_factory=Settings)
    thresholds: tuple[int, ...] = (9_000, 12_000, 0)
    position: int = 0
    later: Settings = field(default_factory=Settings)

    def pack(self, chunk: int) -> bytes:
        head = [self.frames, self.window_frames, self.preroll, self.smoothing_max, chunk]
        numbers = [*head, *astuple(self.settings), *self.thresholds]
        later = np.array(astuple(self.later), "<u2").tobytes()
        return np.array(numbers, "<u2").tobytes() + np.uint32(self.position).tobytes() + later


STREAMING = Listener(frames=2, window_frames=8, preroll=3, settings=Settings(stride=2))


def parts(listener: Listener, settings: Settings) -> tuple[PlainGate, PlainDetection]:
    """Gate and detection that begin with these settings."""
    s = settings
    detect = DetectSettings(s.smoothing, s.refractory, s.hysteresis, listener.thresholds)
    return PlainGate(GateSettings(s.margin, s.hold, s.rise)), PlainDetection(LOGITS, TABLE, detect)


def plain(listener: Listener, pcm: np.ndarray) -> list[str]:
    """The lines that the tool shall print, from the features of the whole recording."""
    lines: list[str] = []

    def invoke(frames: np.ndarray) -> np.ndarray:
        lines.append(" ".join(map(str, ["invoke", model.invokes % 256, *frames[:, 0]])))
        return frames[-1, :CLASSES]

    network = Network(listener.frames, listener.window_frames, listener.preroll, invoke)
    model = PlainListener(network, listener.settings.stride, *parts(listener, listener.settings))
    features = Frontend(CONFIG).clip(pcm) if len(pcm) >= CONFIG.window_samples else []
    changed = listener.position == 0
    for index, frame in enumerate(features):
        sample = CONFIG.window_samples + index * CONFIG.hop_samples
        if not changed and sample > listener.position:
            changed, model.stride = True, listener.later.stride
            model.gate, model.detection = parts(listener, listener.later)
        stepped, word = model.take(frame)
        if stepped:
            lines.append(f"word {word.class_index} {word.average} {sample}" if word else "step")
    counts = [len(features), model.steps, model.skipped, model.invokes, model.words]
    return [*lines, " ".join(map(str, ["end 0", *counts]))]


@pytest.fixture(scope="module")
def tool(build_program: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    for name, text in frontend_sources(build_tables(CONFIG), "/* For tests. */").items():
        (folder / name).write_text(text)
    tables = folder / "sotto_frontend_tables.c"
    return build_program([*SOURCES, tables], ["-I", str(folder)])


def run(tool: Path, listener: Listener, pcm: np.ndarray, chunk: int = 100) -> list[str]:
    done = subprocess.run(
        [tool], input=listener.pack(chunk) + pcm.tobytes(), capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode().splitlines()


def sounds(seed: int, samples: int = 12_000) -> np.ndarray:
    """Faint noise with loud tones in it."""
    rng = np.random.default_rng(seed)
    pcm = rng.normal(0, 20, samples)
    for start in rng.integers(0, samples, 6):
        part = slice(start, start + int(rng.integers(200, 1_500)))
        n = np.arange(len(pcm[part]))
        pcm[part] += 6_000 * np.sin(n * rng.uniform(0.2, 2.8))
    return np.clip(pcm, -32_768, 32_767).astype(np.int16)


GATED = {"margin": 12, "hold": 3}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "listener",
    [
        Listener(),
        Listener(settings=Settings(stride=8)),
        Listener(settings=Settings(stride=1, smoothing=4, hysteresis=2_000)),
        Listener(settings=Settings(**GATED)),
        Listener(settings=Settings(rise=1, **GATED)),
        STREAMING,
        replace(STREAMING, settings=Settings(stride=2, **GATED)),
        replace(STREAMING, preroll=0, settings=Settings(stride=2, **GATED)),
        replace(STREAMING, window_frames=9),
        replace(STREAMING, frames=1, settings=Settings(stride=1, hold=0, margin=9)),
        Listener(position=5_000, later=Settings(stride=5, smoothing=3, **GATED)),
    ],
)
def test_listener_equals_the_plain_model(tool: Path, listener: Listener, seed: int) -> None:
    pcm = sounds(seed)
    expected = plain(listener, pcm)
    assert run(tool, listener, pcm) == expected
    *_, statistics = expected
    words, skipped = int(statistics.split()[-1]), int(statistics.split()[4])
    assert words > 0
    assert (skipped > 0) == (listener.settings.margin > 0 or listener.later.margin > 0)


@pytest.mark.parametrize("listener", [Listener(), STREAMING])
def test_how_samples_are_cut_into_calls_changes_nothing(tool: Path, listener: Listener) -> None:
    pcm = sounds(9, 5_000)
    whole = run(tool, listener, pcm, 5_000)
    for chunk in (1, 63, 64, 65, 1_000):
        assert run(tool, listener, pcm, chunk) == whole


def test_a_stream_shorter_than_the_window_makes_no_step(tool: Path) -> None:
    samples = CONFIG.window_samples + 7 * CONFIG.hop_samples
    for listener in (Listener(), STREAMING):
        short, enough = sounds(1, samples - 1), sounds(1, samples)
        assert not {"step", "word"} & {line.split()[0] for line in run(tool, listener, short)}
        assert run(tool, listener, enough)[-2].split()[0] in {"step", "word"}


@pytest.mark.parametrize(
    ("listener", "setting"),
    [
        (Listener(settings=Settings(stride=0)), STRIDE_FRAMES),
        (Listener(settings=Settings(stride=9)), STRIDE_FRAMES),
        (replace(STREAMING, settings=Settings(stride=1)), STRIDE_FRAMES),
        (Listener(settings=Settings(margin=256)), GATE_MARGIN),
        (Listener(settings=Settings(rise=0)), GATE_RISE_FRAMES),
        (Listener(settings=Settings(smoothing=5)), SMOOTHING_STEPS),
        (Listener(frames=8, window_frames=7), 0),
        (Listener(preroll=1), 0),
    ],
)
def test_what_is_out_of_range_is_refused_by_name(
    tool: Path, listener: Listener, setting: int
) -> None:
    assert run(tool, listener, sounds(0)) == [f"refused {E_ARGUMENT} {setting}"]


def test_settings_out_of_range_change_nothing_while_listening(tool: Path) -> None:
    pcm = sounds(3)
    refused = Listener(position=6_000, later=Settings(stride=0))
    lines = run(tool, refused, pcm)
    assert lines[-1].startswith(f"end {E_ARGUMENT} ")
    assert lines[:-1] == run(tool, Listener(), pcm)[: len(lines) - 1]
