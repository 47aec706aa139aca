#!/bin/sh
# Usage: sass_test.sh EXPECTATIONS OBJECT...
# Looks at the machine code of the compiled kernels: that it has the instructions which make them fast, on every GPU that
# they are compiled for, no access to local memory (registers that were spilled, arrays that did not fit into them), and
# no trap, with which nvcc ends code that it could not make without saying so.
# Needs cuobjdump (in $WISK_CUOBJDUMP or the PATH): part of a whole CUDA toolkit, or PyPI's nvidia-cuda-cuobjdump.
# Without it exits with 77, skipped.
set -eu
cuobjdump=${WISK_CUOBJDUMP:-cuobjdump}
if ! command -v "$cuobjdump" > /dev/null; then
  echo "SKIPPED: cuobjdump was not found; it comes with the CUDA toolkit, or pip install nvidia-cuda-cuobjdump and set WISK_CUOBJDUMP"
  exit 77
fi
expectations=$1
shift
code=$(mktemp)
trap 'rm -f "$code"' EXIT
for object in "$@"; do
  echo "Object : $(basename "$object" .cu.o)"
  "$cuobjdump" -sass "$object"
done > "$code"

# A line of code: "        /*0660*/   @!P0 LDG.E.128 R8, desc[UR12][R20.64] ;   /* 0x... */".
awk '
  function fail(what) { print "FAILED: " what; failures++ }
  FNR == NR {
    if ($0 ~ /^[ \t]*(#|$)/) next
    rules++
    rule_object[rules] = $1; rule_kernel[rules] = $2; rule_instruction[rules] = $3; rule_least[rules] = $4
    next
  }
  $1 == "Object" { object = $3; next }
  $1 == "arch" { arch = $3; archs[arch] = 1; next }
  $1 == "Function" { kernel = object " " arch " " $3; kernels[kernel] = 1; next }
  $1 ~ /^\/\*[0-9a-f]+\*\/$/ {
    instruction = ($2 ~ /^@/) ? $3 : $2
    lines++
    if (instruction ~ /^(STL|LDL)/) local[kernel]++
    if (instruction ~ /^BPT\.TRAP/) traps[kernel]++
    for (r = 1; r <= rules; r++) if (instruction ~ ("^" rule_instruction[r])) count[r, kernel]++
  }
  END {
    if (lines == 0) fail("no code found")
    for (kernel in local) fail(kernel ": " local[kernel] " accesses to local memory")
    for (kernel in traps) fail(kernel ": " traps[kernel] " traps")
    for (r = 1; r <= rules; r++) {
      seen = 0
      for (kernel in kernels) {
        split(kernel, part, " ")
        if (part[1] != rule_object[r] || index(part[3], rule_kernel[r]) == 0) continue
        seen++
        if (count[r, kernel] + 0 < rule_least[r])
          fail(kernel ": expected at least " rule_least[r] " " rule_instruction[r] ", found " count[r, kernel] + 0)
      }
      if (seen == 0) fail("no kernel \"" rule_kernel[r] "\" in " rule_object[r])
    }
    for (kernel in kernels) all++
    for (arch in archs) names = names " " arch
    print all " kernels, " lines " instructions," names ", " rules " expectations"
    exit failures > 0
  }' "$expectations" "$code"
