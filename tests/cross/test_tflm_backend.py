"""The TFLite-Micro back-end against stand-ins for the headers that it uses.

TFLite-Micro itself is no dependency of the tests. What is held here: the file says what is missing,
is empty in other builds, and compiles without exceptions and warnings with the generated macros.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from training.export.tflm import RESOLVER_NAMES

ROOT = Path(__file__).resolve().parents[2]
BACKEND = ROOT / "firmware" / "backends" / "tflm" / "sotto_model_tflm.cc"
MICRO = "tensorflow/lite/micro"
STANDARD = ["-std=c++17", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"]
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
STAND_IN = """
#pragma once
#include <stddef.h>
#include <stdint.h>
enum TfLiteStatus { kTfLiteOk, kTfLiteError };
struct TfLiteTensor { union { char *raw; } data; size_t bytes; };
namespace tflite {
struct Model {};
inline const Model *GetModel(const void *bytes) { return static_cast<const Model *>(bytes); }
struct MicroAllocator { static MicroAllocator *Create(uint8_t *arena, size_t bytes); };
struct MicroResourceVariables {
  static MicroResourceVariables *Create(MicroAllocator *allocator, int count);
};
struct MicroOpResolver {};
template <unsigned count> struct MicroMutableOpResolver : MicroOpResolver {
  ADD_FUNCTIONS
  void *registrations[9 * count];
};
struct MicroInterpreter {
  MicroInterpreter(const Model *model, const MicroOpResolver &resolver, MicroAllocator *allocator,
                   MicroResourceVariables *variables);
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  TfLiteTensor *input(size_t index);
  TfLiteTensor *output(size_t index);
  size_t inputs_size() const;
  size_t outputs_size() const;
  void *members[50];
};
}
"""
STAND_IN = STAND_IN.replace(
    "ADD_FUNCTIONS", "\n  ".join(f"TfLiteStatus Add{name}();" for name in RESOLVER_NAMES.values())
)
HEADERS = (
    f"{MICRO}/micro_allocator.h",
    f"{MICRO}/micro_interpreter.h",
    f"{MICRO}/micro_mutable_op_resolver.h",
    f"{MICRO}/micro_resource_variable.h",
    "tensorflow/lite/schema/schema_generated.h",
)
PLACEMENT_NEW = "inline void *operator new(size_t, void *place) noexcept { return place; }\n"


def compile_backend(include: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    folders = (include, ROOT / "firmware/lib/sotto/include", ROOT / "generated")
    command = ["arm-none-eabi-g++", *STANDARD, *WARNINGS, *flags, "-fsyntax-only", str(BACKEND)]
    command += [f"-I{folder}" for folder in folders]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def stand_ins(tmp_path: Path) -> Path:
    (tmp_path / "stand_in.h").write_text(STAND_IN)
    (tmp_path / "new").write_text(f"#include <stddef.h>\n{PLACEMENT_NEW}")
    for name in HEADERS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('#include "stand_in.h"\n')
    return tmp_path


def test_compiles_with_the_generated_model(stand_ins: Path) -> None:
    done = compile_backend(stand_ins, "-DSOTTO_BACKEND=2")
    assert done.returncode == 0, done.stderr


def test_refuses_objects_that_are_larger_than_their_place(stand_ins: Path) -> None:
    larger = STAND_IN.replace("members[50]", "members[500]")
    (stand_ins / "stand_in.h").write_text(larger)
    done = compile_backend(stand_ins, "-DSOTTO_BACKEND=2")
    assert "larger objects" in done.stderr


def test_an_operator_that_tflm_lacks_does_not_compile(stand_ins: Path) -> None:
    (stand_ins / "stand_in.h").write_text(STAND_IN.replace("TfLiteStatus AddConv2D();", ""))
    assert "AddConv2D" in compile_backend(stand_ins, "-DSOTTO_BACKEND=2").stderr


def test_says_that_tflm_is_missing(tmp_path: Path) -> None:
    done = compile_backend(tmp_path, "-DSOTTO_BACKEND=2")
    assert done.returncode != 0
    assert "docs/backends.md, or choose aot" in done.stderr


def test_is_empty_where_our_own_c_runs_the_network(tmp_path: Path) -> None:
    done = compile_backend(tmp_path)
    assert done.returncode == 0, done.stderr
