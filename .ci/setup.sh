#!/usr/bin/env bash
# Prepares a bare Debian or Ubuntu machine: compilers and emulator from the distribution, Python from the lock.
# Exit 2 when something is missing that this user may not install; the exact command is printed.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
venv=.venv

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
fail() { printf 'error: %s\n  next: %s\n' "$1" "$2" >&2; exit 2; }

# command -> Debian package
declare -A packages=(
  [gcc]=gcc [git]=git
  [arm-none-eabi-gcc]=gcc-arm-none-eabi
  [qemu-system-arm]=qemu-system-arm
)
missing=()
for command in "${!packages[@]}"; do
  command -v "$command" >/dev/null || missing+=("${packages[$command]}")
done
[ -e /usr/include/stdio.h ] || missing+=(libc6-dev)
# newlib has no command of its own: ask the compiler
if ! command -v arm-none-eabi-gcc >/dev/null ||
   [ "$(arm-none-eabi-gcc -print-file-name=libc_nano.a)" = libc_nano.a ]; then
  missing+=(libnewlib-arm-none-eabi)
fi
command -v "$python" >/dev/null ||
  fail "no Python found (looked for python3.11, python3.12, python3)" "install Python 3.11 or 3.12"
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
case $version in
  3.11 | 3.12) ;;
  *) fail "Python $version is not supported" "install Python 3.11 or 3.12 and run: make PYTHON=python3.11 setup" ;;
esac
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=("python$version-venv")
[ -e "$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] ||
  missing+=("python$version-dev")

if [ ${#missing[@]} -gt 0 ]; then
  install=(apt-get install -y --no-install-recommends "${missing[@]}")
  command -v apt-get >/dev/null ||
    fail "missing: ${missing[*]} (Debian package names) and no apt-get here" "install them with your system's package manager"
  if [ "$(id -u)" = 0 ]; then root=(env DEBIAN_FRONTEND=noninteractive)
  elif sudo -n true 2>/dev/null; then root=(sudo env DEBIAN_FRONTEND=noninteractive)
  else fail "missing: ${missing[*]}, and no right to install them" "sudo ${install[*]}"; fi
  say "installing ${missing[*]}"
  "${root[@]}" apt-get update -qq
  "${root[@]}" "${install[@]}" >&2
fi

[ -x $venv/bin/python ] || { say "creating $venv with Python $version"; "$python" -m venv $venv; }
say "installing the locked Python packages (about 2 GB the first time)"
$venv/bin/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock >&2
say "building the front-end extension"
$venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
say "ready: $venv/bin/sotto --help"
