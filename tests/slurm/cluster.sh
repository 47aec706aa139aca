# shellcheck shell=bash
# A Slurm of two nodes on this host: munge, slurmctld and two slurmd, everything below one folder and on free ports,
# nothing in /etc, as any user. To be sourced.
#   cluster_start FOLDER   starts it and exports SLURM_CONF; 1 when it cannot start here, after a line that says why
#   cluster_node N         starts the daemon of node N (1 or 2)
#   cluster_kill_node N    kills all that runs on node N at once, as a power cut does
#   cluster_stop           ends every process of the cluster, and its jobs

cluster_folder=   # empty: nothing was started

# A program's path, also where PATH has no sbin.
cluster_program() { PATH=$PATH:/usr/sbin:/sbin command -v "$1"; }

cluster_wait() { # SECONDS COMMAND...: until it succeeds
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.2
  done
}

# The first of three neighbouring TCP ports that nobody listens on.
cluster_ports() {
  local base i
  for _ in $(seq 50); do
    base=$((20000 + RANDOM % 12000))
    for i in 0 1 2; do
      (exec 3<>"/dev/tcp/127.0.0.1/$((base + i))") 2>/dev/null && continue 2
    done
    echo "$base" && return
  done
  return 1
}

cluster_configure() { # FIRST-PORT
  cat <<END
ClusterName=wisk$1
SlurmctldHost=$(hostname)(127.0.0.1)
SlurmctldPort=$1
AuthType=auth/munge
AuthInfo=socket=$cluster_folder/munge/socket
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
StateSaveLocation=$cluster_folder/state
SlurmdSpoolDir=$cluster_folder/%n/spool
SlurmctldPidFile=$cluster_folder/slurmctld.pid
SlurmdPidFile=$cluster_folder/%n/pid
SlurmctldLogFile=$cluster_folder/slurmctld.log
SlurmdLogFile=$cluster_folder/%n.log
# The PMIx servers of two nodes on one host would use the same sockets.
TmpFS=$cluster_folder/%n/tmp
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SchedulerParameters=sched_min_interval=200000,bf_interval=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=10
OverTimeLimit=0
InactiveLimit=0
SlurmdTimeout=5
ReturnToService=2
ScronParameters=enable
NodeName=node1 NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=$(($1 + 1)) CPUs=2
NodeName=node2 NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=$(($1 + 2)) CPUs=2
PartitionName=low Nodes=node1,node2 Default=YES PriorityTier=1 GraceTime=20
PartitionName=high Nodes=node1,node2 PriorityTier=10 PreemptMode=OFF
END
}

cluster_node() {
  mkdir -p "$cluster_folder/node$1/tmp" "$cluster_folder/node$1/spool"
  "$(cluster_program slurmd)" -D -N "node$1" -f "$SLURM_CONF" </dev/null >>"$cluster_folder/node$1.out" 2>&1 &
  disown
}

cluster_up() { [ "$(sinfo -h -o '%t %D')" = 'idle 2' ]; }

cluster_start() {
  local program port munge=$1/munge
  for program in munged slurmctld slurmd sbatch srun scontrol; do
    cluster_program "$program" >/dev/null || { echo "$program is not installed"; return 1; }
  done
  cluster_folder=$1
  mkdir -p "$1/state" "$1/tmp" && mkdir -m 700 "$munge" || return 1
  # In the environment of every process of the cluster, and what it is found by to be ended.
  export WISK_TEST_CLUSTER=$1 SLURM_CONF=$1/slurm.conf
  port=$(cluster_ports) || { echo "no free ports"; return 1; }
  cluster_configure "$port" >"$SLURM_CONF"
  (umask 077 && head -c 128 /dev/urandom >"$munge/key")
  "$(cluster_program munged)" --foreground --force --key-file="$munge/key" --socket="$munge/socket" \
    --pid-file="$munge/pid" --log-file="$munge/log" --seed-file="$munge/seed" </dev/null >"$1/munged.out" 2>&1 &
  disown
  cluster_wait 10 test -S "$munge/socket" || { echo "munged does not start: $(tail -n 1 "$1/munged.out")"; return 1; }
  "$(cluster_program slurmctld)" -D -f "$SLURM_CONF" </dev/null >"$1/slurmctld.out" 2>&1 &
  disown
  cluster_node 1
  cluster_node 2
  cluster_wait 30 cluster_up && return
  echo "the nodes do not come up: $(tail -qn 1 "$1/slurmctld.out" "$1/node1.out" "$1/node2.out" | tr '\n' ' ')"
  return 1
}

# Pids whose environment, arguments or open files name FOLDER. (slurmstepd overwrites the first two, but has its log open.)
cluster_pids() { # FOLDER
  local process
  for process in /proc/[0-9]*; do
    [ "${process#/proc/}" = $$ ] && continue
    if grep -qsF -e "$1" "$process/environ" "$process/cmdline" || find "$process/fd" -lname "$1*" 2>/dev/null | grep -q .; then
      echo "${process#/proc/}"
    fi
  done
}

# Whether anything of a job's step is still there.
cluster_has_steps() {
  local process
  for process in $(pgrep '^slurmstepd'); do
    find "/proc/$process/fd" -lname "$cluster_folder/*" 2>/dev/null | grep -q . && return
  done
  return 1
}

cluster_kill_node() {
  local pid
  for pid in $(cluster_pids "$cluster_folder/node$1"); do kill -9 "$pid" 2>/dev/null; done
  for pid in $(cluster_pids "$cluster_folder"); do
    grep -qsz "^SLURMD_NODENAME=node$1$" "/proc/$pid/environ" && kill -9 "$pid" 2>/dev/null
  done
  # It comes back empty: beside what a killed step left there, PMIx would not start for the same job.
  rm -rf "$cluster_folder/node$1"
}

cluster_stop() {
  local pid pids
  [ -n "$cluster_folder" ] || return 0
  for signal in TERM KILL KILL; do
    pids=$(cluster_pids "$cluster_folder")
    for pid in $pids; do [ "$pid" = "$BASHPID" ] || kill -s "$signal" "$pid" 2>/dev/null; done
    [ -z "$pids" ] || sleep 1
  done
}
