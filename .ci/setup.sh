#!/usr/bin/env bash
# Prepares a bare Debian or Ubuntu machine: compilers and emulator from the distribution, Python from the lock.
# Exit 2 when it cannot go on, with what is wrong and the exact next step. Run again after any interruption.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv
begun=$venv/.begun   # who is installing packages; after an interruption it says not to trust what is there
locked=$venv/.locked # the lock file that the installed packages come from

say() { printf '==> %s\n' "$*" >&2; }
fail() { printf 'error: %s\n  next: %s\n' "$1" "$2" >&2; exit 2; }
trap 'exit 130' INT
trap 'exit 143' TERM

system=$(uname -sm)
[ "$system" = "Linux x86_64" ] ||
  fail "this is $system, and TFLite-Micro's Python package exists for Linux on x86-64 only" \
    "use such a machine, WSL on Windows, or a container: docker run -it --platform linux/amd64 debian:12"

# Python: the one asked for, else the one that .venv has, else the distribution's
probe='
import importlib.util, os, sys, sysconfig
print("%d.%d" % sys.version_info[:2])
print(getattr(sys, "_base_executable", "") or sys.executable)
print("venv" if all(map(importlib.util.find_spec, ("venv", "ensurepip"))) else "-")
print("headers" if os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")) else "-")
'
if [ -e $begun ]; then
  other=$(cat $begun)
  if kill -0 "$other" 2>/dev/null; then
    fail "another set-up is at work here (process $other)" "wait until it has ended, then: make setup"
  fi
  say "the last set-up was interrupted: beginning $venv anew"
  rm -rf $venv
fi
candidates=($venv/bin/python python3.11 python3.12 python3)
[ -z "${PYTHON:-}" ] || candidates=("$PYTHON")
refused=
for candidate in "${candidates[@]}"; do
  facts=$("$candidate" -c "$probe" 2>/dev/null) || continue
  { read -r version; read -r python; read -r has_venv; read -r has_headers; } <<<"$facts"
  case $version in
    3.11 | 3.12) break ;;
    *) refused="Python $version is not supported"; version= ;;
  esac
done
[ -n "${version:-}" ] || fail "${refused:-no Python found (looked for ${PYTHON:-python3.11, python3.12, python3})}" \
  "install Python 3.11 or 3.12, then: make PYTHON=python3.11 setup"

# what the distribution must give
missing=()
command -v git >/dev/null || missing+=(git)
command -v gcc >/dev/null || missing+=(gcc)
gcc -E -include stdio.h -x c /dev/null >/dev/null 2>&1 || missing+=(libc6-dev)
[ "$has_venv" = venv ] || missing+=("python$version-venv")
[ "$has_headers" = headers ] || missing+=("python$version-dev")
command -v arm-none-eabi-gcc >/dev/null || missing+=(gcc-arm-none-eabi)
# newlib has no command of its own: the compiler answers with the bare name when it has none
case $(arm-none-eabi-gcc -print-file-name=libc_nano.a 2>/dev/null) in
  */*) ;;
  *) missing+=(libnewlib-arm-none-eabi) ;;
esac
command -v qemu-system-arm >/dev/null || missing+=(qemu-system-arm)
command -v riscv64-unknown-elf-gcc >/dev/null || missing+=(gcc-riscv64-unknown-elf)
case $(riscv64-unknown-elf-gcc -print-file-name=picolibc.specs 2>/dev/null) in
  */*) ;;
  *) missing+=(picolibc-riscv64-unknown-elf) ;;
esac
command -v xtensa-lx106-elf-gcc >/dev/null || missing+=(gcc-xtensa-lx106)
command -v qemu-system-riscv32 >/dev/null || missing+=(qemu-system-misc)

[ ${#missing[@]} -eq 0 ] || bash .ci/install.sh "make setup" "${missing[@]}"

# .venv: kept when it is whole and of the wanted Python
its_version='import pip, sys; print("%d.%d" % sys.version_info[:2])'
if [ -d $venv ] && [ "$($venv/bin/python -c "$its_version" 2>/dev/null)" != "$version" ]; then
  say "$venv is broken or has another Python: beginning it anew"
  rm -rf $venv
fi
if [ ! -d $venv ]; then
  say "creating $venv with Python $version"
  mkdir $venv && echo $$ >$begun
  if ! "$python" -m venv $venv >&2; then
    rm -rf $venv
    fail "$python made no $venv (its own words are above)" "mend that, then: make setup"
  fi
fi
echo $$ >$begun
options=(--disable-pip-version-check --require-hashes)
if cmp -s requirements.lock $locked; then
  options+=(--quiet) # nothing to download: this only mends what somebody removed
else
  say "installing the locked Python packages (the first time: 0.8 GB to download, 2.6 GB on disk)"
fi
if ! $venv/bin/python -m pip install "${options[@]}" -r requirements.lock >&2; then
  rm -f $begun # pip undoes its own failures
  fail "pip did not install the locked packages (its own words are above)" \
    "check the network and the disk, then: make setup"
fi
cp requirements.lock $locked
rm -f $begun

say "building the front-end extension"
built=$($venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable . 2>&1) ||
  fail "the front-end extension was not built: $built" "mend what the compiler names, then: make setup"
say "ready: $venv/bin/sotto --help"
