"""SCons script of the platform: compilers from PATH, flags from the board's manifest.

A manifest (boards/*.json) says in `build`: `toolchain_prefix` ("" is this computer's compiler),
`cpu_flags`, which compiler and linker both need, and where it is not newlib's small one the
`c_library`, a flag for both, too.
"""

import sys

from SCons.Script import AlwaysBuild, Default, DefaultEnvironment

env = DefaultEnvironment()
board = env.BoardConfig()
prefix = board.get("build.toolchain_prefix")
cpu_flags = board.get("build.cpu_flags", [])
library = board.get("build.c_library", "")

env.Replace(
    AR=prefix + "gcc-ar",
    AS=prefix + "gcc",
    CC=prefix + "gcc",
    CXX=prefix + "g++",
    RANLIB=prefix + "gcc-ranlib",
    OBJCOPY=prefix + "objcopy",
    SIZETOOL=prefix + "size",
    ARFLAGS=["rc"],
    SIZEPROGREGEXP=r"^(?:\.text|\.data|\.rodata|\.ARM\.exidx)\s+(\d+).*",
    SIZEDATAREGEXP=r"^(?:\.data|\.bss|\.noinit|\.stack)\s+(\d+).*",
    SIZECHECKCMD="$SIZETOOL -A -d $SOURCES",
    SIZEPRINTCMD="$SIZETOOL -B -d $SOURCES",
    PROGNAME="firmware",
    PROGSUFFIX=".elf",
)
env.Append(
    ASFLAGS=cpu_flags,
    ASPPFLAGS=["-x", "assembler-with-cpp"],
    CCFLAGS=[*cpu_flags, *([library] if library else [])],
    LINKFLAGS=cpu_flags,
)

program = env.BuildProgram()
build_program = env.Alias("buildprog", program)
AlwaysBuild(env.Alias("nobuild", program))
env.AddPlatformTarget(
    "size",
    program,
    env.VerboseAction("$SIZEPRINTCMD", "Calculating size of $SOURCE"),
    "Program Size",
    "Show how much flash and RAM the firmware takes",
)


def host_tools(verb, message):
    """Return an action that lets sotto's own tools handle the built program."""
    command = f'"{sys.executable}" -m host_tools.flash {verb} $PIOENV "$SOURCE"'
    return env.VerboseAction(command, message)


env.AddPlatformTarget(
    "upload",
    program,
    [host_tools("upload", "Uploading $SOURCE")],
    "Upload",
    "Write the firmware to the board, or start it in the emulator",
)
env.AddPlatformTarget(
    "exec",
    program,
    [host_tools("exec", "Running $SOURCE")],
    "Execute",
    "Run the firmware in the emulator until Ctrl-C",
)

Default([build_program])
