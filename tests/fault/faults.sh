#!/usr/bin/env bash
# Provokes each fault once and prints what wisk said, what was lost and how long it took to end, as a Markdown table:
#   tests/fault/faults.sh [--wisk PATH] [--mpiexec PATH] [--only PATTERN]
# Every row also checks the exit status, and that the same command then ends with the bytes of a run that was left
# alone. Exit status 1 when a check fails. Full and read-only disks need root; EIO, EDQUOT, short writes, a slow
# disk and a jumping clock need a C compiler (a small library is preloaded). What is not possible is skipped.
set -euo pipefail

wisk= mpiexec= only=
while (($# > 0)); do
  case $1 in
    --wisk) wisk=$2 && shift ;;
    --mpiexec) mpiexec=$2 && shift ;;
    --only) only=$2 && shift ;;
    *) echo "usage: $0 [--wisk PATH] [--mpiexec PATH] [--only PATTERN]" >&2 && exit 2 ;;
  esac
  shift
done

source "$(dirname "$0")/support.sh"
find_programs
work=$(mktemp -d /tmp/wisk-faults.XXXXXX)
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
contain_mpi
exec 3>&2 2>"$work/noise"

# What bash itself said meanwhile, without its news of jobs that were killed.
finish() {
  exec 2>&3
  grep -vE 'Killed|Terminated|Hangup|User defined signal' "$work/noise" >&2 || true
  clean_up
}

plain=$work/plain disk=$work/disk log=$work/log failures=0
mkdir "$plain" "$disk"
can_mount=no
if ((EUID == 0)) && mount -t tmpfs -o size=16m wisk-faults "$disk" 2>/dev/null; then can_mount=yes; fi
cp -r "$root/jobs/demo/checkpoints" "$work/checkpoints"
job=$work/job
make_job "$job" "$work/checkpoints"
short_job=$job
make_job "$work/long-job" "$work/checkpoints"
sed -i 's/samples: 40/samples: 400/' "$work/long-job/job.yaml"

start_run "$plain/expected" 0 "$log"
wait_for_end 300 && ((status == 0)) || { cat "$log" && give_up "the undisturbed run ended with status $status"; }
cp "$plain/expected/results.h5" "$work/expected.h5"

# --- A fault that is preloaded -------------------------------------------------------------------------------
shim=
build_shim() {
  local compiler
  compiler=$(first_program cc gcc clang || true)
  [[ -n $compiler ]] || return 0
  cat >"$work/shim.c" <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
static int is(const char* fault) { const char* f = getenv("WISK_FAULT"); return f && strcmp(f, fault) == 0; }
static int is_journal(int fd) {
  char link[64], name[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, name, sizeof name);
  return n > 8 && memcmp(name + n - 8, ".journal", 8) == 0;
}
ssize_t write(int fd, const void* data, size_t bytes) {
  static ssize_t (*real)(int, const void*, size_t);
  static size_t written;
  if (!real) real = dlsym(RTLD_NEXT, "write");
  if (is_journal(fd)) {
    if ((written += bytes) > 40000 && (is("EIO") || is("EDQUOT"))) {
      if (is("EIO")) { errno = EIO; return -1; }
      errno = EDQUOT;
      return -1;
    }
    if (is("short") && bytes > 1) bytes = 1 + bytes / 3;
    if (is("slow")) usleep(1000);
  }
  return real(fd, data, bytes);
}
int fdatasync(int fd) {
  static int (*real)(int);
  static int count;
  if (!real) real = dlsym(RTLD_NEXT, "fdatasync");
  if (is_journal(fd)) {
    if (is("slow")) sleep(4);
    if (is("sync") && ++count > 1) { errno = EIO; return -1; }
  }
  return real(fd);
}
int clock_gettime(clockid_t clock, struct timespec* now) {
  static int (*real)(clockid_t, struct timespec*);
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, now);
  if (clock == CLOCK_REALTIME && is("clock")) now->tv_sec += now->tv_nsec / 250000000 % 2 ? 86400 * 400 : -86400 * 30;
  return result;
}
END
  "$compiler" -shared -fPIC -O1 -o "$work/shim.so" "$work/shim.c" -ldl 2>/dev/null && shim=$work/shim.so || true
}
build_shim

