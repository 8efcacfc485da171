#!/usr/bin/env bash
# Installs what `make fuzz` needs beside `make setup`: clang, and its fuzzer, a package of its version.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v clang >/dev/null || bash .ci/install.sh "make fuzz" clang
case $(clang -print-file-name=libclang_rt.fuzzer-x86_64.a) in
  */*) ;;
  *) bash .ci/install.sh "make fuzz" "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev" ;;
esac
