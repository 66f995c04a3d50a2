#!/usr/bin/env bash
# The walk-through: a department's service runs for real, on this machine, from source to proof.
#
# It builds the evidence contract, plans a network of four validators and starts each as a process of its own on
# loopback, founds a sidechain for each of three departments, deploys the contract on its own, files salted digests of real files and one batch of 10,000 under a single root, kills
# one validator in between and sees the others go on, reads records back, attests residents, one of whom shows one attribute
# under consent, turns a CSV of 10,000 weigh-ins into points, draws a licence-plate lottery of 5,000 by the validators'
# beacon and draws it again by a program that shares no code, freezes an account by act of two departments, sends points and a
# court's order from chain to chain, stops them all,
# verifies an inclusion, an absence, a batch and a credential offline, and executes the whole chain again in a second
# directory.
#
#   scripts/demo.sh           runs, shows a table, cleans up
#   KEEP=1 scripts/demo.sh    leaves the nodes up and prints what to try next
#
# DEMO_FILES, DEMO_BATCH, DEMO_RESIDENTS, DEMO_WEIGHINGS and DEMO_ENTRIES change the numbers; CHANCERY names the binary. Exit code 0 only if everything held.
set -euo pipefail

readonly here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
readonly root="$(dirname "$here")"
# shellcheck source=scripts/env.sh
. "$here/env.sh"

readonly files_wanted="${DEMO_FILES:-500}"
readonly batch_wanted="${DEMO_BATCH:-10000}"
readonly keep="${KEEP:-}"
# The mainchain has the registry and identity; each department's services are on a sidechain of its own.
readonly chain=main
readonly contract=evidence/evidence
readonly chancery="${CHANCERY:-${CARGO_TARGET_DIR:-$root/target}/debug/chancery}"
readonly start_timeout_s=60
readonly validators=4

work="$(mktemp -d "${TMPDIR:-/tmp}/chancery-demo.XXXXXX")"
declare -A node_pids=()

say() { printf '\n--- %s\n' "$*"; }
fail() { printf 'demo: %s\n' "$*" >&2; exit 1; }

# shellcheck source=scripts/network.sh
. "$here/network.sh"

# Whatever happens, no node is left behind and no file, unless they are to be kept.
clean_up() {
  local status=$?
  stop_nodes
  if ((status != 0)); then
    printf 'demo: FAILED; the end of the nodes'"'"' logs:\n' >&2
    tail -n 10 "$work"/chain/node-*/log >&2 || :
  fi
  if [[ -n "$keep" ]]; then
    printf 'demo: everything is kept in %s\n' "$work"
  else
    rm -rf "$work"
  fi
}
trap clean_up EXIT
trap 'exit 130' INT TERM

took() { awk -v from="$1" -v to="$(now_ms)" 'BEGIN { printf "%.1f s", (to - from) / 1000 }'; }
grouped() { sed -e ':a' -e 's/\([0-9]\)\([0-9]\{3\}\)\($\|,\)/\1,\2\3/' -e 'ta' <<<"$1"; }
# What the files hold; RocksDB reserves room for its log beyond that.
store_kb() { du -sk --apparent-size "$work/chain/node-1/store" | cut -f1; }

[[ -x "$chancery" ]] || fail "there is no $chancery; run \`make demo\`, which builds it"
export CHANCERY_KEYS="$work/chain/keys"
cd "$work"
demo_started="$(now_ms)"

say "1. building contracts/evidence to Wasm"
started="$(now_ms)"
"$chancery" contract build "${DEMO_CONTRACT:-$root/contracts/evidence}" --json >"$work/build.json" ||
  fail "the contract was not built: $(cat "$work/build.json")"
wasm="$(value_of file <"$work/build.json")"
build_time="$(took "$started")"
"$chancery" contract check "$wasm"

say "2. starting a chain: $validators validators, each a process of its own on loopback, in $work/chain"
start_network --heartbeat-ms 1000
started="$(now_ms)"
found_chain evidence judicial 1 2 3 4
found_chain waste environment 1 2 3
found_chain plates transport 1 2 4
found_time="$(took "$started")"
echo "three sidechains, each founded by one act and started by the validators it names, in $found_time"
"$chancery" chain list
"$chancery" status

say "3. deploying it for department judicial, on its own sidechain"
"$chancery" contract deploy evidence "$wasm" --department judicial --name evidence --court key:demo --as demo --json >deploy.json ||
  fail "the contract was not deployed: $(cat deploy.json)"
deploy_gas="$(value_of gas_used <deploy.json)"
echo "address $(value_of contract <deploy.json)"
"$chancery" call "$contract" appoint --custodian key:demo --label registry-1 --as demo

say "4. filing $files_wanted real files of this machine, by salted digest"
# Files that packages installed: real documents, and nobody's private ones.
find /usr/share/doc /usr/include /usr/share /usr/lib /etc/ssl "$root" -type f -readable -size -1024k -not -path '*/.git/*' 2>/dev/null |
  awk -v wanted="$files_wanted" '!seen[$0]++ && count++ < wanted' >files.txt
