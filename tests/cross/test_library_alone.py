"""The library builds as each of its manifests says, for every core, with nothing of the project.

Arduino's and ESP-IDF's own tools are not here: their published rules are followed with the
distribution's compilers.
"""

from __future__ import annotations

import ctypes
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import LIB, ROOT
from listening import (
    LOGITS,
    ONE,
    DetectSettings,
    GateSettings,
    Network,
    PlainDetection,
    PlainGate,
    PlainListener,
    exp_table,
)
from model_builder import every_operator_model
from platformio.package.manifest.parser import ManifestParserFactory
from platformio.package.manifest.schema import ManifestSchema
from sounds import CLOCK_HZ, sounds

from host_tools.toolchains import TOOLCHAINS
from training.export.cores import CORES
from training.export.detection import listener_numbers, read_detection
from training.export.reference import run_micro
from training.export.standalone import compile_for_core, write_compiled
from training.features import Frontend
from training.recipe import FrontendConfig

GENERATED = ROOT / "generated"
HERE = Path(__file__).resolve().parent
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
SOURCES = sorted(p.relative_to(LIB) for p in LIB.rglob("*") if p.suffix in {".c", ".cpp", ".S"})
LIBRARY_SOURCES = [LIB / p for p in SOURCES if p.parts[0] == "src"]
STRICT = ["-Wall", "-Wextra", "-Werror"]


def run(command: Sequence[str | Path], folder: Path | None = None) -> str:
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr or done.stdout
    return done.stdout


def compile_folders(command: Sequence[str], sources: Sequence[Path], objects: Path) -> list[Path]:
    """Objects of the sources, each folder's apart: the names of files differ within one only."""
    for folder in {source.parent for source in sources}:
        own = objects / folder.name
        own.mkdir(parents=True)
        run([*command, "-c", *(s for s in sources if s.parent == folder)], own)
    found = sorted(objects.rglob("*.o"))
    assert len(found) == len(sources)
    return found


def properties() -> dict[str, str]:
    lines = (LIB / "library.properties").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {key: value for key, value in pairs}


def compiler_of(core: str) -> list[str]:
    """The compiler of a core with its flags."""
    toolchain = TOOLCHAINS[core]
    return [toolchain.gcc, *toolchain.flags, *toolchain.c_library]


def sketch_folder(tmp_path: Path) -> Path:
    """The example sketch with the shipped model beside it, as its first lines say."""
    folder = tmp_path / "HearWord"
    shutil.copytree(GENERATED, folder, ignore=shutil.ignore_patterns("*.json", "*.md"))
    shutil.copy(LIB / "examples/HearWord/HearWord.ino", folder)
    return folder


def test_every_manifest_has_the_version_of_the_project() -> None:
    assert json.loads((LIB / "library.json").read_text())["version"] == VERSION
    assert properties()["version"] == VERSION
    assert yaml.safe_load((LIB / "idf_component.yml").read_text())["version"] == VERSION
    cmake = (LIB / "CMakeLists.txt").read_text()
    assert re.findall(r"project\(sotto VERSION (\S+)", cmake) == [VERSION]


