#!/usr/bin/env bash
# Measures a message from a contract on one sidechain to a contract on another: four validators, each a process of its own on
# loopback, two sidechains on all four. From the start of the command that sends to the first answer of the destination that has
# it, and the blocks that each chain made meanwhile. Prints lines for docs/performance.md.
#
#   scripts/bench_messages.sh [MESSAGES]     100 unless said
#   OTHERS=14                                so many sidechains more, on all four as well
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/env.sh
. scripts/env.sh

messages="${1:-100}"
chancery="${CHANCERY:-$CARGO_TARGET_DIR/debug/chancery}"
# shellcheck disable=SC2034  # network.sh reads them
readonly validators=4 start_timeout_s=60
work="$(mktemp -d "${WORK_DIR:-$CARGO_TARGET_DIR}/bench-messages.XXXXXX")"
# shellcheck disable=SC2034
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

start_network
courier="$CARGO_TARGET_DIR/contracts/courier.wasm"
cd "$work"
for ((other = 1; other <= ${OTHERS:-0}; other++)); do found_chain "other-$other" judicial 1 2 3 4; done
for chain in alpha beta; do
  found_chain "$chain" judicial 1 2 3 4
  to="$("$chancery" contract deploy "$chain" "$courier" --department judicial --name courier --points 1000000 --as demo --json |
    value_of contract)" || fail "chain $chain has no courier"
done
held() { "$chancery" query beta/courier points --arg chain=alpha --json | sed -n 's/.*"value":\[[0-9]*,\([0-9]*\)\].*/\1/p'; }
height() { "$chancery" status "$1" --json | value_of height; }
sleep 3

: >took
declare -A from=()
for chain in main alpha beta; do from[$chain]="$(height "$chain")"; done
idle_ms=0
for ((sent = 1; sent <= messages; sent++)); do
  began="$(now_ms)"
  "$chancery" call alpha/courier send --arg chain=beta --to "$to" --method credit --amount 1 --arg valid_for=1000 --as demo >/dev/null
  until [ "$(held)" = "$sent" ]; do :; done
  echo $(($(now_ms) - began)) >>took
  idle_ms=$((idle_ms + $(now_ms) - began))
done
for chain in main alpha beta; do
  awk -v chain="$chain" -v blocks="$(($(height "$chain") - from[$chain]))" -v n="$messages" -v ms="$idle_ms" \
    'BEGIN { printf "%s: %.1f blocks a message, of which an idle chain makes %.1f\n", chain, blocks / n, ms / 2000 / n }'
done
sort -n took | awk '{ t[NR] = $1 } END { printf "%d messages: p50 %d ms, p90 %d ms, p99 %d ms, at most %d ms\n", NR, t[int((NR + 1) * 0.5)], t[int((NR + 1) * 0.9)], t[int((NR + 1) * 0.99)], t[NR] }'