found="$(wc -l <files.txt)"
((found >= files_wanted)) || fail "only $found readable files were found on this machine, and $files_wanted are wanted"
"$chancery" digest --files-from files.txt --salt-file salts.jsonl --jsonl >digests.jsonl
disk_before="$(store_kb)"
"$chancery" call "$contract" file --each digests.jsonl --case-number 2026-0001 --as demo --results filed.jsonl --json >each.jsonl ||
  fail "not every file was filed: $(tail -n 1 each.jsonl)"
tail -n 1 each.jsonl >summary.json
file_calls="$(value_of done <summary.json)"
file_gas="$(value_of gas_used <summary.json)"
file_gas_each="$(value_of gas_per_call <summary.json)"
file_ms="$(value_of elapsed_ms <summary.json)"
file_rate="$(value_of calls_per_second <summary.json)"
((file_calls == files_wanted)) || fail "$file_calls of $files_wanted files were filed"
echo "filed $file_calls files: $(grouped "$file_gas") gas, $file_rate calls/s; their salts stay in salts.jsonl"

say "5. killing validator 4; filing one batch of $batch_wanted digests under one Merkle root"
kill -KILL "${node_pids[4]}"
wait "${node_pids[4]}" 2>/dev/null || :
started="$(now_ms)"
# A register of so many lines: what this machine's files are called, how large they are and how old.
find /usr -type f -printf '%p;%s;%T@\n' 2>/dev/null | awk -v wanted="$batch_wanted" '
  NR <= wanted { print }
  END { for (line = NR + 1; line <= wanted; line++) print "entry;" line }' >register.csv
"$chancery" digest batch --lines register.csv --salt-file register-salts.jsonl --paths paths.jsonl --json >batch.json
batch_root="$(value_of root <batch.json)"
batch_time="$(took "$started")"
"$chancery" call "$contract" file_batch --root "$batch_root" --count "$batch_wanted" --case-number 2026-0002 \
  --as demo --json >batch-call.json || fail "the batch was not filed: $(cat batch-call.json)"
batch_gas="$(value_of gas_used <batch-call.json)"
echo "root $batch_root: $(grouped "$batch_gas") gas for $(grouped "$batch_wanted") digests, by three of four"
missed_from="$(height_of 1)"
start_node 4
await_node 4
for ((waited = 0; $(height_of 4) < missed_from; waited++)); do
  ((waited < start_timeout_s * 10)) || fail "validator 4 did not catch up within $start_timeout_s s"
  sleep 0.1
done
echo "validator 4 is back and has caught up to height $missed_from"

say "6. reading records back"
read_back=0
digests_of() { sed -n 's/.*"digest":"\([0-9a-f]*\)".*/\1/p' "$1"; }
for digest in $(digests_of digests.jsonl | awk 'NR % 20 == 1'); do
  "$chancery" query "$contract" record --digest "$digest" --json >record.json || fail "there is no record of $digest"
  grep -q '"case_number":"2026-0001"' record.json || fail "the record of $digest is another one: $(cat record.json)"
  ((read_back += 1))
done
"$chancery" query "$contract" record --digest "$digest"
echo "$read_back records read back"

say "7. making proofs: a record, the absence of one, a member of the batch"
document="$(sed -n "$(((files_wanted + 1) / 2))p" files.txt)"
digest="$(sed -n "$(((files_wanted + 1) / 2))p" digests.jsonl | value_of digest)"
absent="$(printf 'never filed' | sha256sum | cut -c1-64)"
member_line=$(((batch_wanted + 1) / 2))
sed -n "${member_line}p" register.csv | tr -d '\n' >member.txt
member_salt="$(grep -F "\"register.csv:$member_line\"" register-salts.jsonl | value_of salt)"
"$chancery" prove "$contract" records "$digest" -o inclusion.proof --json >/dev/null
"$chancery" prove "$contract" records "$absent" -o absence.proof --json >/dev/null
"$chancery" prove "$contract" batches "$batch_root" -o batch.proof --json >/dev/null
ls -l inclusion.proof absence.proof batch.proof | awk '{ print $NF ": " $5 " bytes" }'
disk_after="$(store_kb)"
"$chancery" status --json >status.json
height="$(height_of 1)"

# shellcheck source=scripts/demo_services.sh
. "$here/demo_services.sh"
attest_and_present
weigh_in

# shellcheck source=scripts/demo_plates.sh
. "$here/demo_plates.sh"
if command -v openssl >/dev/null; then
  draw_plates
  freeze_and_expire
else
  say "10. and 11. a lottery and a freeze: LEFT OUT, because this machine has no openssl to play the authority with"
fi

across_chains

say "13. stopping all validators; verifying the proofs with the anchor file alone"
stop_nodes
anchor="$work/chain/anchor"
"$chancery" verify inclusion.proof --anchor "$anchor" --schema "$wasm" --document "$document" --salt-file salts.jsonl
"$chancery" verify absence.proof --anchor "$anchor" --schema "$wasm"
"$chancery" verify batch.proof --anchor "$anchor" --schema "$wasm" --document member.txt --salt "$member_salt" --paths paths.jsonl
"$chancery" identity check presented.json --proof credential.proof --anchor "$anchor" --max-age 3600 \
  --for transport-desk