def test_licence_is_the_one_of_the_project() -> None:
    assert (LIB / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("name", ["library.json", "library.properties"])
def test_platformio_accepts_the_manifest(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By PlatformIO's own schema; its list of licences would come from the network."""
    licences = {"licenses": [{"licenseId": "Apache-2.0"}]}
    monkeypatch.setattr(ManifestSchema, "load_spdx_licenses", staticmethod(lambda: licences))
    manifest = ManifestParserFactory.new_from_file(str(LIB / name)).as_dict()
    assert ManifestSchema().load_manifest(manifest)["name"] == "sotto"


def test_library_json_names_what_is_there() -> None:
    manifest = json.loads((LIB / "library.json").read_text())
    public = {f"sotto/{path.name}" for path in (LIB / "include/sotto").glob("*.h")}
    assert set(manifest["headers"]) <= public | {"sotto.h"}
    assert (LIB / manifest["build"]["includeDir"] / "sotto").is_dir()
    assert (LIB / manifest["build"]["srcDir"]).is_dir()
    listed = {LIB / e["base"] / file for e in manifest["examples"] for file in e["files"]}
    assert listed == {path for path in (LIB / "examples").rglob("*") if path.is_file()}


def test_library_properties_follow_the_arduino_specification() -> None:
    """Library specification 1.5: required fields, forms, and a sketch in a folder of its name."""
    fields = properties()
    required = "name version author maintainer sentence paragraph category url architectures"
    assert set(required.split()) <= set(fields)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,62}", fields["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", fields["version"])
    assert fields["category"] == "Data Processing"
    assert all(re.fullmatch(r"[a-z0-9_]+", a) for a in fields["architectures"].split(","))
    assert "avr" not in fields["architectures"].split(",")
    for header in fields["includes"].split(","):
        assert (LIB / "src" / header).is_file()
    for sketch in LIB.rglob("*.ino"):
        assert sketch.parent.name == sketch.stem
    assert not [path for path in LIB.rglob("*") if path.is_symlink()]


def test_arduino_finds_every_public_header_in_src() -> None:
    """One line each, that leads to the header itself: add it with the header."""
    public = sorted((LIB / "include/sotto").glob("*.h"))
    leading = {path.name: path.read_text() for path in (LIB / "src/sotto").iterdir()}
    assert sorted(leading) == [path.name for path in public]
    for name, text in leading.items():
        assert text.splitlines()[-1] == f'#include "../../include/sotto/{name}"'


def test_idf_component_yml_has_known_fields() -> None:
    manifest = yaml.safe_load((LIB / "idf_component.yml").read_text())
    known = {"version", "description", "url", "license", "tags", "targets", "files", "dependencies"}
    assert {"version", "description", "license", "dependencies"} <= set(manifest) <= known
    assert manifest["dependencies"] == {"idf": ">=5.0"}


@pytest.mark.parametrize("core", CORES)
def test_every_source_compiles_for_every_core(core: str, tmp_path: Path) -> None:
    """Arduino and ESP-IDF compile all of them: those for other cores must be empty."""
    command = [*compiler_of(core), "-std=c11", "-Os", *STRICT, f"-I{LIB / 'include'}"]
    compile_folders(command, LIBRARY_SOURCES, tmp_path / "objects")


def test_library_needs_three_functions_of_the_c_library(tmp_path: Path) -> None:
    for core in ("cortex-m0plus", "cortex-m4f"):
        command = [*compiler_of(core), "-std=c11", "-O2", f"-I{LIB / 'include'}"]
        objects = compile_folders(command, LIBRARY_SOURCES, tmp_path / core)
        symbols = run(["arm-none-eabi-nm", *objects])
        wanted = set(re.findall(r" U (\w+)", symbols)) - set(re.findall(r" [A-Z] (\w+)", symbols))
        compiler_own = {name for name in wanted if name.startswith("__")}
        defined = set(re.findall(r"^[0-9a-f]+ [A-TV-Z] (\w+)", symbols, re.MULTILINE))
        assert wanted - compiler_own - defined <= {"memcpy", "memmove", "memset"}


ARDUINO_H = """
#pragma once
#include <stddef.h>
#include <stdint.h>
struct Line {
  void begin(unsigned long baud);
  size_t readBytes(char *buffer, size_t length);
  size_t println(const char *text);
};
extern Line Serial;
void yield();
void setup();
void loop();
"""
ARDUINO_CORE = """
#include <Arduino.h>
Line Serial;
void Line::begin(unsigned long) {}
size_t Line::readBytes(char *, size_t length) { return length; }
size_t Line::println(const char *) { return 0; }
void yield() {}
int main() { setup(); for (;;) loop(); }
"""


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4f"])
def test_arduino_sketch_builds(core: str, tmp_path: Path) -> None:
    """As Arduino builds: all of src/, with no other include path; the sketch as C++ with its .c."""
    library, sketch = tmp_path / "libraries/sotto", sketch_folder(tmp_path)
    shutil.copytree(LIB, library)
    (tmp_path / "core").mkdir()
    (tmp_path / "core/Arduino.h").write_text(ARDUINO_H)
    (tmp_path / "core/main.cpp").write_text(ARDUINO_CORE)
    text = (sketch / "HearWord.ino").read_text()
    (sketch / "HearWord.ino.cpp").write_text(f"#include <Arduino.h>\n{text}")
    c = [*compiler_of(core), "-Os", "-ffunction-sections", "-fdata-sections", *STRICT]
    cpp = [c[0].removesuffix("gcc") + "g++", *c[1:], "-std=gnu++17", "-fno-exceptions", "-fno-rtti"]
    sources = sorted(p for p in (library / "src").rglob("*") if p.suffix in {".c", ".cpp", ".S"})
    include = f"-I{library / 'src'}"
    objects = tmp_path / "objects"
    compile_folders([*c, "-std=gnu11", include], sources, objects)
    run([*c, "-std=gnu11", include, f"-I{sketch}", "-c", *sketch.glob("*.c")], objects)
    programs = [sketch / "HearWord.ino.cpp", tmp_path / "core/main.cpp"]
    run([*cpp, include, f"-I{sketch}", f"-I{tmp_path / 'core'}", "-c", *programs], objects)
    link = ["-nostartfiles", "-Wl,-e,main", "-Wl,--gc-sections", "-Wl,--fatal-warnings"]
    run([*c, *link, *objects.rglob("*.o"), "-o", tmp_path / "sketch.elf"])


IDF_STAND_IN = """
set(ESP_PLATFORM 1)
function(idf_component_register)
  cmake_parse_arguments(own "" "" "SRCS;INCLUDE_DIRS;REQUIRES;PRIV_REQUIRES" ${ARGN})
  if(own_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "unknown: ${own_UNPARSED_ARGUMENTS}")
  endif()
  file(WRITE "${OUT}" "${own_SRCS}|${own_INCLUDE_DIRS}")
endfunction()
include("${COMPONENT}/CMakeLists.txt")
"""


def idf_component(tmp_path: Path) -> tuple[list[Path], list[Path]]:
    """Sources and include folders that CMakeLists.txt gives ESP-IDF.

    CMake itself is asked where it is installed; the text is read in any case.
    """
    text = (LIB / "CMakeLists.txt").read_text()
    glob = re.search(
        r'file\(GLOB_RECURSE SOTTO_SOURCES "\$\{CMAKE_CURRENT_LIST_DIR\}/(.*)"\)', text
    )
    call = re.search(
        r'idf_component_register\(SRCS \$\{SOTTO_SOURCES\} INCLUDE_DIRS "(.*)"\)', text
    )
    assert glob, text
    assert call, text
    folder, pattern = glob[1].rsplit("/", 1)
    facts = sorted((LIB / folder).rglob(pattern)), [LIB / call[1]]
    if shutil.which("cmake") is not None:
        script, out = tmp_path / "idf.cmake", tmp_path / "idf.txt"
        script.write_text(IDF_STAND_IN)
        # Components are read as scripts first, where not every command is allowed.
        run(["cmake", f"-DCOMPONENT={LIB}", f"-DOUT={out}", "-P", script])
        sources, includes = (part.split(";") for part in out.read_text().split("|"))
        assert sorted(map(Path, sources)) == facts[0]
        assert [LIB / folder for folder in includes] == facts[1]
    return facts


def test_idf_component_compiles(tmp_path: Path) -> None:
    sources, includes = idf_component(tmp_path)
    assert sources == LIBRARY_SOURCES
    core = "rv32imc"
    model = [path for path in GENERATED.glob("*.c")]
    flags = ["-std=gnu17", "-Os", *STRICT, *(f"-I{folder}" for folder in includes)]
    command = [*compiler_of(core), *flags, f"-I{GENERATED}"]
    compile_folders(command, [*sources, *model], tmp_path / "objects")


OUTER_PROJECT = """
cmake_minimum_required(VERSION 3.16)
project(outer C)
add_subdirectory("{library}" sotto)
file(GLOB model "{generated}/*.c")
add_executable(word "{library}/examples/word_from_pcm/word_from_pcm.c" ${{model}})
target_include_directories(word PRIVATE "{generated}")
target_link_libraries(word PRIVATE sotto)
"""


def test_cmake_project_builds_where_cmake_is(
    tmp_path: Path, build_shared: Callable[..., ctypes.CDLL]
) -> None:
    text = OUTER_PROJECT.format(library=LIB, generated=GENERATED)
    readme = (LIB / "README.md").read_text()
    for line in ("file(GLOB model", "target_link_libraries(word PRIVATE sotto)"):
        assert line in text
        assert line in readme
    if shutil.which("cmake") is None:
        return
    (tmp_path / "CMakeLists.txt").write_text(text)
    run(["cmake", "-S", tmp_path, "-B", tmp_path / "out", "-DCMAKE_BUILD_TYPE=Release"])
    run(["cmake", "--build", tmp_path / "out"])
    pcm = sounds(24)
    assert lines_of(tmp_path / "out/word", pcm) == expected_lines(build_shared, pcm)


def expected_lines(build_shared: Callable[..., ctypes.CDLL], pcm: np.ndarray) -> list[str]:
    """What training's own front-end, the shipped network and a plain listener say."""
    manifest = json.loads((GENERATED / "manifest.json").read_text())
    labels, frontend = manifest["labels"], FrontendConfig(**manifest["frontend"])
    frames = manifest["input"]["step_frames"]
    numbers = listener_numbers(
        read_detection(manifest["detection"], labels, "the manifest"), frontend, frames, labels
    )
    network = build_shared(
        [*LIBRARY_SOURCES, *GENERATED.glob("*.c")], [f"-I{GENERATED}", "-Wl,-Bsymbolic"]
    )
    arena = np.zeros(manifest["arena_bytes"] + 16, np.uint8)
    arena = arena[-arena.ctypes.data % 16 :][: manifest["arena_bytes"]]
    memory = [ctypes.c_void_p(arena.ctypes.data), ctypes.c_size_t(arena.size)]
    assert network.sotto_model_init(*memory) == 0

    def invoke(features: np.ndarray) -> np.ndarray:
        features, scores = np.ascontiguousarray(features), np.zeros(len(labels), np.int8)
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (features, scores)]
        assert network.sotto_model_invoke(*memory, *pointers) == 0
        return scores

    detect = DetectSettings(
        numbers.smoothing_steps,
        numbers.refractory_steps,
        numbers.hysteresis_q15,
        numbers.thresholds_q15,
    )
    gate = GateSettings(numbers.gate_margin, numbers.gate_hold_frames, numbers.gate_rise_frames)
    listener = PlainListener(
        Network(frames, frontend.frames, numbers.preroll_steps, invoke),
        numbers.stride_frames,
        PlainGate(gate),
        PlainDetection(LOGITS, exp_table(manifest["output"]["scale"]), detect),
    )
    long = replace(frontend, clip_samples=len(pcm))
    lines = []
    for index, frame in enumerate(Frontend(long).clip(pcm)):
        sample = frontend.window_samples + index * frontend.hop_samples
        _, word = listener.take(frame)
        if word:
            milliseconds, percent = sample * 1000 // CLOCK_HZ, word.average * 100 // ONE
            lines.append(f"{milliseconds} ms: {labels[word.class_index]}, {percent} %")
    return lines


