"""What the TFLite-Micro back-end uses of TFLite-Micro, as a stand-in that a test can compile.

TFLite-Micro itself is no dependency of the tests. The stand-in runs no network: its output is the
first bytes of its input, so that what went through it can be recognised.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from host_tools.tflm import ARCHIVE
from host_tools.toolchains import Toolchain
from training.export.tflm import RESOLVER_NAMES

MICRO = "tensorflow/lite/micro"
STANDARD = ("-std=c++17", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics")
TEXT = """
#pragma once
#ifndef TF_LITE_STATIC_MEMORY
#error "the structs of the real one would differ"
#endif
#include <stddef.h>
#include <stdint.h>
enum TfLiteStatus { kTfLiteOk, kTfLiteError };
struct TfLiteTensor { union { char *raw; } data; size_t bytes; };
namespace tflite {
struct Model {};
inline const Model *GetModel(const void *bytes) { return static_cast<const Model *>(bytes); }
struct MicroAllocator {
  uint8_t *arena;
  static MicroAllocator *Create(uint8_t *arena, size_t bytes);
};
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
  TfLiteTensor tensors[2];
  void *members[46];
};
}
""".replace(
    "ADD_FUNCTIONS",
    "\n  ".join(
        f"TfLiteStatus Add{name}() {{ return kTfLiteOk; }}" for name in RESOLVER_NAMES.values()
    ),
)
HEADERS = (
    f"{MICRO}/micro_allocator.h",
    f"{MICRO}/micro_interpreter.h",
    f"{MICRO}/micro_mutable_op_resolver.h",
    f"{MICRO}/micro_resource_variable.h",
    "tensorflow/lite/schema/schema_generated.h",
)
_PLACEMENT_NEW = "inline void *operator new(size_t, void *place) noexcept { return place; }\n"
_SOURCE = """
#include "stand_in.h"
#include <stdlib.h>
#include <string.h>
#include <new>
namespace tflite {
MicroAllocator *MicroAllocator::Create(uint8_t *arena, size_t) {
  return new (arena) MicroAllocator{arena + sizeof(MicroAllocator)};
}
MicroResourceVariables *MicroResourceVariables::Create(MicroAllocator *, int) { return nullptr; }
MicroInterpreter::MicroInterpreter(const Model *, const MicroOpResolver &, MicroAllocator *memory,
                                   MicroResourceVariables *) {
  char *const place = reinterpret_cast<char *>(memory->arena);
  tensors[0] = {{place}, INPUT_BYTES};
  tensors[1] = {{place + INPUT_BYTES}, OUTPUT_BYTES};
}
TfLiteStatus MicroInterpreter::AllocateTensors() {
  if (tensors[0].bytes == 0) abort();  // as the real one where a check of its own fails
  return kTfLiteOk;
}
TfLiteStatus MicroInterpreter::Invoke() {
  memcpy(tensors[1].data.raw, tensors[0].data.raw, OUTPUT_BYTES);
  return kTfLiteOk;
}
TfLiteTensor *MicroInterpreter::input(size_t) { return &tensors[0]; }
TfLiteTensor *MicroInterpreter::output(size_t) { return &tensors[1]; }
size_t MicroInterpreter::inputs_size() const { return 1; }
size_t MicroInterpreter::outputs_size() const { return 1; }
}
"""


def write_headers(folder: Path) -> None:
    """Write the headers, and one of the C++ library that a compiler may lack."""
    (folder / "stand_in.h").write_text(TEXT)
    (folder / "new").write_text(f"#include <stddef.h>\n{_PLACEMENT_NEW}")
    for name in HEADERS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text('#include "stand_in.h"\n')


def build_archive(folder: Path, toolchain: Toolchain, input_bytes: int, output_bytes: int) -> Path:
    """Compile the stand-in for a model's sizes, beside its headers in `folder`."""
    source, compiled, archive = folder / "micro.cc", folder / "micro.o", folder / ARCHIVE
    source.write_text(_SOURCE)
    sizes = (f"-DINPUT_BYTES={input_bytes}", f"-DOUTPUT_BYTES={output_bytes}")
    flags = (*toolchain.flags, *STANDARD, "-O2", "-DTF_LITE_STATIC_MEMORY", *sizes)
    command = [f"{toolchain.prefix}g++", *flags, f"-I{folder}", "-c", source, "-o", compiled]
    subprocess.run(command, check=True)
    subprocess.run([f"{toolchain.prefix}gcc-ar", "rcs", archive, compiled], check=True)
    return archive
