#!/usr/bin/env bash
# Kills a process with four validators with SIGKILL again and again while calls are being acknowledged, and shows that
# none of them is lost: after each restart every acknowledged digest has its record, and at the end a replay of all
# blocks gives equal roots.
#
#   scripts/kill9.sh [ROUNDS]        50 unless said; needs `make build` and `scripts/contracts.sh`
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/env.sh
. scripts/env.sh

rounds="${1:-50}"
chancery="$CARGO_TARGET_DIR/debug/chancery"
work="$(mktemp -d "${TMPDIR:-/tmp}/chancery-kill9.XXXXXX")"
node_pid=
finish() {
  if [[ -n "$node_pid" ]]; then kill -KILL "$node_pid" 2>/dev/null || :; fi
  rm -rf "$work"
}
trap finish EXIT
export CHANCERY_KEYS="$work/chain/keys"

start() {
  : >"$work/ready.json"
  "$chancery" dev --json --data "$work/chain" --listen 127.0.0.1:0 >"$work/ready.json" 2>>"$work/node.log" &
  node_pid=$!
  until grep -q '"ready":true' "$work/ready.json"; do
    kill -0 "$node_pid" || { cat "$work/ready.json"; tail "$work/node.log"; exit 1; }
    sleep 0.05
  done
  CHANCERY_NODE="$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$work/ready.json")"
  export CHANCERY_NODE
}

start
"$chancery" contract deploy main "$CARGO_TARGET_DIR/contracts/evidence.wasm" --department judicial --name evidence \
  --court key:demo --as demo >/dev/null
"$chancery" call main/evidence appoint --custodian key:demo --label registry-1 --as demo >/dev/null
: >"$work/acknowledged"
for ((round = 1; round <= rounds; round++)); do
  (
    for ((n = 0; n < 1000; n++)); do
      digest="$(printf 'round %s call %s' "$round" "$n" | sha256sum | cut -c1-64)"
      "$chancery" call main/evidence file --digest "$digest" --case-number "round-$round" --as demo >/dev/null 2>>"$work/caller.log" || exit 0
      echo "$digest" >>"$work/acknowledged"
    done
  ) &
  caller=$!
  # The kill comes at any moment of a time in which calls are acknowledged.
  before="$(wc -l <"$work/acknowledged")"
  until (($(wc -l <"$work/acknowledged") > before)); do
    kill -0 "$caller" 2>/dev/null || { echo "nothing was acknowledged in round $round"; tail -n 5 "$work/caller.log"; exit 1; }
    sleep 0.01
  done
  sleep "0.$((RANDOM % 700 + 200))"
  kill -KILL "$node_pid"
  wait "$node_pid" 2>/dev/null || :
  wait "$caller"
  start
  # What was acknowledged in this round; what came before is checked at the end.
  tail -n 40 "$work/acknowledged" | while read -r digest; do
    "$chancery" query main/evidence record --digest "$digest" >/dev/null 2>&1 || { echo "LOST $digest in round $round"; exit 1; }
  done
done
while read -r digest; do
  "$chancery" query main/evidence record --digest "$digest" >/dev/null 2>&1 || { echo "LOST $digest"; exit 1; }
done <"$work/acknowledged"
kill -TERM "$node_pid"
wait "$node_pid" || :
node_pid=
"$chancery" replay --data "$work/chain/node-1" --into "$work/replayed" | tail -n 3
echo "$rounds rounds of kill -9: $(wc -l <"$work/acknowledged") calls acknowledged, none lost, replay equal"
