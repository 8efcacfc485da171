"""Fuzzes every target with libFuzzer for so much processor time: `make fuzz`.

A crash leaves its input in build/fuzz/<target>/ and ends with exit code 1.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
from pathlib import Path

from fuzz_targets import TARGETS, build_target, unpack, write_corpus

CLANG = ("clang", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all")
INPUT_MAX_BYTES = 4096
SLICE_S = 60.0
"""Wall time of one run of the fuzzer; a busy machine takes several to spend the time."""


def main() -> int:
    """Exit 0 when no target crashed, 1 when one did, 2 without a fuzzer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=300.0, help="processor time a target")
    parser.add_argument("--build", type=Path, default=Path("build/fuzz"), help="where it works")
    parser.add_argument("--keep", action="store_true", help="write what is new to the corpus")
    parser.add_argument("target", nargs="*", default=list(TARGETS), help=", ".join(TARGETS))
    options = parser.parse_args()
    if shutil.which(CLANG[0]) is None:
        print("error: clang is missing\n  next: apt-get install clang", file=sys.stderr)
        return 2
    return max(fuzz(name, options.seconds, options.build, options.keep) for name in options.target)


def fuzz(name: str, seconds: float, build: Path, keep: bool) -> int:
    """Spend processor time on a target; 0 when it did not crash."""
    folder = (build / name).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    program = build_target(name, folder, [], CLANG)
    found = folder / "corpus"
    known = len(unpack(name, found))
    begun_s = _children_s()
    while (left_s := seconds - (_children_s() - begun_s)) > 0:
        done = subprocess.run(
            [
                str(program),
                str(found),
                f"-max_total_time={max(1, round(min(left_s, SLICE_S)))}",
                f"-max_len={INPUT_MAX_BYTES}",
                f"-artifact_prefix={folder}/",
                "-print_final_stats=1",
            ],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            print(f"{name} crashed; its input lies in {folder}\n{done.stderr[-4000:]}")
            return 1
    print(
        f"{name}: {_children_s() - begun_s:.0f} s, {len(list(found.iterdir()))} inputs, "
        f"{known} of them known before"
    )
    if keep:
        smallest = folder / "smallest"
        smallest.mkdir()
        subprocess.run([str(program), "-merge=1", str(smallest), str(found)], check=True)
        write_corpus(name, [path.read_bytes() for path in smallest.iterdir()])
    return 0


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
