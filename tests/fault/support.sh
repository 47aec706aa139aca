# What kill.sh and faults.sh share: a short job, runs of it that can be disturbed, and what is in their journals.
# Sourced by bash. Expects: work (a temporary folder whose path is in the command line of every run), wisk, mpiexec.
# bash, coreutils, grep, procps and util-linux only: it runs where there is no Python.

export LC_ALL=C
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_mpi_yield_when_idle=1

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# Every run that is compared with another has the same settings: results.h5 holds the resolved job.
sets=(engine.threads=1 engine.max_batch=1 engine.save_seconds=0.5 engine.heartbeat_seconds=3
  engine.disk_wait_seconds=3)

give_up() {
  echo "$(basename "$0"): $*" >&2
  exit 2
}

# A command's answer to "is there one": the first of the arguments that can be run.
first_program() {
  local program
  for program; do
    if command -v "$program" >/dev/null; then
      command -v "$program"
      return
    fi
  done
}

find_programs() {
  [[ -n $wisk ]] || wisk=$root/build/release/bin/wisk
  [[ -x $wisk ]] || give_up "expected the program wisk, found none at $wisk (--wisk PATH)"
  wisk=$(realpath "$wisk")
  if [[ -z $mpiexec ]]; then mpiexec=$(first_program mpiexec mpirun || true); fi
  command -v pgrep >/dev/null || give_up "expected pgrep (package procps), found none"
  can_fsck=no
  if "$wisk" fsck --help >/dev/null 2>&1; then can_fsck=yes; fi
}

# Keeps what MPI leaves behind when it is killed inside `work`.
contain_mpi() {
  mkdir -p "$work/tmp"
  export TMPDIR=$work/tmp OMPI_MCA_btl_vader_backing_directory=$work/tmp OMPI_MCA_btl_sm_backing_directory=$work/tmp
}

# FOLDER: the demo cut down to seconds: a dozen problems, three blends, 40 samples each.
make_job() {
  mkdir -p "$1"
  head -n 12 "$root/jobs/demo/problems.jsonl" >"$1/problems.jsonl"
  cat >"$1/task.yaml" <<END
name: reduced
data: problems.jsonl
fields: {id: id, question: question, gold: answer}
prompt: {template: "{question}\n"}
answer: {checker: number}
END
  cat >"$1/job.yaml" <<END
name: reduced
seed: 17
checkpoints: {early: ${2:-$root/jobs/demo/checkpoints}/step-0005, late: ${2:-$root/jobs/demo/checkpoints}/step-0500}
blend: {delta: [0, 0.4, 1]}
decode: {samples: 40, max_tokens: 48}
task: task.yaml
k: [1, 4, 16]
END
}

microseconds() { echo "${EPOCHREALTIME/[.,]/}"; }

as_seconds() { printf '%d.%01d' $(($1 / 1000000)) $(($1 / 100000 % 10)); }

sleep_us() { sleep "$(printf '%d.%06d' $(($1 / 1000000)) $(($1 % 1000000)))"; }

# What runs are started with, such as `env NAME=VALUE`.
prefix=()

# DIRECTORY RANKS LOG: `wisk run` of $job in the background; 0 ranks: without mpiexec. Sets run_pid, run_begin.
start_run() {
  local set command=("$wisk" run "$job/job.yaml" --out "$1")
  for set in "${sets[@]}"; do command+=(--set "$set"); done
  if (($2 > 0)); then command=("$mpiexec" -n "$2" "${command[@]}"); fi
  command=("${prefix[@]}" "${command[@]}")
  run_begin=$(microseconds) run_log=$3
  setsid "${command[@]}" >"$3" 2>&1 </dev/null &
  run_pid=$!
}

# Whether the last run's first process is there.
running() { kill -0 "$run_pid" 2>/dev/null; }

