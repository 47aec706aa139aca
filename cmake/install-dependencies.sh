#!/usr/bin/env bash
# Installs what wisk builds with from the distribution (Debian 12 or newer, Ubuntu 22.04 or newer).
# Idempotent: asks dpkg first and does nothing when all is there. Uses sudo only when not root.
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin   # dpkg wants them
packages=(
  g++ cmake ninja-build pkg-config ccache git
  libopenmpi-dev openmpi-bin libhdf5-openmpi-dev
  libboost-program-options-dev libboost-context-dev libyaml-cpp-dev nlohmann-json3-dev libfmt-dev libspdlog-dev
  libpcre2-dev libutf8proc-dev libhwloc-dev libxxhash-dev libgmp-dev libssl-dev
  libgtest-dev libgmock-dev libbenchmark-dev clang-format clang-tidy
  chromium   # tests/report/page opens the page of `wisk report` in it
  slurmctld slurmd slurm-client slurm-wlm-basic-plugins munge   # tests/slurm: daemons of its own; without systemd the packages start none
)
missing=()
for p in "${packages[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null || true)" = installed ] || missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && exit 0
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "install-dependencies: expected root or sudo, to install: ${missing[*]}" >&2; exit 4; }
  as_root=(sudo)
fi
echo "install-dependencies: installing ${missing[*]}" >&2
apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300)
"${as_root[@]}" "${apt[@]}" update
"${as_root[@]}" "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null
