"""What every environment of platformio.ini adds to its build, whatever its platform is.

The generated model is compiled from the folder that SOTTO_GENERATED names (default `generated`,
relative to the project), so that one clone builds firmware for many models.
"""

import os
from pathlib import Path

Import("env")  # noqa: F821  (SCons defines it)

project = Path(env.subst("$PROJECT_DIR"))  # noqa: F821
generated = (project / os.environ.get("SOTTO_GENERATED", "generated")).resolve()
if not (generated / "sotto_model.h").is_file():
    raise SystemExit(
        f"No generated model in {generated}: run `sotto export`, or set SOTTO_GENERATED to the "
        "folder that holds sotto_model.h."
    )

env.Append(  # noqa: F821
    CPPPATH=[str(project / "firmware/lib/sotto/include"), str(project / "firmware/src"), str(generated)],
    CPPDEFINES=[("SOTTO_BOARD_NAME", env.StringifyMacro(env["PIOENV"]))],  # noqa: F821
    CFLAGS=["-std=c11"],
    LINKFLAGS=["-Wl,--gc-sections", "-Wl,-Map,${BUILD_DIR}/firmware.map"],
)
env.BuildSources("${BUILD_DIR}/generated", str(generated))  # noqa: F821