# A proof that was changed must not pass: the last byte is one of the certificate's signature.
cp inclusion.proof forged.proof
printf '\xff\xff' | dd of=forged.proof bs=1 seek="$(($(stat -c %s forged.proof) - 2))" conv=notrunc status=none
if "$chancery" verify forged.proof --anchor "$anchor" --json >forged.json; then fail "a forged proof was accepted"; fi
grep -q '"code":"not_proven"' forged.json || fail "a forged proof was refused for another reason: $(cat forged.json)"
echo "and a forged copy is refused"

say "14. executing every chain again from its genesis, in a second directory"
# Validator 1 is of every chain's committee.
"$chancery" replay --data "$work/chain/node-1" --into "$work/replayed" --json >replay.json || fail "the replay differs: $(cat replay.json)"
# What is said of the mainchain comes first, then of each chain.
of_main() { grep -o "\"$1\":\"\{0,1\}[^\",}]*" replay.json | head -n 1 | sed 's/.*:"\{0,1\}//'; }
of_all() { sed 's/.*"chains":\[\(.*\)\].*/\1/' replay.json | grep -o "\"$1\":[0-9]*" | awk -F: '{ sum += $2 } END { printf "%.0f", sum }'; }
state_root="$(of_main state_root)"
replay_ms="$(value_of elapsed_ms <replay.json)"
grep -o '"chain":"[a-z]*"' replay.json | sort -u | tr '\n' ' '
echo "every root, receipt and gas figure is equal"

row() { printf '  %-34s %12s %18s %10s\n' "$@"; }
say "what it took"
row "" calls gas time
row "build the contract" "" "" "$build_time"
row "found three sidechains" 6 "" "$found_time"
row "deploy it" 1 "$(grouped "$deploy_gas")" ""
row "file $files_wanted files" "$file_calls" "$(grouped "$file_gas")" "$(awk -v ms="$file_ms" 'BEGIN { printf "%.1f s", ms / 1000 }')"
row "  one of them" 1 "$(grouped "$file_gas_each")" ""
row "file $batch_wanted digests as a batch" 1 "$(grouped "$batch_gas")" "$batch_time"
row "read back" "$read_back" "" ""
row "attest $residents_wanted residents" "$attest_calls" "$(grouped "$attest_gas")" "$attest_time"
row "file $weighings_wanted weigh-ins" "$weigh_calls" "$(grouped "$weigh_gas")" "$weigh_time"
if [[ -n "${draw_gas:-}" ]]; then
  row "enter the lottery, $entries_wanted entries" "$entries_wanted" "$(grouped "$entered_all_gas")" "$entered_time"
  row "  one of them" 1 "$(grouped "$entered_gas")" ""
  row "draw $plates_wanted of them" "$draw_calls" "$(grouped "$draw_gas")" "$draw_time"
fi
row "replay all blocks of four chains" "$(of_all transactions)" "$(grouped "$(of_all gas_used)")" \
  "$(awk -v ms="$replay_ms" 'BEGIN { printf "%.1f s", ms / 1000 }')"
printf '\n  height when the proofs were made   %s\n  state root of main (height %s)     %s\n' \
  "$height" "$(of_main height)" "$state_root"
printf '  store on disk                      %s KB, of which %s KB came with the files and the batch\n' \
  "$disk_after" "$((disk_after - disk_before))"
printf '  the whole demo                     %s\n' "$(took "$demo_started")"

if [[ -n "$keep" ]]; then
  # In sessions of their own, so that they outlive this script and its terminal's ctrl-c.
  left=
  for ((number = 1; number <= validators; number++)); do
    directory="$work/chain/node-$number"
    : >"$directory/ready.json"
    setsid "$chancery" node --json --config "$directory/node.toml" >"$directory/ready.json" 2>>"$directory/log" </dev/null &
    left="$left $!"
  done
  for ((waited = 0; waited < start_timeout_s * 10; waited++)); do
    if grep -q '"ready":true' chain/node-1/ready.json; then break; fi
    sleep 0.1
  done
  grep -q '"ready":true' chain/node-1/ready.json || fail "the nodes did not start again"
  cat <<EOF

The nodes are up (processes$left). To try next:

  cd $work
  export PATH="$(dirname "$chancery"):\$PATH" CHANCERY_NODE=$CHANCERY_NODE CHANCERY_KEYS=$CHANCERY_KEYS
  chancery status --watch
  chancery contract schema $contract
  chancery call $contract file --help
  chancery digest /etc/os-release
  chancery query $contract record --digest $digest
  chancery prove $contract records $digest -o mine.proof
  chancery verify mine.proof --anchor chain/anchor --schema $wasm

  kill$left        stops them; nothing is lost
EOF
fi
