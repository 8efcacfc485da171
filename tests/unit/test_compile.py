"""`sotto compile`: a foreign model becomes C for one core, and its cost is told beforehand."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from model_builder import NO_OPTIONS, Layers, every_operator_model, keyword_model
from typer.testing import CliRunner, Result

from host_tools import cli, code_size
from host_tools.boards import BOARDS
from host_tools.commands import compile as verb
from host_tools.toolchains import TOOLCHAINS, Toolchain
from training.export.compile import compile_model
from training.export.cores import CORES, find_core
from training.export.describe import describe
from training.export.standalone import compile_for_core
from training.export.tflite_writer import write_tflite

ROOT = Path(__file__).resolve().parents[2]
FILES = {"sotto_model.h", "sotto_model.json", "sotto_plan.svg"}
SVG = "{http://www.w3.org/2000/svg}"


def sotto_compile(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.app, ["compile", *map(str, arguments)])


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "some model (1).tflite"
    path.write_bytes(keyword_model())
    return path


def json_of(*arguments: str | Path) -> dict:
    result = sotto_compile(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def assert_refused(result: Result, *words: str) -> None:
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    for word in ("error:", "next step:", *words):
        assert word in result.stderr


@pytest.mark.parametrize("core", CORES)
def test_folder_holds_the_network_for_the_core(core: str, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    result = sotto_compile(model, "--target", core, "--out", out, "--no-code")
    assert result.exit_code == 0, result.stderr
    source = f"sotto_model_aot{CORES[core].target.suffix}.c"
    assert {path.name for path in out.iterdir()} == FILES | {source}
    assert f"{CORES[core].target.condition}\n" in (out / source).read_text()
    assert "code not measured: --no-code" in result.stdout


def test_another_core_replaces_the_network(model: Path, tmp_path: Path) -> None:
    (tmp_path / "sotto_model_aot_own.c").write_text("int mine;\n")
    for core in ("cortex-m3", "cortex-m4f"):
        assert sotto_compile(model, "-t", core, "--out", tmp_path, "--no-code").exit_code == 0
    names = {path.name for path in tmp_path.glob("*.c")}
    assert names == {"sotto_model_aot_dsp.c", "sotto_model_aot_own.c"}


def test_figures_are_those_of_plan_and_constants(model: Path, tmp_path: Path) -> None:
    figures = json_of(model, "--target", "cortex-m4f", "--out", tmp_path / "out", "--no-code")
    compiled = compile_model(keyword_model(), target=CORES["cortex-m4f"].target)
    assert figures["model"] == "some_model__1_"
    assert figures["arena"]["bytes"] == compiled.plan.arena_bytes
    assert figures["ram_bytes"] == compiled.plan.arena_bytes + 49 * 40 + 12
    assert figures["macs"] == compiled.program.macs == sum(x["macs"] for x in figures["layers"])
    flash = figures["flash"]
    assert flash["weights_bytes"] + flash["tables_bytes"] == compiled.program.constant_bytes
    written = json.loads((tmp_path / "out" / "sotto_model.json").read_text())
    assert written == {key: value for key, value in figures.items() if key != "code"}
    assert figures["code"] is None


def test_tables_of_functions_are_no_weights() -> None:
    model = compile_model(every_operator_model())
    tables = [c.params for c in model.program.calls if c.params.kernel in ("lookup", "softmax")]
    figures = describe(model, CORES["host"])
    assert figures.flash.tables_bytes == sum(params.constant_bytes for params in tables) > 0


@pytest.mark.parametrize("core", ["cortex-m4f", "cortex-m3"])
def test_the_fullest_call_explains_the_arena(core: str) -> None:
    model = compile_model(keyword_model(), target=CORES[core].target)
    arena = describe(model, CORES[core]).arena
    alive = [
        sum(box.bytes for box in arena.boxes if box.first_call <= call <= box.last_call)
        for call in range(len(model.program.calls))
    ]
    parts = arena.state_bytes + arena.tensors_bytes + arena.scratch_bytes
    assert alive[arena.fullest_call] == max(alive) == parts
    assert max(alive) <= arena.bytes
    assert max(box.offset + box.bytes for box in arena.boxes) <= arena.bytes


def test_without_out_nothing_is_written(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert sotto_compile(model, "--no-code").exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == [model.name]


def test_plan_is_drawn_where_asked(model: Path, tmp_path: Path) -> None:
    drawing = tmp_path / "pictures" / "plan.svg"
    assert sotto_compile(model, "--plan", drawing, "--no-code").exit_code == 0
    titles = [title.text for title in ElementTree.parse(drawing).iter(f"{SVG}title")]
    figures = json_of(model, "--no-code")
    assert len(titles) == len(figures["arena"]["boxes"])


@pytest.mark.parametrize("core", ["cortex-m4f", "cortex-m0plus", "host"])
def test_code_is_measured_by_linking(core: str, model: Path) -> None:
    figures = json_of(model, "--target", core)
    parts = {part["name"]: part["flash_bytes"] for part in figures["code"]["parts"]}
    constants = sum(figures["flash"].values())
    assert parts["weights"] > constants  # and the parameters of the layers
    assert parts["library"] > 500  # kernels, of which the linker keeps only those that are called
    assert figures["code"]["flash_bytes"] == sum(parts.values())
    only = json_of(model, "--target", core, "--no-code")
    assert only == figures | {"code": None}


def test_missing_compiler_is_said_and_no_error(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TOOLCHAINS, "cortex-m7", Toolchain("no-such-", ()))
    result = sotto_compile(model, "--target", "cortex-m7")
    assert result.exit_code == 0
    assert "code not measured: no-such-gcc is not on PATH" in result.stdout


def test_refusing_compiler_is_a_clear_error(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_size, "C_FLAGS", ("-std=c11", "-fno-such-flag"))
    result = sotto_compile(model, "--target", "host", "--out", tmp_path / "out")
    assert_refused(result, "-fno-such-flag", "--no-code")
    assert not (tmp_path / "out").exists()


def test_target_list_names_every_core_with_its_kernels() -> None:
    result = sotto_compile("--target", "list")
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert [(row[0], row[1]) for row in rows] == [(c.name, c.target.name) for c in CORES.values()]
    listed = json.loads(sotto_compile("--target", "list", "--json").stdout)
    assert [row["core"] for row in listed] == list(CORES)


def test_unknown_target_lists_the_choices(model: Path) -> None:
    assert_refused(sotto_compile(model, "--target", "cortex-m4"), "'cortex-m4'", *CORES)


def test_every_core_has_a_toolchain_and_every_board_a_core() -> None:
    assert list(TOOLCHAINS) == list(CORES)
    assert {board.compile_target for board in BOARDS.values()} <= set(CORES)


@pytest.mark.parametrize("core", CORES)
def test_the_compiler_of_a_core_takes_the_kernels_of_its_target(core: str) -> None:
    """What sotto/target.h decides is what training/export/cores.py says."""
    toolchain = TOOLCHAINS[core]
    command = [toolchain.gcc, *toolchain.flags, "-E", "-P", "-x", "c", "-"]
    text = f'#include "{ROOT}/firmware/lib/sotto/include/sotto/target.h"\n'
    text += f"#if {find_core(core).target.condition}\nright\n#endif\n"
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    assert "right" in done.stdout


def test_no_model_and_no_such_model(tmp_path: Path) -> None:
    assert_refused(sotto_compile(), "No model was named")
    assert_refused(sotto_compile(tmp_path / "no.tflite"), "does not exist")
    assert_refused(sotto_compile(tmp_path), "is a folder")


def test_no_tflite(tmp_path: Path) -> None:
    model = tmp_path / "m.tflite"
    model.write_bytes(b"no flatbuffer at all")
    out = tmp_path / "out"
    assert_refused(sotto_compile(model, "--out", out), "no TensorFlow Lite model")
    assert not out.exists()


def test_float_model_is_told_so(tmp_path: Path) -> None:
    b = Layers(seed=1)
    source = b.tensor((1, 4), dtype="float32")
    target = b.operator("LOGISTIC", [source], b.tensor((1, 4), dtype="float32"))
    model = tmp_path / "float.tflite"
    model.write_bytes(write_tflite(b.build([source], [target])))
    name = b.tensors[source].name
    result = sotto_compile(model)
    assert_refused(result, f"float is not quantised: '{name}' is float32", "inference_input_type")


def test_unsupported_operator_is_named_with_its_place(tmp_path: Path) -> None:
    b = Layers(seed=1)
    source = b.tensor((1, 8, 8, 1), 1 / 16)
    hidden = b.convolution(source, 4, 3)
    target = b.operator("ATAN2", [hidden], b.same(hidden, 0.1), NO_OPTIONS)
    model, out = tmp_path / "odd.tflite", tmp_path / "out"
    model.write_bytes(write_tflite(b.build([source], [target])))
    result = sotto_compile(model, "--out", out)
    name = b.tensors[target].name
    assert_refused(result, f"operator 1 (ATAN2 -> '{name}') of odd is not supported")
    assert not out.exists()


def test_folder_that_cannot_be_written(model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        assert_refused(sotto_compile(model, "--out", out, "--no-code"), str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "a file"


def test_failing_disk_leaves_the_old_files(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert sotto_compile(model, "--out", out, "--no-code").exit_code == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def full(path: Path, text: str, **options: object) -> int:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_text", full)
    result = sotto_compile(model, "--target", "cortex-m3", "--out", out, "--no-code")
    assert_refused(result, "No space left")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_keyword_model_is_not_overwritten(model: Path, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    result = sotto_compile(model, "--out", tmp_path, "--no-code")
    assert_refused(result, "sotto export", "--out")
    assert not (tmp_path / "sotto_model.h").exists()


def test_same_model_same_bytes() -> None:
    tflite = keyword_model()
    first, second = (compile_for_core(tflite, "m", CORES["cortex-m4f"]) for _ in range(2))
    assert first.files == second.files
    description = json.loads(first.files["sotto_model.json"])
    assert verb._draw(description) == verb._draw(description)


def test_header_refuses_another_core(model: Path, tmp_path: Path) -> None:
    sotto_compile(model, "--target", "cortex-m4f", "--out", tmp_path / "out", "--no-code")
    flags = [f"-I{ROOT}/firmware/lib/sotto/include", f"-I{tmp_path / 'out'}", "-fsyntax-only"]
    command = ["gcc", "-std=c11", *flags, str(tmp_path / "out/sotto_model_aot_dsp.c")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "SOTTO_TARGET_DSP only" in done.stderr
    chosen = [*command, "-DSOTTO_TARGET=SOTTO_TARGET_DSP"]
    assert subprocess.run(chosen, capture_output=True, check=False).returncode == 0
