# ruff: noqa: F821  (SCons defines Import and env)
"""What every environment of platformio.ini adds to its build, whatever its platform is.

Variables choose what is built, so that one clone builds all of it:

- SOTTO_GENERATED: folder of the generated model (default `generated`), relative to the project.
- SOTTO_PROGRAM: `firmware` (default), or `mlperf`: the same model under the serial protocol of the
  benchmark MLPerf Tiny, and nothing of sotto's own (docs/mlperf.md).
- SOTTO_BACKEND: `aot` (default), the generated C; or `tflm`, TFLite-Micro (docs/backends.md). That
  is a PlatformIO library which SOTTO_TFLM_LIBRARY names, as `lib_deps` does; or a library built
  before, SOTTO_TFLM_ARCHIVE, with the folders of its headers, SOTTO_TFLM_INCLUDE.
- SOTTO_REFERENCE: folder of the network by the reference kernels, which the self-test then
  compares with (`sotto build --compare-kernels` writes it).
- SOTTO_BAUD: speed of the serial line, where the port has one (default: the port's own; `mlperf`:
  the benchmark's).
"""

import os
from pathlib import Path

Import("env")

project = Path(env.subst("$PROJECT_DIR"))
generated = (project / os.environ.get("SOTTO_GENERATED", "generated")).resolve()
if not (generated / "sotto_model.h").is_file():
    raise SystemExit(
        f"No generated model in {generated}: run `sotto export`, or set SOTTO_GENERATED to the "
        "folder that holds sotto_model.h."
    )

# What stands for the sources of the firmware, and the serial line that its host expects.
PROGRAMS = {"firmware": ("+<*>", None), "mlperf": ("+<../mlperf/>", "115200")}
program = os.environ.get("SOTTO_PROGRAM", "firmware")
if program not in PROGRAMS:
    raise SystemExit(
        f"There is no program {program!r}: set SOTTO_PROGRAM to {', '.join(PROGRAMS)}."
    )
sources, baud = PROGRAMS[program]
baud = os.environ.get("SOTTO_BAUD", baud)

# What each back-end adds to those sources.
BACKENDS = {"aot": "", "tflm": " +<../backends/tflm/sotto_model_tflm.cc>"}
backend = os.environ.get("SOTTO_BACKEND", "aot")
if backend not in BACKENDS:
    raise SystemExit(
        f"There is no back-end {backend!r}: set SOTTO_BACKEND to {', '.join(BACKENDS)}."
    )
sources += BACKENDS[backend]
bare_metal = bool(env.BoardConfig().get("build.ldscript", ""))  # the ports bring the start-up
if bare_metal and backend == "tflm":
    sources += " +<../backends/tflm/bare_metal.c>"
reference = os.environ.get("SOTTO_REFERENCE")
if reference:
    sources += " +<../compare/>"
    env.Append(CPPPATH=[reference], CPPDEFINES=[("SOTTO_COMPARE_KERNELS", "1")])
env.Replace(SRC_FILTER=[text.replace("+<*>", sources) for text in env["SRC_FILTER"]])
if baud is not None:
    env.Append(CPPDEFINES=[("SOTTO_BAUD", f"{baud}u")])

env.Append(
    CPPPATH=[
        str(project / "firmware/lib/sotto/include"),
        str(project / "firmware/src"),
        str(generated),
    ],
    CPPDEFINES=[("SOTTO_BOARD_NAME", env.StringifyMacro(env["PIOENV"]))],
    CFLAGS=["-std=c11"],
    LINKFLAGS=["-Wl,--gc-sections", '-Wl,-Map,"${BUILD_DIR}/firmware.map"'],
)
if backend == "tflm":
    env.Append(
        # Its structs differ without the second one.
        CPPDEFINES=[("SOTTO_BACKEND", "SOTTO_BACKEND_TFLM"), "TF_LITE_STATIC_MEMORY"],
        CXXFLAGS=["-std=c++17", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"],
    )
    archive = os.environ.get("SOTTO_TFLM_ARCHIVE")
    if archive:
        env.Append(
            CPPPATH=os.environ.get("SOTTO_TFLM_INCLUDE", "").split(os.pathsep),
            LIBS=[env.File(archive)],
        )
    else:  # PlatformIO builds the library with the flags of this project
        env.Append(BUILD_UNFLAGS=["-Werror"])
if bare_metal:
    if backend == "tflm":  # it takes nothing of the C++ library but headers
        env.Replace(LINK="$CC")
        env.Append(LIBS=["m"])
    library = env.BoardConfig().get("build.c_library", "--specs=nano.specs")
    env.Append(LINKFLAGS=["-nostartfiles", library])
env.BuildSources("${BUILD_DIR}/generated", str(generated))
# From PlatformIO's cache it would come without the map beside it, which sizes are read from.
env.NoCache("${BUILD_DIR}/firmware.elf")