# --- The table -----------------------------------------------------------------------------------------------
row_name= outcome= lost=0 took=- message= bad=
echo "| fault | message | lost | seconds to end |"
echo "|---|---|---|---|"

complain() { bad+="${bad:+; }$*"; }

# What wisk said last that is no progress, without this folder's name.
last_message() {
  grep -E '^wisk: ' "$1" | grep -vE '(running|resuming) .* samples done|CPU, |samples \(|results in |interrupted; the same' |
    tail -n 1 | sed -e 's/^wisk: //' -e 's/warning: //' -e "s|$work/||g" -e 's/|/\\|/g' || true
}

print_row() {
  message=${message:-(none)}
  echo "| $row_name | $message | $lost | $took |"
  if [[ -n $bad ]]; then
    failures=$((failures + 1))
    echo "FAILED: $row_name: $bad"
    sed 's/^/    | /' "$log" | tail -n 20
  fi
  end_processes "$work"
  rm -rf "$work"/tmp/* "$disk"/*
}

skip() { echo "| $1 | skipped: $2 | | |"; }

# NAME: whether this row is wanted; begins it.
row() {
  row_name=$1 outcome= lost=0 took=- message= bad=
  prefix=()
  [[ -z $only || $1 =~ $only ]]
}

# DIRECTORY RANKS: a run with a good part of its samples in the journals.
start_and_wait() {
  out=$1
  rm -rf "$out"
  start_run "$out" "$2" "$log"
  local limit=$(($(microseconds) + 60000000))
  while running && (($(cat "$out"/journal/*.journal 2>/dev/null | wc -c) < 60000)); do
    (($(microseconds) < limit)) || break
    sleep 0.01
  done
  running || complain "the run ended before the fault"
  fault_begins
}

fault_begins() {
  finished_samples "$out" >"$work/before"
  fault_at=$(microseconds)
}

# SECONDS STATUS...: the end of the run after the fault.
ends() {
  local limit=$1 allowed
  shift
  wait_for_end "$limit" || complain "did not end within $limit s"
  took=$(as_seconds $(($(microseconds) - fault_at)))
  local left
  left=$(left_over "--out $out" 10)
  [[ -z $left ]] || complain "left over: $left"
  message=$(last_message "$log")
  [[ -n $message ]] || message=$(grep -E '^mpi(run|exec) noticed' "$log" | head -n 1 || true)
  finished_samples "$out" >"$work/after"
  lost=$(lost_samples "$work/before" "$work/after")
  ((lost == 0)) || complain "$lost finished samples are lost"
  for allowed; do
    if ((status == allowed)); then return; fi
  done
  complain "status $status instead of $*"
}

says() { [[ $message =~ $1 ]] || complain "the message lacks \"$1\""; }

same_bytes() { cmp -s "$out/results.h5" "${expected:-$work/expected.h5}" || complain "results.h5 differs from that of the undisturbed run"; }

# The same command again, without mpiexec: the bytes of the undisturbed run.
resumes() {
  prefix=()
  start_run "$out" 0 "$work/resume.log"
  if ! wait_for_end 120; then
    complain "the resumed run does not end"
  elif ((status != 0)); then
    complain "the resumed run ended with status $status: $(last_message "$work/resume.log")"
  else
    same_bytes
  fi
}

# --- Disks ---------------------------------------------------------------------------------------------------
fill_disk() { head -c 64M /dev/zero >"$disk/ballast" 2>/dev/null || true; }

if row "disk full"; then
  if [[ $can_mount == no ]]; then
    skip "$row_name" "cannot mount a small file system"
  else
    start_and_wait "$disk/run" 0
    fill_disk
    ends 60 4
    says "No space left on device"
    says "\.journal"
    rm "$disk/ballast"
    resumes
    print_row
  fi
fi

if row "disk full, two ranks"; then
  if [[ $can_mount == no || -z $mpiexec ]]; then
    skip "$row_name" "cannot mount a small file system, or no mpiexec"
  else
    start_and_wait "$disk/run" 2
    fill_disk
    ends 60 4
    says "No space left on device"
    rm "$disk/ballast"
    resumes
    print_row
  fi
fi

if row "disk full for half a second"; then
  if [[ $can_mount == no ]]; then
    skip "$row_name" "cannot mount a small file system"
  else
    start_and_wait "$disk/run" 0
    fill_disk
    sleep 0.5
    rm "$disk/ballast"
    ends 60 0
    same_bytes
    print_row
  fi
fi

if row "disk full before the run starts"; then
  if [[ $can_mount == no ]]; then
    skip "$row_name" "cannot mount a small file system"
  else
    fill_disk
    out=$disk/run
    fault_begins
    start_run "$out" 0 "$log"
    ends 60 4
    says "No space left on device"
    rm "$disk/ballast"
    resumes
    print_row
  fi
fi

# NAME FAULT STATUSES PATTERN: with the shim
shimmed() {
  if ! row "$1"; then return; fi
  if [[ -z $shim ]]; then
    skip "$row_name" "no C compiler for the preloaded library"
    return
  fi
  prefix=(env "LD_PRELOAD=$shim" "WISK_FAULT=$2")
  out=$plain/run-$2
  fault_begins
  start_run "$out" 0 "$log"
  # shellcheck disable=SC2086 # a list of statuses
  ends 60 $3
  [[ -z $4 ]] || says "$4"
  if ((status == 0)); then same_bytes; else resumes; fi
  print_row
}

shimmed "quota (write gives EDQUOT)" EDQUOT 4 "quota"

if row "file system becomes read-only"; then
  image=$work/image mounted=$work/ext4 errors=
  mkdir -p "$mounted"
  if [[ $can_mount == yes ]] && truncate -s 32M "$image" && mkfs.ext4 -q "$image" 2>/dev/null &&
    mount -o loop,errors=remount-ro "$image" "$mounted" 2>/dev/null; then
    errors=/sys/fs/ext4/$(basename "$(findmnt -no SOURCE "$mounted")")/trigger_fs_error
  fi
  if [[ ! -w $errors ]]; then
    skip "$row_name" "cannot mount an ext4 image"
  else
    start_and_wait "$mounted/run" 0
    echo "a fault test" >"$errors"
    ends 60 4
    says "Read-only file system"
    umount "$mounted"
    e2fsck -fy "$image" >/dev/null 2>&1 || true
    mount -o loop "$image" "$mounted"
    finished_samples "$out" >"$work/after"
    lost_by_disk=$(lost_samples "$work/before" "$work/after")
    lost="0 (after the repair of the disk $lost_by_disk)"
    resumes
    print_row
  fi
  umount "$mounted" 2>/dev/null || true
fi

shimmed "EIO from write" EIO 4 "Input/output error"
shimmed "EIO from fdatasync" sync 4 "Input/output error"
shimmed "short writes" short 0 ""
shimmed "slow disk (4 s a sync, 1 ms a write)" slow 0 ""
shimmed "clock jumps (by 430 days, four times a second)" clock 0 ""

# --- The run directory ---------------------------------------------------------------------------------------
# By hand: what is deleted is lost, and nothing else may be.
deleted_under_the_run() {
  start_and_wait "$plain/run-deleted" "$1"
  # One that makes a file while rm works is not to blame; it makes no folders.
  rm -rf "$out" || rm -rf "$out" || complain "rm -rf could not remove the folder: files are made in it again"
  : >"$work/before"
  ends 30 4
  says "run-deleted"
  lost="what was deleted"
  [[ ! -e $out ]] || complain "the deleted folder is there again, with $(ls "$out" | tr '\n' ' ')"
}

if row "results directory deleted, long before the end"; then
  job=$work/long-job
  deleted_under_the_run 0
  job=$short_job
  rm -rf "$out"
  resumes
  print_row
fi

if row "results directory deleted, near the end"; then
  deleted_under_the_run 0
  rm -rf "$out"
  resumes
  print_row
fi

if row "results directory deleted, two ranks"; then
  if [[ -z $mpiexec ]]; then
    skip "$row_name" "no mpiexec"
  else
    job=$work/long-job
    deleted_under_the_run 2
    job=$short_job
    rm -rf "$out"
    resumes
    print_row
  fi
fi

if row "a second run while one is alive"; then
  start_and_wait "$plain/run-second" 0
  first=$run_pid first_begin=$run_begin
  start_run "$out" 0 "$log"
  wait_for_end 30 || complain "did not end"
  took=$(as_seconds $(($(microseconds) - fault_at)))
  ((status == 4)) || complain "status $status instead of 4"
  message=$(last_message "$log")
  says "another wisk works in this run directory"
  run_pid=$first run_begin=$first_begin
  wait_for_end 60 || complain "the first run did not end"
  ((status == 0)) || complain "the first run ended with status $status"
  same_bytes
  print_row
fi

# NAME FILE PATTERN: a file of the job changes while the run is interrupted.
changed_between() {
  if ! row "$1"; then return; fi
  local file=$2
  start_and_wait "$plain/run-changed" 0
  kill -TERM "$run_pid"
  ends 60 75
  cp "$file" "$work/original"
  "$4" "$file"
  fault_begins
  start_run "$out" 0 "$log"
  ends 60 3
  says "$3"
  cp "$work/original" "$file"
  resumes
  print_row
  rm -rf "$out"
}
flip_last_byte() {
  local byte
  byte=$(tail -c 1 "$1" | od -An -tu1)
  truncate -s -1 "$1"
  # shellcheck disable=SC2059
  printf "\\x$(printf %x $((byte ^ 1)))" >>"$1"
}
add_space() { echo ' ' >>"$1"; }
change_answer() { sed -i '1s/"answer": *"\?\([0-9]*\)/&7/' "$1"; }
changed_between "weights changed while interrupted" "$work/checkpoints/step-0500/model.safetensors" "checkpoint late: model.safetensors" flip_last_byte
changed_between "tokenizer changed while interrupted" "$work/checkpoints/step-0500/tokenizer.json" "checkpoint late: tokenizer.json" add_space
changed_between "problems changed while interrupted" "$job/problems.jsonl" "contents of task: problems.jsonl" change_answer

# --- The journal ---------------------------------------------------------------------------------------------
damaged_journal() {
  start_and_wait "$plain/run-damaged" 0
  kill -KILL "$run_pid"
  ends 60 137
  file=$(find "$out/journal" -name '*.journal')
  "$1" "$file"
  note=
  if [[ $can_fsck == yes ]]; then note=$( ("$wisk" fsck "$out" 2>&1 || true) | grep -o 'a torn tail of.*' || true); fi
  fault_begins
  start_run "$out" 0 "$log"
  ends 60 0
  same_bytes
}
tear() { truncate -s -7 "$1"; }
flip() {
  local at byte
  at=$(($(stat -c %s "$1") / 2))
  byte=$(od -An -tu1 -j $at -N 1 "$1")
  # shellcheck disable=SC2059
  printf "\\x$(printf %x $((byte ^ 16)))" | dd of="$1" bs=1 seek=$at conv=notrunc status=none
}
if row "torn tail of the journal"; then
  damaged_journal tear
  message="(none)${note:+; wisk fsck: $note}"
  print_row
  rm -rf "$out"
fi
if row "flipped byte in the journal"; then
  damaged_journal flip
  says "\.journal at byte [0-9]+"
  lost="the record with the flipped byte, drawn again"
  print_row
  rm -rf "$out"
fi

# --- Ranks ---------------------------------------------------------------------------------------------------
choose_rank() {
  local ids
  mapfile -t ids < <(ranks_in "$out")
  target=
  for id in "${ids[@]}"; do
    if [[ $(rank_of "$id") == "$1" ]]; then target=$id; fi
  done
  [[ -n $target ]] || complain "there is no rank $1"
}

# NAME SIGNAL RANK SECONDS PATTERN STATUS
signalled_rank() {
  if ! row "$1"; then return; fi
  if [[ -z $mpiexec ]]; then
    skip "$row_name" "no mpiexec"
    return
  fi
  start_and_wait "$plain/run-ranks" 3
  choose_rank "$3"
  fault_at=$(microseconds)
  [[ -z $target ]] || kill -"$2" "$target"
  ends "$4" "$6"
  [[ -z $5 ]] || says "$5"
  resumes
  print_row
  rm -rf "$out"
}
signalled_rank "rank 1 of 3 SIGKILLed" KILL 1 20 "" 137
signalled_rank "rank 0 of 3 SIGKILLed" KILL 0 20 "" 137
signalled_rank "rank 2 of 3 SIGSTOPped (heartbeat of 3 s)" STOP 2 15 "rank 2 \(.*sign of life" 4
signalled_rank "rank 0 of 3 SIGSTOPped (heartbeat of 3 s)" STOP 0 15 "rank 0 \(.*sign of life" 4

# How much is too little depends on the machine: several limits, none of which may crash it.
if row "memory: address space of 40, 50, 60, 70 MB"; then
  out=$plain/run-memory said=
  for limit in 40000 50000 60000 70000; do
    # shellcheck disable=SC2016
    prefix=(bash -c 'ulimit -v "$0"; exec "$@"' $limit)
    fault_begins
    start_run "$out" 0 "$log"
    ends 30 0 4 127 # 127: its libraries do not fit
    if ((status == 4)); then said+="${said:+; }$message"; fi
    ((status != 4)) || [[ $message != "" ]] || complain "no message"
  done
  message=${said:-not refused here}
  resumes
  print_row
fi

# --- Host and MPI --------------------------------------------------------------------------------------------
for ranks in 0 2; do
  if row "host name that does not resolve, $ranks ranks (0: no mpiexec)"; then
    if ! unshare --uts hostname nonsense 2>/dev/null || ((ranks > 0)) && [[ -z $mpiexec ]]; then
      skip "$row_name" "unshare --uts is not possible, or no mpiexec"
    else
      # shellcheck disable=SC2016
      prefix=(unshare --uts sh -c 'hostname nonsense.invalid; exec "$@"' sh)
      out=$plain/run-host-$ranks
      fault_begins
      start_run "$out" "$ranks" "$log"
      ends 60 0
      # results.h5 names the hosts that drew the samples, also when another one makes it anew.
      prefix=()
      cmp -s <("$wisk" show --csv "$out") <("$wisk" show --csv "$work/expected.h5") || complain "other tables than the undisturbed run's"
      mv "$out/results.h5" "$work/of-that-host.h5"
      expected=$work/of-that-host.h5 resumes
      print_row
    fi
  fi
done

if row "MPI cannot start (no transport), then without mpiexec"; then
  if [[ -z $mpiexec ]]; then
    skip "$row_name" "no mpiexec"
  else
    prefix=(env OMPI_MCA_pml=nonsense OMPI_MCA_btl=nonsense)
    out=$plain/run-mpi
    fault_begins
    start_run "$out" 2 "$log"
    ends 30 1 4
    [[ -n $message ]] || message=$(grep -E 'MPI_INIT|PML' "$log" | head -n 1 | tr -s ' ' || true)
    resumes
    print_row
  fi
fi

if row "a launcher's environment without its MPI"; then
  prefix=(env OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=0 PMIX_RANK=0 PMIX_NAMESPACE=nonsense)
  out=$plain/run-environment
  fault_begins
  start_run "$out" 0 "$log"
  ends 30 0 1 4
  resumes
  print_row
fi

echo
if ((failures > 0)); then
  echo "$failures faults FAILED"
  exit 1
fi
echo "all faults as expected"