# SECONDS: waits for the end of the last run. Sets status and seconds; false when it had to be ended, with
# ranks_at_limit, the ranks that were there then.
wait_for_end() {
  local limit=$(($(microseconds) + $1 * 1000000)) in_time=0
  while running; do
    if (($(microseconds) > limit)); then
      in_time=1
      ranks_at_limit=$(ranks_in "$work")
      {
        echo "--- did not end in $1 s; processes at that time:"
        ps -eo pid,ppid,stat,wchan:20,args | grep -F -- "$work" | grep -vF 'grep -F' | cut -c1-160 || true
      } >>"${run_log:-/dev/null}"
      end_processes "$work"
      break
    fi
    sleep 0.02
  done
  status=0
  wait "$run_pid" 2>/dev/null || status=$?
  seconds=$(as_seconds $(($(microseconds) - run_begin)))
  return $in_time
}

# SECONDS: whether the last run ends by then.
ends_within() {
  local limit=$(($(microseconds) + $1 * 1000000))
  while running; do
    if (($(microseconds) > limit)); then return 1; fi
    sleep 0.05
  done
}

# TEXT: processes that have it in their command line.
processes_with() { pgrep -f -- "$1" | grep -vx "$$" || true; }

# DIRECTORY: process ids of the ranks that work there or below.
ranks_in() {
  local id
  for id in $(processes_with "--out $1"); do
    if [[ $(readlink "/proc/$id/exe" 2>/dev/null) == "$wisk" ]]; then echo "$id"; fi
  done
}

# PROCESS: its rank, by the launcher's environment; 0 for a process by itself.
rank_of() {
  local line
  line=$( (tr '\0' '\n' <"/proc/$1/environ") 2>/dev/null | grep '^OMPI_COMM_WORLD_RANK=' || true)
  echo "${line#*=}" | grep . || echo 0
}

end_processes() {
  local id
  for id in $(processes_with "$1"); do
    kill -KILL "$id" 2>/dev/null || true
    kill -CONT "$id" 2>/dev/null || true
  done
}

# TEXT SECONDS: waits until no process has it in its command line. Prints those that are left, and ends them.
left_over() {
  local limit=$(($(microseconds) + $2 * 1000000)) left
  while left=$(processes_with "$1") && [[ -n $left ]]; do
    if (($(microseconds) > limit)); then
      local id
      for id in $left; do
        echo "$id ($(ps -o stat=,etimes=,args= -p "$id" 2>/dev/null | cut -c1-100))"
      done
      end_processes "$1"
      return
    fi
    sleep 0.05
  done
}

# DIRECTORY: ids (arm, problem, sample; 24 hexadecimal digits) of the whole sample records in its journals, read
# without wisk (docs/journal-format.md): WJRC, type 1, payload bytes u64, two checksums, payload.
finished_samples() {
  local file size match at header bytes
  for file in "$1"/journal/*.journal; do
    size=$(stat -c %s "$file" 2>/dev/null) || continue
    od -An -v -tx1 -N "$size" "$file" 2>/dev/null | tr -d ' \n' |
      { grep -obE '574a524301000000[0-9a-f]{72}' || true; } |
      while IFS=: read -r at match; do
        header=${match:16:16}
        bytes=$((16#${header:6:2}${header:4:2}${header:2:2}${header:0:2}))
        if ((at % 2 == 0 && at / 2 + 32 + bytes <= size)); then echo "${match:64:24}"; fi
      done || true
  done | sort -u || true
}

# FILE FILE: ids that the first has and the second lacks.
lost_samples() { comm -23 "$1" "$2" | wc -l; }

# Ends what was started, unmounts and removes the temporary folder.
clean_up() {
  local mount
  end_processes "$work"
  if [[ -n ${run_pid:-} ]]; then wait "$run_pid" 2>/dev/null || true; fi
  for mount in $(grep -oE " $work/[^ ]*" /proc/self/mounts | sort -r); do
    umount "$mount" 2>/dev/null || umount -l "$mount" 2>/dev/null || true
  done
  rm -rf "$work"
}
