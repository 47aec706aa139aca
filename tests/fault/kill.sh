#!/usr/bin/env bash
# Kills a run in N rounds, at random moments, in random ways, with random numbers of ranks, and resumes it:
#   tests/fault/kill.sh N [--wisk PATH] [--mpiexec PATH] [--seed S] [--job DIR] [--keep DIR]
# Nothing that was finished may be lost, and the results have the bytes of a run that was left alone. Whatever
# fails is printed with seed and round, and its run directory kept in DIR (default /tmp). --job DIR: DIR/job.yaml
# instead of a short form of the demo. As root the disk is filled for real (a small tmpfs); otherwise `ulimit -f`.
set -euo pipefail

rounds= wisk= mpiexec= seed=$RANDOM job= keep=/tmp
while (($# > 0)); do
  case $1 in
    --wisk) wisk=$2 && shift ;;
    --mpiexec) mpiexec=$2 && shift ;;
    --seed) seed=$2 && shift ;;
    --job) job=$(realpath "$2") && shift ;;
    --keep) keep=$2 && shift ;;
    *[!0-9]* | '') echo "usage: $0 N [--wisk PATH] [--mpiexec PATH] [--seed S] [--job DIR] [--keep DIR]" >&2 && exit 2 ;;
    *) rounds=$1 ;;
  esac
  shift
done
[[ -n $rounds ]] || { echo "$0: expected a number of rounds" >&2 && exit 2; }

source "$(dirname "$0")/support.sh"
find_programs
work=$(mktemp -d /tmp/wisk-kill.XXXXXX)
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
contain_mpi

# What bash itself said meanwhile, without its news of jobs that were killed.
finish() {
  grep -vE 'Killed|Terminated|Hangup|User defined signal' "$work/noise" 2>/dev/null || true
  clean_up
}

# The file system of the run directories.
disk=$work/disk
mkdir "$disk"
can_fill=no
if ((EUID == 0)) && mount -t tmpfs -o size=16m wisk-kill "$disk" 2>/dev/null; then
  can_fill=yes
else
  echo "mounting a small file system is not possible here: a full disk is played by ulimit -f, without mpiexec"
fi
[[ -n $job ]] || { job=$work/job && make_job "$job"; }

RANDOM=$seed
# Below N, into `drawn`: a subshell would have random numbers of its own.
draw() { drawn=$(((RANDOM * 32768 + RANDOM) % $1)); }

losses=0 differing=0 failures=0 completions=0 undisturbed=0
declare -A done_of status_of

report_failure() {
  failures=$((failures + 1))
  local kept=$keep/wisk-kill-seed-$seed-round-$round
  rm -rf "$kept"
  cp -r "$out" "$kept" 2>/dev/null || mkdir -p "$kept"
  cp "$log" "$kept/output.txt" 2>/dev/null || true
  cp "$work"/before "$work"/after "$kept/" 2>/dev/null || true
  echo "FAILED: seed $seed, round $round, $what: $*; kept in $kept"
  sed 's/^/    | /' "$log" 2>/dev/null | tail -n 30
  fresh=yes
}

# --- One run that is left alone ------------------------------------------------------------------------------
round=0 what="undisturbed run" fresh=no out=$disk/expected log=$work/log
start_run "$out" 0 "$log"
if ! wait_for_end 300 || ((status != 0)); then
  cat "$log" >&2
  give_up "the undisturbed run ended with status $status"
