"""`sotto new`: its project compiles at once, without a network, and hears what the host hears."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sounds import sounds
from typer.testing import CliRunner, Result

from host_tools import cli, emulator
from host_tools.boards import BOARDS
from host_tools.build import build
from host_tools.link.device import Device
from host_tools.link.transport import open_transport
from host_tools.manifest import load_manifest
from host_tools.project import Word, words_of

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "generated"
NO_NETWORK = "http://127.0.0.1:9"  # the discard port: every attempt fails at once
BLOCK_BYTES = 320
BLOCKS_AHEAD = 8
ANSWER_S = 20.0
GREETINGS, GREETING_S = 60, 0.5

pytestmark = pytest.mark.emulator


def sotto(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def new(folder: Path, board: str) -> Path:
    result = sotto("new", folder, "--board", board, "--generated", GENERATED)
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(folder / "src/main.c")
    return folder


def hear(url: str, pcm: bytes) -> list[str]:
    """Send audio, a few blocks ahead of the dots that come back; the words among them."""
    line = open_transport(url)
    blocks = len(pcm) // BLOCK_BYTES
    said = b""
    for _ in range(GREETINGS):  # what comes while the board starts is lost
        line.write(b"\n")
        said += line.read(GREETING_S)
        if said:
            break
    line.write(b"!")
    sent = 0
    while said.count(b".") < blocks:
        while sent < min(blocks, said.count(b".") + BLOCKS_AHEAD):
            line.write(pcm[sent * BLOCK_BYTES : (sent + 1) * BLOCK_BYTES])
            sent += 1
        more = line.read(ANSWER_S)
        assert more, said
        said += more
    line.close()
    return [word for word in said.replace(b".", b"").decode().split() if word != "ready"]


@pytest.mark.slow
def test_project_compiles_at_once_and_hears_the_words(tmp_path: Path) -> None:
    project = new(tmp_path / "my product", "stm32f405")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PLATFORMIO_", "SOTTO_"))}
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), NO_NETWORK)
    done = subprocess.run(
        [sys.executable, "-m", "platformio", "run", "--silent"],
        cwd=project,
        env=kept | proxies | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning:" not in done.stdout + done.stderr
    pcm = sounds(24)
    board, host = BOARDS["stm32f405"], BOARDS["host"]
    with emulator.start(board, project / ".pio/build/stm32f405/firmware.elf", True) as running:
        heard = hear(running.url, pcm.astype("<i2").tobytes())
    with (
        emulator.start(host, build(host, GENERATED, ROOT).elf) as running,
        Device.open(running.url) as device,
    ):
        words = device.listen(pcm).words
    labels = load_manifest(GENERATED).labels
    assert len(words) > 1
    assert heard == [labels[word.label] for word in words]


def test_program_is_short_and_has_a_callback_for_each_word(tmp_path: Path) -> None:
    text = (new(tmp_path / "p", "host") / "src/main.c").read_text()
    assert len(text.splitlines()) <= 60
    for word in words_of(load_manifest(GENERATED).labels):
        assert f"static void on_{word.symbol}(void)" in text
        assert f"[{word.index}] = on_{word.symbol}," in text


@pytest.mark.parametrize("board", BOARDS)
def test_every_board_has_all_that_its_project_names(board: str, tmp_path: Path) -> None:
    project = new(tmp_path / "p", board)
    text = (project / "platformio.ini").read_text()
    settings = dict(line.split(" = ", 1) for line in text.splitlines() if " = " in line)
    if not BOARDS[board].project:  # else test_ports_esp_idf.py asks CMake
        ports = [part for part in settings["build_src_filter"].split() if "/ports/" in part]
        assert ports
        for named in ports:
            place = project / "src" / named[2:-1]
            assert place.is_file() or [*place.glob("*.c"), *place.glob("*.cpp")]
    script = settings.get("board_build.ldscript")
    assert script is None or (project / script).is_file()
    own = settings["platform"] == "symlink://platform"
    assert (project / "platform").is_dir() == own
    assert own or BOARDS[board].kind == "hardware"
    assert own or re.fullmatch(r"\w+@~\d+\.\d+\.\d+", settings["platform"])
    assert str(ROOT) not in text


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "file").write_text("mine")
    for name in ("mine", "file"):
        result = sotto("new", tmp_path / name, "--generated", GENERATED)
        assert result.exit_code == 2
        assert "is there already; nothing was written" in result.stderr
        assert "next step:" in result.stderr
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "mine"]
    assert list((tmp_path / "mine").iterdir()) == []


def test_an_unknown_board_is_refused_with_those_there_are(tmp_path: Path) -> None:
    result = sotto("new", tmp_path / "p", "--board", "toaster", "--generated", GENERATED)
    assert result.exit_code == 2
    assert all(name in result.stderr for name in BOARDS)
    assert list(tmp_path.iterdir()) == []


def test_words_get_names_that_c_accepts() -> None:
    labels = ("Für", "fur", "hey computer", "hey-computer", "7up", "нет", "_unknown_", 'a"\\b?')
    assert words_of(labels) == [
        Word(0, "f_r", r'"F\303\274r\r\n"'),
        Word(1, "fur", r'"fur\r\n"'),
        Word(2, "hey_computer", r'"hey computer\r\n"'),
        Word(3, "hey_computer_3", r'"hey-computer\r\n"'),
        Word(4, "7up", r'"7up\r\n"'),
        Word(5, "5", r'"\320\275\320\265\321\202\r\n"'),
        Word(7, "a_b", r'"a\042\134b\077\r\n"'),
    ]
