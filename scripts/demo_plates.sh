# The part of the walk-through that draws licence plates, sourced by demo.sh: the registry's administrators grant a role,
# a list of entries with blind tokens is frozen, the validators' beacon draws it, and a program that shares no code with
# the contract draws it again; then two departments freeze an account, and the freeze ends by itself.
#
# It needs openssl, which plays the authority that signs tokens.

readonly plates=plates/plate-lottery
readonly entries_wanted="${DEMO_ENTRIES:-5000}"
readonly plates_wanted="${DEMO_PLATES:-100}"
# Entries of one page of a query.
readonly page_entries=200

# Has an act proposed by one administrator, approved by others, and carried out: act MEASURE BY [APPROVER...]
act() {
  local measure="$1" by="$2" number approver
  shift 2
  "$chancery" call "$chain/registry" propose --measure "$measure" --reference "demo-$RANDOM" --as "$by" --json >act.json ||
    fail "the act was not proposed: $(cat act.json)"
  number="$(value_of value <act.json)"
  for approver in "$@"; do
    "$chancery" call "$chain/registry" approve --act "$number" --as "$approver" --json >approve.json ||
      fail "the act was not approved: $(cat approve.json)"
  done
  "$chancery" call "$chain/registry" carry_out --act "$number" --as "$by" --json >carried.json ||
    fail "the act was not carried out: $(cat carried.json)"
}

# What the authority does: signs lines $1 to $2 of what it is given, one raw operation each, and sees no token.
sign_blinded() {
  local line
  sed -n "$1,$2p" blinded.hex | sed 's/../\\x&/g' | while read -r line; do
    # shellcheck disable=SC2059 # the format is the bytes themselves
    printf "$line" | openssl pkeyutl -decrypt -inkey authority.pem -pkeyopt rsa_padding_mode:none
  done | od -An -v -tx1 -w256 | tr -d ' ' >"signatures-$1"
}

# All pages of a query of the lottery, a file each: pages METHOD PREFIX; leaves their names in `pages`.
pages() {
  local after=null page=0 last
  pages=()
  while :; do
    "$chancery" query "$plates" "$1" --period 0 --after "$after" --limit "$page_entries" --json >"$2-$page.json"
    last="$(tail -c 4000 "$2-$page.json" | grep -o '\[[0-9]*,[{0-9]' | tail -n 1 | tr -dc '0-9,' | cut -d, -f1 || :)"
    if [[ -z "$last" ]]; then break; fi
    pages+=("$2-$page.json")
    after="$last"
    ((page += 1))
  done
}

