#!/usr/bin/env bash
# Shows by a trace of system calls that no acknowledgement leaves a node before its block is on the disk.
#
#   scripts/ack_after_fsync.sh [CALLS]      20 unless said; needs strace, `make build` and `scripts/contracts.sh`
#
# A node runs under strace while calls are made. For every answer that carries a receipt, the judge looks for the writes
# of that transaction's digest to the database's log, and for an fdatasync of the same file that began after the last
# of them ended and itself ended before the answer was sent. The judge is then given the same trace without its syncs,
# and must find every acknowledgement wrong: a judge that passes anything is worth nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/env.sh
. scripts/env.sh

calls="${1:-20}"
chancery="$CARGO_TARGET_DIR/debug/chancery"
command -v strace >/dev/null || {
  echo "there is no strace: install it (Debian: apt-get install strace)" >&2
  exit 1
}
strace -o /dev/null true 2>/dev/null || {
  echo "strace may not trace here (ptrace is refused to this user or container)" >&2
  exit 1
}
work="$(mktemp -d "${TMPDIR:-/tmp}/chancery-fsync.XXXXXX")"
tracer=
finish() {
  # A tracer that ends by SIGTERM lets its tracee go on, so the node is asked first.
  if [[ -n "$tracer" ]]; then pkill -TERM -P "$tracer" 2>/dev/null || :; wait "$tracer" 2>/dev/null || :; fi
  rm -rf "$work"
}
trap finish EXIT
export CHANCERY_KEYS="$work/chain/keys"

# One file a thread, so that no call is torn in two; times in microseconds, and how long each call took.
strace -ff -o "$work/trace" -ttt -T -x -yy -s 4000000 \
  -e trace=write,writev,pwrite64,sendto,sendmsg,fsync,fdatasync \
  "$chancery" dev --json --validators 1 --data "$work/chain" --listen 127.0.0.1:0 >"$work/ready.json" 2>"$work/log" &
tracer=$!
until grep -q '"ready":true' "$work/ready.json"; do
  kill -0 "$tracer" || { tail "$work/log"; exit 1; }
  sleep 0.05
done
CHANCERY_NODE="$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$work/ready.json")"
export CHANCERY_NODE
"$chancery" contract deploy main "$CARGO_TARGET_DIR/contracts/evidence.wasm" --department judicial --name evidence \
  --court key:demo --as demo >/dev/null
"$chancery" call main/evidence appoint --custodian key:demo --label registry-1 --as demo >/dev/null
# With its gas given, a call is not simulated first, so every receipt that is sent is an acknowledgement.
for ((n = 0; n < calls; n++)); do
  digest="$(printf 'call %s' "$n" | sha256sum | cut -c1-64)"
  "$chancery" call main/evidence file --digest "$digest" --case-number "case-$n" --gas 500000000 --as demo >/dev/null
done
pkill -TERM -P "$tracer"
wait "$tracer" || :
tracer=

# Lines of all threads, in the order in which the calls began.
sort -s -k1,1n "$work"/trace.* >"$work/all"
cat >"$work/judge.awk" <<'AWK'
# TIME CALL(FD<PATH>, ...) = RESULT <TOOK>
function took() { match($0, /<[0-9.]+>$/); return substr($0, RSTART + 1, RLENGTH - 2) + 0 }
{
  began = $1 - base
  if (!NR_seen++) { base = $1; began = 0 }
  call = $2; sub(/\(.*/, "", call)
  ended = began + took()
  is_log = match($0, /\/store\/db\/[0-9]+\.log>/)
  file = is_log ? substr($0, RSTART, RLENGTH) : ""
}
is_log && call ~ /^p?write/ { writes++; write_end[writes] = ended; write_file[writes] = file; write_data[writes] = $0 }
is_log && call ~ /sync$/ { syncs++; sync_begin[syncs] = began; sync_end[syncs] = ended; sync_file[syncs] = file }
/HTTP\/1\.1 200/ && match($0, /\\"transaction\\":\\"[0-9a-f]+\\"/) && /\\"gas_used\\"/ {
  digest = substr($0, RSTART, RLENGTH)
  gsub(/[^0-9a-f]/, "", digest); digest = substr(digest, length(digest) - 63)
  if (length(digest) != 64 || ++answered[digest] > 1) next
  acks++; ack_digest[acks] = digest; ack_begin[acks] = began
}
END {
  for (a = 1; a <= acks; a++) {
    bytes = ack_digest[a]; gsub(/../, "\\x&", bytes)
    last = 0
    for (w = 1; w <= writes; w++)
      if (write_end[w] < ack_begin[a] && index(write_data[w], bytes)) last = w
    good = 0
    for (s = 1; last && s <= syncs; s++)
      if (sync_file[s] == write_file[last] && sync_begin[s] >= write_end[last] && sync_end[s] <= ack_begin[a]) good = s
    if (!last) simulated++
    else if (!good) { wrong++; print "ACKNOWLEDGED BEFORE ITS SYNC: " ack_digest[a] }
    else { right++; slack = (ack_begin[a] - sync_end[good]) * 1000; if (right == 1 || slack < least) least = slack }
  }
  printf "%d acknowledgements after their sync, %d before it, %d receipts of simulations\n", right, wrong, simulated
  if (right) printf "shortest time from the end of the sync to the answer: %.3f ms\n", least
  exit !(right >= wanted && wrong == 0)
}
AWK
awk -v wanted="$((calls + 2))" -f "$work/judge.awk" "$work/all"
grep -vE '^[0-9.]+ f(data)?sync\(' "$work/all" >"$work/without"
if awk -v wanted="$((calls + 2))" -f "$work/judge.awk" "$work/without" >"$work/verdict"; then
  echo "the judge passes a trace without any sync" >&2
  exit 1
fi
grep -q "^0 acknowledgements after" "$work/verdict" || { tail -n 2 "$work/verdict" >&2; exit 1; }
echo "and the same trace without its syncs is found wrong for every one of them"
