#!/usr/bin/env bash
# A real network with something on it for the portal to show: four validators on loopback, the sidechains evidence, waste
# and plates, filed documents and a batch, two districts' weigh-ins, a lottery drawn and one that is open.
#
#   scripts/portal_network.sh [DIR]     founds it in DIR (a new temporary directory without), writes DIR/portal.json, says
#                                       `portal: ready DIR/portal.json`, and stays until it is told to end
#
# DIR/portal.json names everything that a test or a visitor needs: addresses, documents with their salts, the batch's
# paths, households' codes, the lottery's periods. FEW=1 founds the chain `evidence` alone with nothing on it but what FILE_DIGEST
# names: another government's network, for those who test what passes for whose. API_PORT and P2P_PORT are the first of
# four ports; KEEP=1 leaves the directory. `make test-web` uses it.
set -euo pipefail

readonly here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
readonly root="$(dirname "$here")"
# shellcheck source=scripts/env.sh
. "$here/env.sh"

readonly few="${FEW:-}"
readonly chain=main
readonly evidence=evidence/evidence
readonly chancery="${CHANCERY:-$CARGO_TARGET_DIR/debug/chancery}"
readonly modules="${CHANCERY_MODULES:-$CARGO_TARGET_DIR/contracts}"
readonly start_timeout_s=60
readonly validators=4
readonly batch_wanted=300
readonly plates_entered=60
readonly plates_quota=12

if [[ -n "${1:-}" ]]; then
  mkdir -p "$1"
  work="$(cd "$1" && pwd)"
else
  work="$(mktemp -d "${TMPDIR:-/tmp}/chancery-portal.XXXXXX")"
fi
declare -A node_pids=()

