#!/usr/bin/env bash
# Measures what a sidechain costs the nodes that have it: four validators, each a process of its own on loopback, all of them
# in every chain's committee. Memory and CPU with the mainchain alone, with two sidechains and with all of them, at rest; then
# with registrations on all sidechains at once, from a generator for each on the same machine. Prints tables for
# docs/performance.md.
#
#   scripts/bench_chains.sh [CHAINS]         16 sidechains unless said; needs `make build` and `scripts/contracts.sh`
#   TRANSACTIONS=1000                        registrations on each
#   WORKERS=8                                how many of each chain's are under way at once
#   IDLE_S=20                                for how long the network is watched at rest
#   PROFILE=1                                also where node 1's CPU time goes at rest and under load, by perf
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/env.sh
. scripts/env.sh

chains="${1:-16}"
chancery="${CHANCERY:-$CARGO_TARGET_DIR/debug/chancery}"
readonly validators=4 start_timeout_s=60 idle_s="${IDLE_S:-20}" transactions="${TRANSACTIONS:-1000}" workers="${WORKERS:-8}"
work="$(mktemp -d "${WORK_DIR:-$CARGO_TARGET_DIR}/bench-chains.XXXXXX")"
declare -A node_pids=()
generators=()
fail() {
  echo "$*" >&2
  exit 1
}
# shellcheck source=scripts/network.sh
. scripts/network.sh
finish() {
  local generator
  for generator in "${generators[@]}"; do kill -TERM "$generator" 2>/dev/null || :; done
  stop_nodes
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
export CHANCERY_KEYS="$work/chain/keys"
hertz="$(getconf CLK_TCK)"
module="$CARGO_TARGET_DIR/contracts/evidence.wasm"

start_network
read -ra urls <<<"$(all_urls)"
cd "$work"

# Memory that is resident, MiB a node.
resident() {
  local processes=("${node_pids[@]/#//proc/}")
  awk -v nodes=$validators '/^VmRSS/ { sum += $2 } END { printf "%.0f", sum / 1024 / nodes }' "${processes[@]/%//status}"
}
at_rest() {
  local before
  sleep 5
  before="$(all_ticks)"
  sleep "$idle_s"
  awk -v chains="$1" -v spent="$(($(all_ticks) - before))" -v hertz="$hertz" -v s="$idle_s" -v nodes=$validators -v memory="$(resident)" \
    'BEGIN { printf "| %d | %.1f %% | %d MiB |\n", chains, 100 * spent / hertz / s / nodes, memory }'
}

printf 'At rest for %s s, a heartbeat block as often as `network plan` configures\n\n' "$idle_s"
echo '| chains | of a core a node | resident a node |'
echo '| ---: | ---: | ---: |'
at_rest 1
: >founded
for ((number = 1; number <= chains; number++)); do
  began="$(now_ms)"
  found_chain "side-$number" judicial 1 2 3 4
  echo $(($(now_ms) - began)) >>founded
  if ((number == 2)); then at_rest 3; fi
done
at_rest $((chains + 1))
if [[ -n "${PROFILE:-}" ]]; then KEEP="${KEEP:+$KEEP.rest}" profile 1 20; fi
printf '\nfounding one, until it has blocks: p50 %d ms, at most %d ms\n' \
  "$(sort -n founded | sed -n "$(((chains + 1) / 2))p")" "$(sort -n founded | tail -n 1)"

for ((number = 1; number <= chains; number++)); do
  "$chancery" contract deploy "side-$number" "$module" --department judicial --name evidence --court key:demo --as demo --json \
    >deploy.json || fail "no contract on side-$number: $(cat deploy.json)"
done
printf '\n%s registrations on each of %s sidechains, %s under way on each\n\n' "$transactions" "$chains" "$workers"
before="$(all_ticks)" began="$(now_ms)"
for ((number = 1; number <= chains; number++)); do
  nice -n 5 "$chancery" bench --json --chain "side-$number" --as demo "${urls[@]}" --workers "$workers" \
    --transactions "$transactions" >"load-$number.json" 2>"load-$number.log" &
  generators+=($!)
done
if [[ -n "${PROFILE:-}" ]]; then sleep 5 && KEEP="${KEEP:+$KEEP.load}" profile 1 6; fi
for number in "${!generators[@]}"; do
  wait "${generators[$number]}" || fail "the load of side-$((number + 1)) failed: $(tail -3 "load-$((number + 1)).log")"
done
generators=()
ms=$(($(now_ms) - began)) spent=$(($(all_ticks) - before))
for ((number = 1; number <= chains; number++)); do
  echo "$(value_of p50 <"load-$number.json") $(value_of p99 <"load-$number.json")"
done | sort -n >latencies
# Appointing the workers' accounts is in the CPU time, and counts as what it is: transactions.
awk -v done="$((chains * (transactions + workers)))" -v ms="$ms" -v spent="$spent" -v hertz="$hertz" -v nodes=$validators \
  -v memory="$(resident)" '{ p50[NR] = $1; if ($2 > p99) p99 = $2 } END {
  printf "%.0f a second in all, %.0f us of CPU a registration and node, %.0f %% of a core a node\n", 1000 * done / ms,
    1e6 * spent / hertz / done / nodes, 1e5 * spent / hertz / ms / nodes
  printf "p50 from %.0f ms on the fastest chain to %.0f ms on the slowest, p99 at most %.0f ms\n", p50[1], p50[NR], p99
  printf "resident a node: %d MiB\n", memory }' latencies