fi
length_us=$(($(microseconds) - run_begin))
cp "$out/results.h5" "$work/expected.h5"
finished_samples "$out" >"$work/expected"
total=$(wc -l <"$work/expected")
sample_bytes=$(cat "$out"/journal/*.journal | wc -c)
if [[ $can_fsck == yes ]]; then "$wisk" fsck "$out" --export - 2>/dev/null | sort >"$work/expected.jsonl"; fi
rm -rf "$out"
echo "seed $seed: $rounds rounds on $total samples; left alone it takes $(as_seconds $length_us) s"

# --- What is demanded after every disturbance ----------------------------------------------------------------
check_directory() {
  local lost left
  left=$(left_over "$work/disk" 10)
  [[ -z $left ]] || report_failure "processes are left over: $left"
  finished_samples "$out" >"$work/after"
  lost=$(lost_samples "$work/before" "$work/after")
  if ((lost > 0)); then
    losses=$((losses + lost))
    report_failure "$lost finished samples are lost"
  fi
  if [[ -e $out/results.h5 ]] && ! "$wisk" show "$out" --json >/dev/null 2>"$work/show"; then
    report_failure "results.h5 cannot be read: $(<"$work/show")"
  fi
  if [[ $can_fsck == yes && -e $out/run.json ]]; then
    if ! "$wisk" fsck "$out" >"$work/fsck" 2>&1; then
      report_failure "wisk fsck complains: $(<"$work/fsck")"
    elif [[ -e $out/results.h5 ]]; then
      "$wisk" fsck "$out" --export - 2>/dev/null | sort >"$work/after.jsonl"
      if [[ -n $(comm -23 "$work/after.jsonl" "$work/expected.jsonl" | head -n 1) ]]; then
        report_failure "finished samples differ from those of the undisturbed run"
      elif [[ $(wc -l <"$work/after.jsonl") != "$(wc -l <"$work/after")" ]]; then
        report_failure "wisk reads $(wc -l <"$work/after.jsonl") samples where $(wc -l <"$work/after") are in the journals"
      fi
    fi
  fi
}

# After exit status 0.
check_completion() {
  completions=$((completions + 1))
  fresh=yes
  if ! cmp "$out/results.h5" "$work/expected.h5" >"$work/cmp" 2>&1; then
    differing=$((differing + 1))
    report_failure "results.h5 differs: $(<"$work/cmp")"
  fi
  local rest
  rest=$(cd "$out" && find . -name '*.tmp*' && find journal -name '*.journal' | sed 1d)
  [[ -z $rest ]] || report_failure "a complete directory holds $(tr '\n' ' ' <<<"$rest")"
}

# STATUS...: whether the last run ended with one of them. A launched rank that dies gives mpiexec its status.
expect_status() {
  local allowed
  for allowed; do
    if ((status == allowed)); then return; fi
  done
  report_failure "exit status $status, expected one of: $*"
}

free_disk() { rm -f "$disk/ballast"; }

# --- One round -----------------------------------------------------------------------------------------------
# Waits for a random moment: anywhere in what is probably left of the run of so many ranks, or near its end.
wait_for_moment() {
  draw 5
  if ((drawn == 0)); then
    draw 300000
    local extra=$drawn
    while running && (($(cat "$out"/journal/*.journal 2>/dev/null | wc -c) < sample_bytes * 9 / 10)); do sleep 0.01; done
    sleep_us "$extra"
  else
    local share=90
    if ((ranks > 1)); then share=50; fi
    draw $((300000 + length_us * share / 100 * (total - $(wc -l <"$work/before")) / total))
    sleep_us "$drawn"
  fi
}

# The journals as they are now, for a later look: reading them takes too long before the disturbance.
take_snapshot() {
  rm -rf "$work/snapshot"
  mkdir "$work/snapshot"
  cp -r "$out/journal" "$work/snapshot/" 2>/dev/null || true
}

# Sets target to a random rank's process; false when there is none (any more).
choose_rank() {
  local ids
  mapfile -t ids < <(ranks_in "$out")
  ((${#ids[@]} > 0)) || return 1
  draw ${#ids[@]}
  target=${ids[drawn]} target_rank=$(rank_of "${ids[drawn]}")
}

signals=(TERM USR1 USR2 HUP)
actions=(kill-rank kill-rank kill-launcher kill-all signal-rank signal-rank signal-launcher stop pause full full-briefly)

do_round() {
  local action signal ranks=0 started=no in_time=yes moment
  if [[ $fresh == yes ]]; then
    rm -rf "$out"
    directories=$((directories + 1))
    out=$disk/run-$directories
    fresh=no
  fi
  draw 5
  if [[ -n $mpiexec ]]; then ranks=$drawn; fi
  draw ${#actions[@]}
  action=${actions[drawn]}
  draw ${#signals[@]}
  signal=${signals[drawn]}
  if ((ranks < 2)) && [[ $action == stop ]]; then action=pause; fi  # nobody is there to notice
  if [[ $action == full* && $can_fill == no ]]; then action=limited ranks=0; fi
  finished_samples "$out" >"$work/before"
  local before
  before=$(wc -l <"$work/before")
  what="$ranks ranks, $action"
  if [[ $action == limited ]]; then
    run_begin=$(microseconds) status=0
    (
      trap '' XFSZ # write() then fails with EFBIG
      ulimit -f $((sample_bytes / 1024 / 4))
      start_run "$out" 0 "$log"
      wait_for_end 60 || true
      exit "$status"
    ) || status=$?
    seconds=$(as_seconds $(($(microseconds) - run_begin)))
    expect_status 0 4
  else
    start_run "$out" "$ranks" "$log"
    wait_for_moment
    moment=$(as_seconds $(($(microseconds) - run_begin)))
    take_snapshot
    if grep -qE '(running|resuming) .* samples done' "$log"; then started=yes; fi
    target=$run_pid target_rank=
    case $action in *-rank | stop | pause) choose_rank || true ;; esac
    what="$ranks ranks, $action${target_rank:+ $target_rank}"
    case $action in signal*) what+=" SIG$signal" ;; esac
    what+=" after $moment s"
    if ! running; then
      undisturbed=$((undisturbed + 1))
      what="$ranks ranks, left alone ($action came too late)"
      action=none
      wait_for_end 1 || true
      expect_status 0
    else
      disturb
    fi
    finished_samples "$work/snapshot" | sort -u - "$work/before" >"$work/now"
    mv "$work/now" "$work/before"
  fi
  free_disk
  if [[ $in_time == no && $started == no && $action == kill-* && -z $ranks_at_limit ]]; then
    what+=" (mpiexec hung without any rank: no matter of wisk's)" # when ranks die while it starts them
  elif [[ $in_time == no ]]; then
    report_failure "it did not end in time"
  fi
  check_directory
  local after
  after=$(wc -l <"$work/after")
  if ((status == 0)); then check_completion; fi
  done_of[$action]=$((${done_of[$action]:-0} + 1))
  status_of[$action]+="$status "
  echo "round $round: $what: status $status after $seconds s, $before -> $after samples"
  rm -rf "$work"/tmp/*
}

disturb() {
  local early=() mpiexec_alone=() id
  # Ranks that die while mpiexec still starts them can end it with SIGPIPE.
  if ((ranks > 0)) && [[ $started == no ]]; then mpiexec_alone=(141); fi
  case $action in
    kill-rank)
      kill -KILL "$target" 2>/dev/null || true
      wait_for_end 30 || in_time=no
      expect_status 137 0 "${mpiexec_alone[@]}"
      ;;
    kill-launcher)
      kill -KILL "$run_pid" 2>/dev/null || true
      wait_for_end 30 || in_time=no
      expect_status 137 0
      ;;
    kill-all)
      for id in $(ranks_in "$out"); do kill -KILL "$id" 2>/dev/null || true; done
      wait_for_end 30 || in_time=no
      expect_status 137 0 "${mpiexec_alone[@]}"
      ;;
    signal-*)
      kill -"$signal" "$target" 2>/dev/null || true
      wait_for_end 20 || in_time=no
      # Before it says what it runs, wisk may not have set up its handler.
      if [[ $started == no ]]; then early=($((128 + $(kill -l "$signal"))) 1); fi
      # Open MPI's mpirun ends the ranks with SIGTERM and itself with 1, whatever they end with.
      if [[ $action == signal-launcher && $ranks != 0 && $signal =~ TERM|HUP ]]; then early=(1); fi
      expect_status 75 0 "${early[@]}"
      ;;
    stop)
      kill -STOP "$target" 2>/dev/null || true
      if [[ $started == no ]] && ! ends_within 15; then
        # MPI was still starting, which no heartbeat watches yet.
        waited_in_start=$((waited_in_start + 1))
        what+=" (before the heartbeat: nobody noticed in 15 s), continued"
        kill -CONT "$target" 2>/dev/null || true
        wait_for_end 60 || in_time=no
        expect_status 0
        return
      fi
      wait_for_end 15 || in_time=no
      if [[ $in_time == yes ]] && ((status != 0)); then
        expect_status 4
        grep -qE "rank $target_rank \(.*sign of life" "$log" || report_failure "no message names rank $target_rank"
      fi
      ;;
    pause)
      kill -STOP "$target" 2>/dev/null || true
      sleep 1
      kill -CONT "$target" 2>/dev/null || true
      wait_for_end 60 || in_time=no
      expect_status 0
      ;;
    full)
      head -c 64M /dev/zero >"$disk/ballast" 2>/dev/null || true
      wait_for_end 30 || in_time=no
      expect_status 0 4
      ;;
    full-briefly)
      head -c 64M /dev/zero >"$disk/ballast" 2>/dev/null || true
      sleep 0.5
      free_disk
      wait_for_end 60 || in_time=no
      expect_status 0 4
      ;;
  esac
}

directories=0 fresh=yes waited_in_start=0
for ((round = 1; round <= rounds; ++round)); do do_round 2>>"$work/noise"; done

# --- What is unfinished ends undisturbed ---------------------------------------------------------------------
if [[ $fresh == no ]]; then
  what="the last directory, undisturbed"
  finished_samples "$out" >"$work/before"
  start_run "$out" 0 "$log"
  if wait_for_end 300; then expect_status 0; else report_failure "it did not end in time"; fi
  check_directory
  if ((status == 0)); then check_completion; fi
fi

for action in "${!done_of[@]}"; do
  echo "$action: ${done_of[$action]} (status $(tr ' ' '\n' <<<"${status_of[$action]}" | grep . | sort -n | uniq -c |
    while read -r count value; do echo -n "$value: $count x, "; done | sed 's/, $//'))"
done | sort
echo "$rounds rounds: $((rounds - undisturbed)) disturbed, $completions completions, $losses samples lost," \
  "$differing differing results, $waited_in_start stopped before the heartbeat, $failures failures (seed $seed)"
((failures == 0))
