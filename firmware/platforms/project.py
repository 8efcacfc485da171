# ruff: noqa: F821  (SCons defines Import and env)
"""What every environment of platformio.ini adds to its build, whatever its platform is.

Three variables choose what is built, so that one clone builds all of it:

- SOTTO_GENERATED: folder of the generated model (default `generated`), relative to the project.
- SOTTO_PROGRAM: `firmware` (default), or `mlperf`: the same model under the serial protocol of the
  benchmark MLPerf Tiny, and nothing of sotto's own (docs/mlperf.md).
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
if env.BoardConfig().get("build.ldscript", ""):  # bare metal: the ports bring their own start-up
    library = env.BoardConfig().get("build.c_library", "--specs=nano.specs")
    env.Append(LINKFLAGS=["-nostartfiles", library])
env.BuildSources("${BUILD_DIR}/generated", str(generated))