draw_plates() {
  local started number until_ms height
  say "10. a licence-plate lottery: $entries_wanted entries for $plates_wanted plates"
  "$chancery" contract build "$root/contracts/plate-lottery" --json >plates.json || fail "the lottery was not built"
  "$chancery" contract deploy plates "$(value_of file <plates.json)" --department transport --name plate-lottery \
    --as demo --json >deploy-plates.json || fail "the lottery was not deployed: $(cat deploy-plates.json)"
  for number in officer suspect; do "$chancery" key new "$number" --insecure >/dev/null 2>&1; done
  until_ms=$(($(now_ms) + 300 * 86400000))
  act "{\"GrantRole\":{\"department\":\"transport\",\"role\":\"lottery-officer\",\"account\":\"key:officer\",\"from_ms\":0,\"until_ms\":$until_ms}}" admin-transport
  await_messages main plates
  echo "the administrator of transport granted the role lottery-officer, by an act in the registry; chain plates knows of it"
  # Whose word counts here from other chains.
  done_by officer "$plates" set_sources \
    --identity "{\"chain\":\"main\",\"contract\":\"$(value_of contract <deploy-identity.json)\"}" \
    --court "{\"chain\":\"evidence\",\"contract\":\"$(value_of contract <deploy.json)\"}"

  # The authority's key. Tokens are made and blinded by those who want to take part; it signs without seeing them.
  openssl genrsa -out authority.pem 2048 2>/dev/null
  openssl rsa -in authority.pem -noout -modulus | sed 's/.*=//' | tr 'A-F' 'a-f' >modulus
  started="$(now_ms)"
  "$chancery" plates blind --token-key modulus --secrets tokens.jsonl --count "$entries_wanted" >blinded.jsonl
  sed 's/.*"blinded":"\([0-9a-f]*\)".*/\1/' blinded.jsonl >blinded.hex
  # On two processors.
  sign_blinded 1 "$((entries_wanted / 2))" &
  sign_blinded "$((entries_wanted / 2 + 1))" "$entries_wanted"
  wait $!
  cat signatures-1 "signatures-$((entries_wanted / 2 + 1))" >signatures
  "$chancery" plates unblind signatures --token-key modulus --secrets tokens.jsonl >entries.jsonl ||
    fail "not every signature is the authority's"
  if grep -q "$(head -n 1 entries.jsonl | value_of token)" blinded.hex; then fail "the authority has seen a token"; fi
  echo "the authority signed $entries_wanted tokens without seeing one, in $(took "$started")"
  started="$(now_ms)"
  # Entries are taken for as long as this machine needs for them, generously.
  until_ms=$(($(now_ms) + 6000 + entries_wanted * 12))
  "$chancery" call "$plates" open --as officer --json --token-key "$(cat modulus)" --rules \
    "{\"quota\":$plates_wanted,\"extra_tickets_max\":3,\"entries_until_ms\":$until_ms,\"draw_after_blocks\":8,\"claim_within_ms\":3600000}" \
    >open.json || fail "no period was opened: $(cat open.json)"
  "$chancery" call "$plates" enter --each entries.jsonl --period 0 --as demo --json >entered.jsonl ||
    fail "not everyone was entered: $(tail -n 1 entered.jsonl)"
  entered_gas="$(tail -n 1 entered.jsonl | value_of gas_per_call)"
  entered_all_gas="$(tail -n 1 entered.jsonl | value_of gas_used)"
  entered_time="$(awk -v ms="$(tail -n 1 entered.jsonl | value_of elapsed_ms)" 'BEGIN { printf "%.1f s", ms / 1000 }')"
  # Entries are over when a block's time is past the end.
  until "$chancery" call "$plates" freeze --period 0 --as demo --json >freeze.json 2>&1; do
    (($(now_ms) < until_ms + 60000)) || fail "the list was not frozen: $(cat freeze.json)"
    sleep 0.5
  done
  height="$(value_of value <freeze.json)"
  started="$(now_ms)"
  echo "the list of $entries_wanted is frozen; the beacon of the mainchain's height $height, which nobody can know yet, will draw"
  # On a sidechain there is no draw before it is shown that the list was on the mainchain's record before that.
  "$chancery" chain anchored plates --from "$(value_of height <freeze.json)" -o anchored.bin >/dev/null ||
    fail "the frozen list is not on the mainchain's record"
  "$chancery" call "$plates" show_anchored --period 0 --presented @anchored.bin --as demo --json >anchored.json ||
    fail "the frozen list's record was refused: $(cat anchored.json)"
  echo "its block is on the mainchain's record at height $(value_of value <anchored.json)"
  draw_gas=0 draw_calls=0
  # In pages, each a transaction; the result does not depend on them.
  until grep -q '"value":true' draw.json 2>/dev/null; do
    if "$chancery" call "$plates" draw --period 0 --numbers 60 --as demo --json >draw.json 2>&1; then
      draw_gas=$((draw_gas + $(value_of gas_used <draw.json)))
      ((draw_calls += 1))
    else
      (($(now_ms) < until_ms + 120000)) || fail "nothing was drawn: $(cat draw.json)"
      sleep 0.5
    fi
  done
  draw_time="$(took "$started")"

  # Anyone does it again from what is published.
  "$chancery" query "$plates" period --period 0 --json >period.json
  pages winners winners
  # One list of all of them.
  cat "${pages[@]}" | grep -o '\[[0-9]*,[0-9]*\]' | paste -sd, | sed 's/.*/{"value":[&]}/' >winners.json
  pages entries list
  cargo build --quiet --locked --manifest-path "$root/examples/redraw/Cargo.toml" || fail "the redraw was not built"
  "${CARGO_TARGET_DIR:-$root/examples/redraw/target}/debug/redraw" 0 period.json winners.json "${pages[@]}" ||
    fail "the draw done again differs"
  sed 's/"key":"[0-9a-f]\{8\}/"key":"00000000/' "${pages[0]}" >swapped.json
  if "${CARGO_TARGET_DIR:-$root/examples/redraw/target}/debug/redraw" 0 period.json winners.json swapped.json "${pages[@]:1}" 2>/dev/null; then
    fail "a list that was changed passed for the frozen one"
  fi
  echo "and with one entry changed it does not pass"
}

freeze_and_expire() {
  say "11. two departments freeze an account, and the freeze ends by itself"
  local until_ms=$(($(now_ms) + 8000))
  act "{\"Freeze\":{\"target\":\"key:suspect\",\"legal_basis\":\"demo-1\",\"until_ms\":$until_ms}}" admin-judicial admin-interior
  await_messages main plates
  if "$chancery" call "$plates" expire --period 0 --ranks 1 --as suspect --json >frozen.json 2>&1; then
    fail "a frozen account did something"
  fi
  grep -q 'the registry has frozen' frozen.json || fail "it was refused for another reason: $(cat frozen.json)"
  echo "frozen by act of judicial and interior: its call is refused"
  while (($(now_ms) < until_ms + 1500)); do sleep 0.3; done
  # The contract's own refusal now: claims are still open.
  "$chancery" call "$plates" expire --period 0 --ranks 1 --as suspect --json >thawed.json 2>&1 || :
  grep -q ClaimsOpen thawed.json || fail "the freeze did not end: $(cat thawed.json)"
  echo "the freeze has expired: the account reaches contracts again"
}
