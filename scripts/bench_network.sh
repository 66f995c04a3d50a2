#!/usr/bin/env bash
# Measures a network of four validators, each a process of its own on loopback, with the generator on the same machine:
# idle CPU and memory, the finality of a lone transaction, and finalised registrations of evidence a second with the CPU
# time that each one costs a node. Prints tables for docs/performance.md.
#
#   scripts/bench_network.sh [TRANSACTIONS]     20000 unless said; needs `make build` and `scripts/contracts.sh`
#   WORKERS="128 512"                           how many are under way at once, a run for each
#   PROFILE=1                                   also where node 1's CPU time goes under load, by perf (Debian: linux-perf);
#                                               KEEP=FILE keeps its folded stacks, which inferno-flamegraph draws
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/env.sh
. scripts/env.sh

transactions="${1:-20000}"
read -ra workers <<<"${WORKERS:-128 512}"
chancery="${CHANCERY:-$CARGO_TARGET_DIR/debug/chancery}"
readonly validators=4 start_timeout_s=60 idle_s="${IDLE_S:-20}" lone=20
# On the disk of the target directory: a temporary directory may be in memory.
work="$(mktemp -d "$CARGO_TARGET_DIR/bench-network.XXXXXX")"
declare -A node_pids=()
fail() {
  echo "$*" >&2
  exit 1
}
# shellcheck source=scripts/network.sh
. scripts/network.sh
finish() {
  stop_nodes
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
export CHANCERY_KEYS="$work/chain/keys"
hertz="$(getconf CLK_TCK)"

start_network
read -ra urls <<<"$(all_urls)"
"$chancery" contract deploy main "$CARGO_TARGET_DIR/contracts/evidence.wasm" --department judicial --name evidence \
  --court key:demo --as demo >/dev/null

printf '\nIdle for %s s, with a heartbeat block as often as `network plan` configures\n\n' "$idle_s"
sleep 3
declare -A before=()
for number in "${!node_pids[@]}"; do before[$number]="$(ticks "/proc/${node_pids[$number]}")"; done
sleep "$idle_s"
echo '| node | CPU, % of a core | memory, MiB |'
echo '| --- | ---: | ---: |'
for ((number = 1; number <= validators; number++)); do
  awk -v node="$number" -v spent="$(($(ticks "/proc/${node_pids[$number]}") - before[$number]))" -v hertz="$hertz" -v s="$idle_s" \
    '/^VmRSS/ { printf "| %d | %.1f | %.0f |\n", node, 100 * spent / hertz / s, $2 / 1024 }' "/proc/${node_pids[$number]}/status"
done

bench() { "$chancery" bench --json --as demo "$@"; }

printf '\nA lone transaction, every 700 ms, %s of them\n\n' "$lone"
bench "${urls[@]:0:2}" --workers 1 --transactions "$lone" --pause-ms 700 >"$work/lone.json"
printf 'from hand-in to final receipt: p50 %.0f ms, p90 %.0f ms, at most %.0f ms\n' \
  "$(value_of p50 <"$work/lone.json")" "$(value_of p90 <"$work/lone.json")" "$(value_of max <"$work/lone.json")"

printf '\n%s registrations, each with its own sender or nonce, over all four nodes, the generator beside them\n\n' "$transactions"
echo '| under way | a second | p50, ms | p90, ms | p99, ms | CPU a registration and node, us |'
echo '| ---: | ---: | ---: | ---: | ---: | ---: |'
for count in "${workers[@]}"; do
  started="$(all_ticks)"
  bench "${urls[@]}" --workers "$count" --transactions "$transactions" >"$work/load.json"
  # Appointing the workers' accounts is in the CPU time, and counts as what it is: transactions.
  awk -v spent="$(($(all_ticks) - started))" -v hertz="$hertz" -v done="$((transactions + count))" -v nodes=$validators \
    -v workers="$count" -v rate="$(value_of per_second <"$work/load.json")" -v p50="$(value_of p50 <"$work/load.json")" \
    -v p90="$(value_of p90 <"$work/load.json")" -v p99="$(value_of p99 <"$work/load.json")" \
    'BEGIN { printf "| %d | %.0f | %.0f | %.0f | %.0f | %.0f |\n", workers, rate, p50, p90, p99, 1e6 * spent / hertz / done / nodes }'
done

printf '\nOne of four is away\n\n'
kill -KILL "${node_pids[$validators]}"
wait "${node_pids[$validators]}" 2>/dev/null || :
unset "node_pids[$validators]"
sleep 3
bench "${urls[@]:0:2}" --workers 1 --transactions "$lone" --pause-ms 700 >"$work/lone.json"
printf 'a lone transaction: p50 %.0f ms, p90 %.0f ms, at most %.0f ms\n' \
  "$(value_of p50 <"$work/lone.json")" "$(value_of p90 <"$work/lone.json")" "$(value_of max <"$work/lone.json")"
reached() { "$chancery" status --json --node "$1" 2>/dev/null | value_of height; }
present=("${urls[@]:0:$((2 * (validators - 1)))}")
missed_from="$(reached "${urls[1]}")"
bench "${present[@]}" --workers "${workers[-1]}" --transactions "$transactions" >"$work/load.json"
missed_to="$(reached "${urls[1]}")"
printf 'the other three with %s under way: %.0f registrations a second\n' "${workers[-1]}" "$(value_of per_second <"$work/load.json")"
returned="$(date +%s%N)"
start_node $validators
while reached="$(reached "${urls[$((2 * validators - 1))]}")"; ((${reached:-0} < missed_to)); do sleep 0.1; done
awk -v blocks="$((missed_to - missed_from))" -v transactions="$transactions" -v ms="$((($(date +%s%N) - returned) / 1000000))" 'BEGIN {
  printf "back, it has %d blocks with %d registrations to catch up with, and has them after %.1f s\n", blocks, transactions, ms / 1000 }'

if [[ -n "${PROFILE:-}" ]]; then
  printf '\nWhere node 1'"'"'s CPU time goes, %s under way\n\n' "${workers[-1]}"
  bench "${urls[@]}" --workers "${workers[-1]}" --transactions "$transactions" >/dev/null &
  generator=$!
  sleep 2
  profile 1 6
  wait "$generator"
fi