say() { printf 'portal: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# shellcheck source=scripts/network.sh
. "$here/network.sh"

clean_up() {
  local status=$?
  stop_nodes
  if ((status != 0 && status != 130 && status != 143)); then tail -n 10 "$work"/chain/node-*/log >&2 || :; fi
  if [[ -z "${KEEP:-}" && -z "${1:-}" ]]; then rm -rf "$work"; fi
}
trap 'clean_up "${1:-}"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Calls a method and checks that it was done: done_by KEY SERVICE METHOD ARGUMENTS...
done_by() {
  local by="$1" service="$2" method="$3"
  shift 3
  "$chancery" call "$service" "$method" "$@" --as "$by" --json >called.json || fail "$method was refused: $(cat called.json)"
}

deploy() {
  local on="$1" module="$2" department="$3" name="$4"
  shift 4
  "$chancery" contract deploy "$on" "$modules/$module.wasm" --department "$department" --name "$name" "$@" --as demo \
    --json >"deploy-$name.json" || fail "$name was not deployed: $(cat "deploy-$name.json")"
}

# Has one act of the registry proposed and carried out: act MEASURE BY
act() {
  local number
  done_by "$2" "$chain/registry" propose --measure "$1" --reference "portal-$RANDOM"
  number="$(value_of value <called.json)"
  done_by "$2" "$chain/registry" carry_out --act "$number"
}

found_network() {
  start_network --heartbeat-ms 1000
  found_chain evidence judicial 1 2 3 4
  if [[ -n "$few" ]]; then return; fi
  found_chain waste environment 1 2 3
  found_chain plates transport 1 2 4
}

# --- evidence ---

file_documents() {
  mkdir documents batch
  printf 'Deed 17 of the land office.\nParcel 4-211 is transferred to the municipality.\n' >documents/deed.txt
  printf '判决书\n原告与被告于本日达成和解。\n' >documents/判决书.txt
  head -c 200000 /dev/urandom >documents/scan.bin
  printf 'A letter that the court withholds.\n' >documents/withheld.txt
  printf 'A letter that is sealed.\n' >documents/sealed.txt
  ls -d "$work"/documents/* >documents.txt
  "$chancery" digest --files-from documents.txt --salt-file salts.jsonl --jsonl >digests.jsonl
  "$chancery" call "$evidence" file --each digests.jsonl --case-number 2026-0001 --as demo --json >filed.json ||
    fail "not every document was filed: $(tail -n 1 filed.json)"
  done_by demo "$evidence" withhold --digest "$(digest_of withheld.txt)" --order 2026-W-1
  done_by demo "$evidence" seal --digest "$(digest_of sealed.txt)"
  local number
  for ((number = 1; number <= batch_wanted; number++)); do
    printf 'Notice %d of the register of companies.\n' "$number" >"batch/notice-$number.txt"
  done
  ls -d "$work"/batch/* >batch.txt
  "$chancery" digest batch --files-from batch.txt --salt-file batch-salts.jsonl --paths paths.jsonl --json >batch.json
  done_by demo "$evidence" file_batch --root "$(value_of root <batch.json)" --count "$batch_wanted" --case-number 2026-0002
}

salt_line() { grep -F "/$1\"" "$2"; }
salt_of() { salt_line "$1" salts.jsonl | value_of salt; }
digest_of() { sed -n "$(grep -n "/$1\$" documents.txt | cut -d: -f1)p" digests.jsonl | value_of digest; }

# --- waste sorting ---

weigh_in() {
  local waste=waste/waste-sorting today district
  deploy waste waste_sorting environment waste-sorting
  "$chancery" key new office --insecure >/dev/null 2>&1
  "$chancery" key new inspector --insecure >/dev/null 2>&1
  today=$((($(date +%s) + 8 * 3600) / 86400))
  od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n' >period.key
  for district in 7 8; do
    done_by demo "$waste" set_district --district "$district" --office key:office --label "district-$district"
    # An account is staff of one district; the second one's office weighs itself.
    local weigher=inspector
    if ((district == 8)); then weigher=office; fi
    done_by office "$waste" appoint --account "key:$weigher" --staff \
      "{\"district\":$district,\"weighs\":true,\"arbitrates\":false,\"redeems\":true,\"label\":\"i-$district\"}"
    done_by office "$waste" set_point --number "$district" --point "{\"district\":$district,\"open\":true,\"label\":\"gate-$district\"}"
    done_by office "$waste" set_rule --district "$district" --from_day $((today - 100)) \
      --rule '{"rates":[100,50,20,0,200,100,40,0,300,300,300,300,10,5,0,0],"reference":"W-2026-1"}'
    done_by office "$waste" open_period --district "$district" --number 1 --first_day $((today - 100)) \
      --last_day $((today + 60)) --redeem_until_day $((today + 60))
    awk -v d="$district" 'BEGIN { for (n = 1; n <= 20; n++) printf "%d-%d\n", d, n }' >"households-$district.txt"
    "$chancery" waste codes "households-$district.txt" --district "$district" --period 1 --key-file period.key >enrol.jsonl
    "$chancery" call "$waste" enrol --each enrol.jsonl --as office --json >enrolled.json ||
      fail "nobody was enrolled: $(cat enrolled.json)"
    awk -v d="$district" -v now="$(date +%s)" 'BEGIN {
      srand(d)
      print "slip,household,day,category,grade,grams"
      split("Kitchen Recyclable Hazardous Residual", category, " ")
      split("A B C D", grade, " ")
      for (slip = 1; slip <= 200; slip++)
        printf "%d,%d-%d,%s,%s,%s,%d\n", d * 1000 + slip, d, int(rand() * 20) + 1,
          strftime("%Y-%m-%d", now - int(rand() * 90) * 86400, 1), category[int(rand() * 4) + 1], grade[int(rand() * 4) + 1],
          int(rand() * 5000) + 100
    }' >"weighings-$district.csv"
    "$chancery" waste batches "weighings-$district.csv" --point "$district" --key-file period.key >"weigh-$district.jsonl" ||
      fail "the weigh-ins of district $district cannot be read"
    "$chancery" call "$waste" weigh --each "weigh-$district.jsonl" --as "$weigher" --json >weighed.json ||
      fail "nothing was weighed: $(tail -n 1 weighed.json)"
  done
  sed -n 's/.*"household":"\([0-9a-f]\{32\}\)".*/\1/p' weigh-7.jsonl | head -n 1 >household
  done_by inspector "$waste" redeem --receipt "$(printf 'receipt 1' | sha256sum | cut -c1-64)" --code "$(cat household)" --points 1
}

# --- the lottery ---

# Tokens that the authority signed without seeing them, as entries: make_entries COUNT NAME
make_entries() {
  local line
  "$chancery" plates blind --token-key modulus --secrets "tokens-$2.jsonl" --count "$1" >blinded.jsonl
  sed 's/.*"blinded":"\([0-9a-f]*\)".*/\1/; s/../\\x&/g' blinded.jsonl | while read -r line; do
    # shellcheck disable=SC2059 # the format is the bytes themselves
    printf "$line" | openssl pkeyutl -decrypt -inkey authority.pem -pkeyopt rsa_padding_mode:none
  done | od -An -v -tx1 -w256 | tr -d ' ' >signatures
  "$chancery" plates unblind signatures --token-key modulus --secrets "tokens-$2.jsonl" >"entries-$2.jsonl" ||
    fail "not every signature is the authority's"
}

open_period() {
  "$chancery" call "$plates" open --as officer --json --token-key "$(cat modulus)" --rules \
    "{\"quota\":$plates_quota,\"extra_tickets_max\":3,\"entries_until_ms\":$1,\"draw_after_blocks\":4,\"claim_within_ms\":3600000}" \
    >open.json || fail "no period was opened: $(cat open.json)"
}

# Tries until it is done, for at most a minute: in_time WHAT COMMAND...
in_time() {
  local what="$1" until_ms=$(($(now_ms) + 60000))
  shift
  until "$@" >tried.json 2>&1; do
    (($(now_ms) < until_ms)) || fail "$what: $(cat tried.json)"
    sleep 0.5
  done
}

draw_page() { "$chancery" call "$plates" draw --period 0 --numbers 60 --as demo --json >draw.json; }

draw_plates() {
  local until_ms
  readonly plates=plates/plate-lottery
  deploy plates plate_lottery transport plate-lottery
  "$chancery" key new officer --insecure >/dev/null 2>&1
  act "{\"GrantRole\":{\"department\":\"transport\",\"role\":\"lottery-officer\",\"account\":\"key:officer\",\"from_ms\":0,\"until_ms\":$(($(now_ms) + 300 * 86400000))}}" admin-transport
  await_messages main plates
  openssl genrsa -out authority.pem 2048 2>/dev/null
  openssl rsa -in authority.pem -noout -modulus | sed 's/.*=//' | tr 'A-F' 'a-f' >modulus
  make_entries "$plates_entered" drawn
  make_entries 5 open
  until_ms=$(($(now_ms) + 6000))
  open_period "$until_ms"
  "$chancery" call "$plates" enter --each entries-drawn.jsonl --period 0 --as demo --json >entered.json ||
    fail "not everyone was entered: $(tail -n 1 entered.json)"
  in_time "the list was not frozen" "$chancery" call "$plates" freeze --period 0 --as demo --json
  local frozen
  frozen="$(value_of height <tried.json)"
  "$chancery" chain anchored plates --from "$frozen" -o anchored.bin >/dev/null ||
    fail "the frozen list is not on the mainchain's record"
  done_by demo "$plates" show_anchored --period 0 --presented @anchored.bin
  until grep -q '"value":true' draw.json 2>/dev/null; do in_time "nothing was drawn" draw_page; done
  "$chancery" query "$plates" winners --period 0 --after null --limit 200 --json >winners.json
  open_period $(($(now_ms) + 30 * 86400000))
  "$chancery" call "$plates" enter --each entries-open.jsonl --period 1 --as demo --json >entered.json ||
    fail "not everyone was entered: $(tail -n 1 entered.json)"
}

# --- what there is ---

# A JSON text of what stands in standard input, which holds no control characters.
quoted() { sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$/"/'; }

document() {
  printf '{"file":%s,"digest":"%s","salt":"%s"}' "$(printf '%s\n' "$work/documents/$1" | quoted)" "$(digest_of "$1")" "$(salt_of "$1")"
}

write_nodes() {
  local number separator=""
  printf '"work":%s,"anchor":%s,"chancery":%s,"nodes":[' "$(printf '%s\n' "$work" | quoted)" \
    "$(printf '%s\n' "$work/chain/anchor" | quoted)" "$(printf '%s\n' "$chancery" | quoted)"
  for ((number = 1; number <= validators; number++)); do
    printf '%s{"url":"%s","directory":"%s","pid":%s}' "$separator" "$(value_of url <"$work/chain/node-$number/ready.json")" \
      "$work/chain/node-$number" "${node_pids[$number]}"
    separator=,
  done
  printf ']'
}

write_summary() {
  local notice=notice-123.txt
  {
    printf '{'
    write_nodes
    if [[ -z "$few" ]]; then
      printf ',"documents":{"deed":%s,"judgement":%s,"scan":%s,"withheld":%s,"sealed":%s}' "$(document deed.txt)" \
        "$(document 判决书.txt)" "$(document scan.bin)" "$(document withheld.txt)" "$(document sealed.txt)"
      printf ',"batch":{"root":"%s","count":%s,"paths":"%s","file":"%s","salt":"%s"}' "$(value_of root <batch.json)" \
        "$batch_wanted" "$work/paths.jsonl" "$work/batch/$notice" "$(salt_line "$notice" batch-salts.jsonl | value_of salt)"
      printf ',"waste":{"districts":[7,8],"household":"%s"}' "$(cat household)"
      printf ',"lottery":{"drawn":0,"open":1,"entries":%s,"quota":%s,"winners":%s}' "$plates_entered" "$plates_quota" \
        "$(grep -o '\[[0-9]*,[0-9]*\]' winners.json | sed 's/.*,\([0-9]*\)\]/\1/' | paste -sd, | sed 's/.*/[&]/')"
    fi
    printf '}\n'
  } >portal.json
}

[[ -x "$chancery" ]] || fail "there is no $chancery; run \`make build\`"
[[ -e "$modules/evidence.wasm" ]] || fail "there is no $modules/evidence.wasm; run scripts/contracts.sh"
command -v openssl >/dev/null || fail "there is no openssl to play the lottery's authority with; install it"
export CHANCERY_KEYS="$work/chain/keys"
cd "$work"
found_network
say "four validators and their sidechains, after ${SECONDS} s"
deploy evidence evidence judicial evidence --court key:demo
done_by demo "$evidence" appoint --custodian key:demo --label registry-1
if [[ -n "$few" ]]; then
  if [[ -n "${FILE_DIGEST:-}" ]]; then done_by demo "$evidence" file --digest "$FILE_DIGEST" --case-number 2026-0001; fi
else
  file_documents
  say "documents, after ${SECONDS} s"
  weigh_in
  say "weigh-ins, after ${SECONDS} s"
  draw_plates
  say "a lottery, after ${SECONDS} s"
fi
write_summary
echo "portal: ready $work/portal.json"
# Whatever ends a node ends this, and a signal ends both.
wait -n "${node_pids[@]}" || :
fail "a node has ended"
