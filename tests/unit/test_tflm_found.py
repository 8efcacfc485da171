"""Finding the TFLite-Micro that a user brings: what is taken, and what each refusal says to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from host_tools import cli
from host_tools.boards import BOARDS, Board
from host_tools.errors import SottoError
from host_tools.tflm import ARCHIVE, TfliteMicro, find_tflm
from host_tools.toolchains import Toolchain

ROOT = Path(__file__).resolve().parents[2]
BOARD = BOARDS["stm32f405"]
MICRO = "tensorflow/lite/micro"
DOWNLOADS = f"{MICRO}/tools/make/downloads"
HEADER = f"{MICRO}/micro_interpreter.h"
FLATBUFFERS = "flatbuffers/include/flatbuffers/flatbuffers.h"
GEMMLOWP = "gemmlowp/fixedpoint/fixedpoint.h"
RUY = "ruy/ruy/profiler/instrumentation.h"
LIBRARY = "someone/TensorFlowLite@2.0.0"


@pytest.fixture(autouse=True)
def compiler_with_cxx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Toolchain, "missing_cxx", lambda self: None)
    monkeypatch.delenv("SOTTO_TFLM", raising=False)


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def find(where: Path | str | None, board: Board = BOARD, root: Path = ROOT) -> TfliteMicro:
    return find_tflm(None if where is None else str(where), board, root)


def refusal(where: Path | str | None, board: Board = BOARD) -> str:
    with pytest.raises(SottoError) as caught:
        find(where, board)
    assert caught.value.exit_code == 2
    return f"{caught.value.message} {caught.value.remedy}"


@pytest.mark.parametrize("others", ["third_party", DOWNLOADS])
def test_a_library_lies_below_the_headers_that_it_was_built_from(
    tmp_path: Path, others: str
) -> None:
    tree = touch(tmp_path, HEADER, *(f"{others}/{name}" for name in (FLATBUFFERS, GEMMLOWP, RUY)))
    touch(tree, f"gen/some_core/lib/{ARCHIVE}")
    names = ("", f"{others}/flatbuffers/include", f"{others}/gemmlowp", f"{others}/ruy")
    expected = TfliteMicro(tree / "gen/some_core/lib" / ARCHIVE, tuple(tree / n for n in names))
    assert find(tree / "gen/some_core/lib" / ARCHIVE) == find(tree) == expected
    assert expected.variables["SOTTO_TFLM_ARCHIVE"].endswith(ARCHIVE)
    assert expected.variables["SOTTO_TFLM_LIBRARY"] == ""


def test_an_installed_library_lies_beside_its_headers(tmp_path: Path) -> None:
    headers = (HEADER, "flatbuffers/flatbuffers.h", "fixedpoint/fixedpoint.h", RUY[len("ruy/") :])
    touch(tmp_path, f"lib/{ARCHIVE}", *(f"include/{name}" for name in headers))
    assert find(tmp_path).includes == (tmp_path / "include",)


def test_a_folder_with_libraries_of_two_cores_asks_which(tmp_path: Path) -> None:
    touch(tmp_path, f"gen/m4/{ARCHIVE}", f"gen/m7/{ARCHIVE}")
    text = refusal(tmp_path)
    assert f"gen/m4/{ARCHIVE}" in text
    assert f"gen/m7/{ARCHIVE}" in text


def test_a_folder_without_a_library_says_how_it_is_built(tmp_path: Path) -> None:
    assert "holds none" in (text := refusal(touch(tmp_path, HEADER)))
    assert "`microlite`" in text


def test_a_library_without_headers_is_refused(tmp_path: Path) -> None:
    assert HEADER in refusal(touch(tmp_path, ARCHIVE) / ARCHIVE)


def test_headers_that_lack_one_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, ARCHIVE, HEADER, f"third_party/{FLATBUFFERS}", f"third_party/{RUY}")
    assert "without fixedpoint/fixedpoint.h" in refusal(tmp_path)


@pytest.mark.parametrize("name", [LIBRARY, "symlink:///home/me/my_tflm"])
def test_a_platformio_library_is_taken_by_its_name(name: str) -> None:
    assert find(name).variables == {
        "SOTTO_TFLM_ARCHIVE": "",
        "SOTTO_TFLM_INCLUDE": "",
        "SOTTO_TFLM_LIBRARY": name,
    }


@pytest.mark.parametrize("name", ["no/such/folder", "someone/TensorFlowLite"])
def test_what_is_neither_a_path_nor_pinned_is_refused(name: str) -> None:
    assert name in (text := refusal(name))
    assert "owner/name@version" in text


def test_a_board_may_name_its_library_in_platformio_ini(tmp_path: Path) -> None:
    text = f"[env:{BOARD.environment}]\nplatform = x\ncustom_tflm = {LIBRARY}\n"
    (tmp_path / "platformio.ini").write_text(text)
    assert find(None, root=tmp_path).library == LIBRARY
    assert find("other/library@1", root=tmp_path).library == "other/library@1"


def test_a_board_of_esp_idf_takes_its_component_and_no_path(tmp_path: Path) -> None:
    board = BOARDS["esp32c3"]
    assert find(None, board).library.startswith("espressif/esp-tflite-micro@")
    assert "takes a component by its name" in refusal(tmp_path, board)


@pytest.mark.parametrize("board", ["stm32f405", "riscv_virt"])
def test_a_compiler_without_cxx_is_named(board: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("PATH", "")
    text = refusal(LIBRARY, BOARDS[board])
    assert "g++ is not on PATH" in text
    assert "libstdc++-arm-none-eabi-newlib" in text


def sotto(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    "verb",
    [
        ("build",),
        ("flash",),
        ("validate", "--data", "x"),
        ("mlperf", "--data", "x"),
        ("new", "a_new_product"),
    ],
    ids=lambda verb: verb[0],
)
def test_every_verb_says_what_to_bring(verb: tuple[str, ...]) -> None:
    result = sotto(*verb, "--backend", "tflm")
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert "TFLite-Micro for stm32f405" in result.stderr
    assert "--tflm" in " ".join(result.stderr.split())


def test_a_recipe_asks_for_it_before_anything_is_trained(tmp_path: Path) -> None:
    recipe = tmp_path / "words.toml"
    recipe.write_text('name = "x"\n[words]\nkeywords = ["yes"]\n[target]\nbackend = "tflm"\n')
    result = sotto("run", recipe, "--work", tmp_path / "work")
    assert result.exit_code == 2, result.output
    assert "--tflm" in " ".join(result.stderr.split())
    assert not (tmp_path / "work").exists()
