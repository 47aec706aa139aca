#!/usr/bin/env bash
# cmake/build.sh PRESET [TARGET...]: configures once, then builds what changed. Quiet unless something fails.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1; shift
log=build/$preset.log
mkdir -p build
if [ ! -e "build/$preset/build.ninja" ]; then
  echo "configuring build/$preset" >&2
  cmake --preset "$preset" >"$log" 2>&1 || { cat "$log" >&2; exit 4; }
fi
echo "building build/$preset (log: $log)" >&2
cmake --build "build/$preset" ${1:+--target "$@"} >"$log" 2>&1 || { grep -E "error|FAILED" -A 3 "$log" >&2 || tail -30 "$log" >&2; exit 4; }
