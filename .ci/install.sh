#!/usr/bin/env bash
# Installs packages of Debian or Ubuntu: install.sh "COMMAND TO RUN NEXT" PACKAGE...
# Exit 2 when it cannot, with what is wrong and the exact next step.
set -euo pipefail

next=$1
missing=("${@:2}")
say() { printf '==> %s\n' "$*" >&2; }
fail() { printf 'error: %s\n  next: %s\n' "$1" "$2" >&2; exit 2; }

command -v apt-get >/dev/null || fail "missing: ${missing[*]} (Debian's names) and no apt-get here" \
  "install them with this system's package manager, then: $next"
# a machine that has just started may be updating itself: wait for its lock
install=(apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}")
by_hand="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
root=(env DEBIAN_FRONTEND=noninteractive)
if [ "$(id -u)" = 0 ]; then :
elif sudo -n true 2>/dev/null; then root=(sudo "${root[@]}")
elif command -v sudo >/dev/null; then
  fail "missing: ${missing[*]}, and no right to install them" "sudo sh -c '$by_hand'"
else
  fail "missing: ${missing[*]}, and no right to install them" "su -c '$by_hand'"
fi
say "installing ${missing[*]}"
# a foreign source that does not answer need not stop this: the installation tells
"${root[@]}" apt-get update -qq >&2 || say "apt-get update failed: trying with the lists that are here"
"${root[@]}" "${install[@]}" >&2 ||
  # an interrupted installation is finished first, as apt-get itself advises
  { "${root[@]}" dpkg --configure -a >&2 && "${root[@]}" "${install[@]}" >&2; } ||
  fail "apt-get did not install ${missing[*]} (its own words are above)" "mend that, then: $next"