def lines_of(program: Path, pcm: np.ndarray) -> list[str]:
    done = subprocess.run([program], input=pcm.tobytes(), capture_output=True, check=True)
    return done.stdout.decode().splitlines()


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, built by the very command of the library's README."""
    readme = (LIB / "README.md").read_text()
    command = next(line for line in readme.splitlines() if line.startswith("cc -std=c11"))
    program = tmp_path_factory.mktemp("example") / "word"
    run(
        [
            "sh",
            "-ec",
            command.replace("GENERATED", str(GENERATED)).replace("-o word", f"-o {program}"),
        ],
        LIB,
    )
    return program


def test_example_prints_the_words_that_a_plain_listener_hears(
    example: Path, build_shared: Callable[..., ctypes.CDLL]
) -> None:
    pcm = sounds(24)
    expected = expected_lines(build_shared, pcm)
    assert len({line.split(": ")[1].split(",")[0] for line in expected}) > 1
    assert lines_of(example, pcm) == expected


def test_example_says_nothing_when_the_sound_is_too_short(example: Path) -> None:
    assert lines_of(example, sounds(1)[: CLOCK_HZ // 2]) == []


def test_example_is_short() -> None:
    lines = (LIB / "examples/word_from_pcm/word_from_pcm.c").read_text().splitlines()
    assert len([line for line in lines if line.strip()]) <= 42


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4f", "cortex-m55"])
def test_example_links_for_cortex_m(core: str, tmp_path: Path) -> None:
    program = LIB / "examples/word_from_pcm/word_from_pcm.c"
    flags = ["-std=c11", "-O2", *STRICT, f"-I{LIB / 'include'}", f"-I{GENERATED}"]
    # rdimon: the debugger's computer is stdin and stdout
    link = ["--specs=rdimon.specs", "-ffunction-sections", "-Wl,--gc-sections"]
    sources = [program, *LIBRARY_SOURCES, *GENERATED.glob("*.c")]
    run([*compiler_of(core), *flags, *link, *sources, "-o", tmp_path / "word.elf"])


def test_compiled_folder_needs_nothing_but_the_library(
    tmp_path: Path, build_program: Callable[..., Path]
) -> None:
    """For another core: its kernels run here through their model in C."""
    core = "cortex-m4f"
    tflite = every_operator_model()
    folder = tmp_path / "compiled"
    write_compiled(compile_for_core(tflite, "every", CORES[core]).files, folder)
    target = CORES[core].target.macro
    sources = [HERE / "model_runner.c", *folder.glob("*.c"), *LIBRARY_SOURCES]
    program = build_program(sources, [f"-I{folder}", f"-DSOTTO_TARGET={target}"])
    shape = json.loads((folder / "sotto_model.json").read_text())["input"]["shape"]
    rng = np.random.default_rng(5)
    inputs = rng.integers(-128, 128, (6, *shape[1:]), dtype=np.int8)
    done = subprocess.run([program], input=inputs.tobytes(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    ours = np.frombuffer(done.stdout, np.int8).reshape(len(inputs), -1)
    np.testing.assert_array_equal(ours, run_micro(tflite, inputs, 400_000).reshape(ours.shape))
