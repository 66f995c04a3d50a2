#!/usr/bin/env bash
# Measures what a flood of one sidechain costs another: four validators, each a process of its own on loopback, with two
# sidechains on all four. A lone registration on the one, again and again, while nothing else is under way, while the other is
# flooded, and while its own is. Prints a table for docs/performance.md.
#
# With OWN=1 the flooded chain runs in four processes of its own, with keys of their own, that follow the mainchain
# (docs/operators.md). They and the generator have core 1, the others core 0, as AllowedCPUs= in a service unit gives it.
#
#   scripts/bench_isolation.sh [LONE]      registrations that are timed in each case, 150 unless said
#   WORKERS=128                            how many registrations of the flood are under way at once
#   WORK_DIR=DIR                           where the stores are; /dev/shm shows what is left of it without a disk
#   NICE=5                                 how far the generator of the flood gives way, which elsewhere would be another machine
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/env.sh
. scripts/env.sh

lone="${1:-150}"
chancery="${CHANCERY:-$CARGO_TARGET_DIR/debug/chancery}"
readonly validators=4 start_timeout_s=60 workers="${WORKERS:-128}" nice="${NICE:-5}"
work="$(mktemp -d "${WORK_DIR:-$CARGO_TARGET_DIR}/bench-isolation.XXXXXX")"
declare -A node_pids=()
flood_pid=""
fail() {
  echo "$*" >&2
  exit 1
}
# shellcheck source=scripts/network.sh
. scripts/network.sh
finish() {
  if [ -n "$flood_pid" ]; then kill -TERM "$flood_pid" 2>/dev/null || :; fi
  stop_nodes
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
export CHANCERY_KEYS="$work/chain/keys"

start_network
read -ra urls <<<"$(all_urls)"
cd "$work"
flooding=(nice -n "$nice")
busy_nodes=(1 2 3 4)
busy_urls=("${urls[@]}")

# Four nodes that follow the mainchain, each with a key of its own: 5 to 8.
own_processes() {
  local number port joined act from peers=()
  # shellcheck disable=SC2034  # found_chain and free_ports read it
  peers=(--peer "$("$chancery" key show validator --keys "$work/chain/node-1/keys" --json | value_of public_key)@$(
    sed -n 's/^listen = "\(.*\)"/\1/p' "$work/chain/node-1/node.toml" | tail -n 1
  )")
  for number in 5 6 7 8; do
    port="$(free_ports)"
    "$chancery" network join --department judicial --address "127.0.0.1:$port" --out "$work/chain/node-$number" --insecure \
      --json >/dev/null
    joined="$("$chancery" network follow --dir "$work/chain/node-$number" --genesis "$work/chain/genesis.scale" "${peers[@]}" \
      --api "127.0.0.1:$((port + 1))" --heartbeat-ms 2000 --json)"
    from=$(($(height main) + 20))
    act="$("$chancery" call main/registry propose --reference 2026-1 --as admin-judicial --json --measure \
      "{\"AddNode\":{\"node\":{\"key\":\"$(value_of key <<<"$joined")\",\"department\":\"judicial\",\"operator\":\"$(value_of operator <<<"$joined")\"},\"from_height\":$from}}" |
      sed -n 's/.*"value":\([0-9]*\).*/\1/p')"
    "$chancery" call main/registry approve --act "$act" --as admin-interior >/dev/null
    "$chancery" call main/registry carry_out --act "$act" --as admin-judicial >/dev/null
    start_node "$number"
  done
  for number in 5 6 7 8; do
    for ((waited = 0; ; waited++)); do
      if "$chancery" query main/registry readiness_of --key \
        "$("$chancery" key show validator --keys "$work/chain/node-$number/keys" --json | value_of public_key)" --json |
        grep -q address; then break; fi
      ((waited < 600)) || fail "node $number is not ready: $(tail -3 "$work/chain/node-$number/log")"
      sleep 0.5
    done
  done
  until (($(height main) > from)); do sleep 0.5; done
}
height() { "$chancery" status "$1" --json --node "${2:-$CHANCERY_NODE}" | value_of height; }

if [ -n "${OWN:-}" ]; then
  own_processes
  busy_nodes=(5 6 7 8)
  busy_urls=()
  for number in "${busy_nodes[@]}"; do busy_urls+=(--node "$(value_of url <"$work/chain/node-$number/ready.json")"); done
  for number in 1 2 3 4; do taskset -acp 0 "${node_pids[$number]}" >/dev/null; done
  for number in "${busy_nodes[@]}"; do taskset -acp 1 "${node_pids[$number]}" >/dev/null; done
  flooding+=(taskset -c 1)
fi
for chain in calm busy; do
  nodes=(1 2 3 4) node="${urls[1]}"
  if [ "$chain" = busy ]; then nodes=("${busy_nodes[@]}") node="${busy_urls[1]}"; fi
  if [ "$chain" = calm ] || [ -z "${OWN:-}" ]; then
    found_chain "$chain" judicial "${nodes[@]}"
  else
    # The node that is asked does not host it, so it cannot see it begin.
    (found_chain "$chain" judicial "${nodes[@]}") 2>/dev/null || :
    for ((waited = 0; ; waited++)); do
      blocks="$(height "$chain" "$node" 2>/dev/null || echo 0)"
      if ((${blocks:-0} > 0)); then break; fi
      ((waited < 300)) || fail "chain $chain makes no blocks: $(cat found.json)"
      sleep 0.2
    done
  fi
  export CHANCERY_NODE="$node"
  "$chancery" contract deploy "$chain" "$CARGO_TARGET_DIR/contracts/evidence.wasm" --department judicial --name evidence \
    --court key:demo --as demo >/dev/null
  export CHANCERY_NODE="${urls[1]}"
done
sleep 2

# A lone registration every 200 ms, at the first node.
measure() {
  "$chancery" bench --json --chain "$2" --as demo "${urls[@]:0:2}" --workers 1 --transactions "$lone" --pause-ms 200 >lone.json
  printf '| %s | %.0f ms | %.0f ms | %.0f ms | %s |\n' "$1" "$(value_of p50 <lone.json)" "$(value_of p90 <lone.json)" \
    "$(value_of p99 <lone.json)" "$3"
}
# Floods a chain through all four nodes until it is stopped.
flood() {
  local to=("${urls[@]}")
  if [ "$1" = busy ]; then to=("${busy_urls[@]}"); fi
  "${flooding[@]}" "$chancery" bench --json --chain "$1" --as demo "${to[@]}" --workers "$workers" --transactions 60000 \
    >flood.json 2>flood.log &
  flood_pid=$!
  sleep 15
}
end_flood() {
  kill -TERM "$flood_pid" 2>/dev/null || fail "the flood was over before the measurement: $(cat flood.log)"
  wait "$flood_pid" 2>/dev/null || :
  flood_pid=""
  sleep 5
}

printf '%s timed registrations a row, %s of the flood under way\n\n' "$lone" "$workers"
echo '| | p50 | p90 | p99 | blocks of the flooded chain a second |'
echo '| --- | ---: | ---: | ---: | ---: |'
measure "nothing else under way" calm "-"
cases=(busy calm)
if [ -n "${OWN:-}" ]; then cases=(busy); fi
for chain in "${cases[@]}"; do
  flood "$chain"
  node="${urls[1]}"
  if [ "$chain" = busy ]; then node="${busy_urls[1]}"; fi
  from="$(height "$chain" "$node")" began="$(date +%s%3N)"
  case "$chain" in busy) what="another chain flooded" ;; *) what="the same chain flooded" ;; esac
  measure "$what" calm "?" >row
  blocks="$(awk -v blocks="$(($(height "$chain" "$node") - from))" -v ms="$(($(date +%s%3N) - began))" 'BEGIN { printf "%.1f", 1000 * blocks / ms }')"
  sed "s/| ? |/| $blocks |/" row
  end_flood
done
