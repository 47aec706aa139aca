# shellcheck shell=bash
# Helpers of tests/gpu/run: steps with a time limit and a line each, how to build, the table.

begin_steps() { # seconds for all
  deadline=$((SECONDS + $1)) failed=0 rows='' lines=''
  : >"$OUT/gpu.log"
  rm -f "$OUT/performance-gpu.md"
  export -f build_engine sanitize pack_options two_ranks
}

say() { # line: printed, and kept for the summary
  echo "$1"
  lines+="$1"$'\n'
}

step() { # name seconds command...: its output in $OUT/step.log and gpu.log; false if it failed
  local name=$1 limit=$(($2 * ${PATIENCE:-1})) left=$((deadline - SECONDS)) begin=$SECONDS status
  shift 2
  if [ $left -lt 10 ]; then say "$name: skipped, no time left"; return 0; fi
  [ $left -ge "$limit" ] || limit=$left
  case $(type -t "$1") in
    function) set -- bash -uo pipefail -c '"$@"' - "$@" ;;
  esac
  timeout -k 5 "$limit" "$@" >"$OUT/step.log" 2>&1
  status=$?
  { echo "=== $name: $*"; cat "$OUT/step.log"; echo "=== status $status after $((SECONDS - begin)) s"; } >>"$OUT/gpu.log"
  rows+=$(grep '^| ' "$OUT/step.log")$'\n'
  local reason
  # A GPU is there: its tests may not say that there is none.
  [ $status != 0 ] || [ -z "$gpu" ] || ! grep -q '^SKIPPED: no GPU' "$OUT/step.log" || status='0, but saw no GPU'
  if [ "$status" = 0 ] && reason=$(grep -m 1 '^SKIPPED' "$OUT/step.log"); then
    say "$name: skipped${reason#SKIPPED}"
  elif [ "$status" = 0 ]; then
    say "$name: passed, $((SECONDS - begin)) s"
  else
    failed=$((failed + 1))
    case $status in
      '0, but saw no GPU') say "$name: FAILED, it saw no GPU" ;;
      124 | 137) say "$name: FAILED, over its $limit s" ;;
      *) say "$name: FAILED, status $status" ;;
    esac
    tail -n 25 "$OUT/step.log"
    return 1
  fi
}

gpu_step() { # the same where there is a GPU
  if [ -z "$gpu" ]; then say "$1: skipped, no GPU"; return 0; fi
  step "$@"
}

first_number() { # of the last step
  sed -n 1p "$OUT/step.log" 2>/dev/null | grep -xE '[0-9.e+]+' || true
}

summary() { # ends the script
  rm -f "$OUT/step.log"
  printf '\n%s%s\n' "$lines" "tests/gpu/run: $([ "$failed" = 0 ] && echo 'nothing failed' || echo "$failed steps FAILED"); $SECONDS s; $OUT"
  [ "$failed" = 0 ] || exit 1
  exit 0
}

pack_options() { # how CMake finds what is only in the pack; run as a command it prints nothing else
  local lib=$PACK/usr/lib/x86_64-linux-gnu
  [ -d "$lib" ] || return 0
  echo "-DCMAKE_PREFIX_PATH=$PACK/usr"
  echo "-DCMAKE_EXE_LINKER_FLAGS=-Wl,--disable-new-dtags,-rpath,$lib,-rpath-link,$lib"
  if ! command -v mpicxx >/dev/null && [ -e "$lib/libmpi.so.40" ]; then
    echo "-DMPI_CXX_LIB_NAMES=mpi"
    echo "-DMPI_mpi_LIBRARY=$lib/openmpi/lib/libmpi.so"
    echo "-DMPI_CXX_HEADER_DIR=$lib/openmpi/include"
    echo "-DMPI_CXX_SKIP_MPICXX=ON"
    echo "-DWISK_MPIEXEC=$PACK/bin/mpiexec"
  fi
}

build_engine() {
  local options architecture
  mapfile -t options < <(pack_options)
  [ -n "${PKG_CONFIG:-}" ] || command -v pkg-config >/dev/null || export PKG_CONFIG=$PACK/bin/pkg-config
  architecture=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | sed -n '1s/\.//p')
  options+=("-DCMAKE_CUDA_ARCHITECTURES=${architecture:-90}-real")
  [ -z "${NCCL_INCLUDE:-}" ] || options+=("-DWISK_NCCL_INCLUDE_DIR=$NCCL_INCLUDE")
  cmake --preset engine "${options[@]}" && cmake --build --preset engine
}

two_ranks() { # a test of two ranks on one GPU
  local mpiexec
  mpiexec=$(sed -n 's/^WISK_MPIEXEC:[A-Z]*=//p' "$BUILD/CMakeCache.txt")
  [ -x "$BUILD/tests/cuda_ranks_gpu_test" ] || { echo "SKIPPED: not built, for it needs Open MPI"; return 0; }
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 \
    "$mpiexec" -n 2 "$BUILD/tests/cuda_ranks_gpu_test"
}

sanitize() { # tool filter
  command -v compute-sanitizer >/dev/null || { echo "SKIPPED: compute-sanitizer is not there"; return 0; }
  compute-sanitizer --tool "$1" --error-exitcode 9 --print-limit 20 "$BUILD/tests/cuda_kernels_gpu_test" --gtest_brief=1 --gtest_filter="$2-*Death*"
}

write_table() { # GPU
  local query=driver_version,clocks.current.sm,clocks.max.sm,clocks.current.memory,power.limit
  echo "Machine: ${1:-no GPU}; $(nproc) processors; $(nvcc --version | sed -n 's/.*release //p'); $(date -u +%F)."
  echo "$query: $(nvidia-smi --query-gpu=$query --format=csv,noheader 2>/dev/null || echo unknown)."
  echo "Source: $(git rev-parse --short HEAD 2>/dev/null || echo 'no git'). Command: \`SHAPES=\"$SHAPES\" BATCHES=$BATCHES tests/gpu/run\`. Medians (smallest to largest)."
  printf '\n| what | figure |\n|---|---|\n%s' "$(printf '%s' "$rows" | sed '/^$/d')"
  echo
  printf '\n%s' "$lines" | sed 's/^./- &/'
}
