# ruff: noqa: F821  (SCons defines Import and env)
"""What every environment of platformio.ini adds to its build, whatever its platform is.

The generated model is compiled from the folder that SOTTO_GENERATED names (default `generated`,
relative to the project), so that one clone builds firmware for many models.
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
