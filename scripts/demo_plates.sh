# The part of the walk-through that draws licence plates, sourced by demo.sh: the registry's administrators grant a role,
# a list of entries with blind tokens is frozen, the validators' beacon draws it, and a program that shares no code with
# the contract draws it again; then two departments freeze an account, and the freeze ends by itself.
#
# It needs openssl, which plays the authority that signs tokens.

readonly plates="$chain/plate-lottery"
readonly entries_wanted="${DEMO_ENTRIES:-100}"
readonly plates_wanted=10

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

# The hexadecimal digits of a file's bytes.
digits() { od -An -v -tx1 "$1" | tr -d ' \n'; }

draw_plates() {
  local started number until_ms height
  say "8. a licence-plate lottery: $entries_wanted entries for $plates_wanted plates"
  "$chancery" contract build "$root/contracts/plate-lottery" --json >plates.json || fail "the lottery was not built"
  "$chancery" contract deploy "$chain" "$(value_of file <plates.json)" --department transport --name plate-lottery \
    --as demo --json >deploy-plates.json || fail "the lottery was not deployed: $(cat deploy-plates.json)"
  for number in officer suspect; do "$chancery" key new "$number" --insecure >/dev/null 2>&1; done
  until_ms=$(($(now_ms) + 300 * 86400000))
  act "{\"GrantRole\":{\"department\":\"transport\",\"role\":\"lottery-officer\",\"account\":\"key:officer\",\"from_ms\":0,\"until_ms\":$until_ms}}" admin-transport
  echo "the administrator of transport granted the role lottery-officer, by an act in the registry"

  # The authority's key, and tokens as they are once their holders have unblinded them.
  openssl genrsa -out authority.pem 2048 2>/dev/null
  openssl rsa -in authority.pem -noout -modulus | sed 's/.*=//' | tr 'A-F' 'a-f' >modulus
  : >entries.jsonl
  for ((number = 0; number < entries_wanted; number++)); do
    openssl rand 32 >token
    { printf 'chancery/plate-lottery/token/v1'; cat token; } >message
    openssl dgst -sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:48 -sign authority.pem -out signature message
    printf '{"entry":{"token":"%s","signature":"%s","key":"%s","loss":null}}\n' \
      "$(digits token)" "$(digits signature)" "$(openssl rand -hex 32)" >>entries.jsonl
  done
  started="$(now_ms)"
  until_ms=$(($(now_ms) + 6000))
  "$chancery" call "$plates" open --as officer --json --token-key "$(cat modulus)" --rules \
    "{\"quota\":$plates_wanted,\"extra_tickets_max\":3,\"entries_until_ms\":$until_ms,\"draw_after_blocks\":3,\"claim_within_ms\":3600000}" \
    >open.json || fail "no period was opened: $(cat open.json)"
  "$chancery" call "$plates" enter --each entries.jsonl --period 0 --as demo --json >entered.jsonl ||
    fail "not everyone was entered: $(tail -n 1 entered.jsonl)"
  entered_gas="$(tail -n 1 entered.jsonl | value_of gas_per_call)"
  # Entries are over when a block's time is past the end.
  until "$chancery" call "$plates" freeze --period 0 --as demo --json >freeze.json 2>&1; do
    (($(now_ms) < until_ms + 60000)) || fail "the list was not frozen: $(cat freeze.json)"
    sleep 0.5
  done
  height="$(value_of value <freeze.json)"
  echo "the list of $entries_wanted is frozen; the beacon of height $height, which nobody can know yet, will draw"
  until "$chancery" call "$plates" draw --period 0 --numbers 200 --as demo --json >draw.json 2>&1; do
    (($(now_ms) < until_ms + 120000)) || fail "nothing was drawn: $(cat draw.json)"
    sleep 0.5
  done
  draw_gas="$(value_of gas_used <draw.json)"
  grep -q '"value":true' draw.json || fail "the draw is not complete: $(cat draw.json)"
  draw_time="$(took "$started")"

  # Anyone does it again from what is published.
  "$chancery" query "$plates" period --period 0 --json >period.json
  "$chancery" query "$plates" winners --period 0 --after null --limit 200 --json >winners.json
  "$chancery" query "$plates" entries --period 0 --after null --limit 200 --json >list.json
  cargo build --quiet --locked --manifest-path "$root/examples/redraw/Cargo.toml" || fail "the redraw was not built"
  "${CARGO_TARGET_DIR:-$root/examples/redraw/target}/debug/redraw" 0 period.json winners.json list.json ||
    fail "the draw done again differs"
  sed 's/"key":"[0-9a-f]\{8\}/"key":"00000000/' list.json >swapped.json
  if "${CARGO_TARGET_DIR:-$root/examples/redraw/target}/debug/redraw" 0 period.json winners.json swapped.json 2>/dev/null; then
    fail "a list that was changed passed for the frozen one"
  fi
  echo "and with one entry changed it does not pass"
}

freeze_and_expire() {
  say "9. two departments freeze an account, and the freeze ends by itself"
  local until_ms=$(($(now_ms) + 8000))
  act "{\"Freeze\":{\"target\":\"key:suspect\",\"legal_basis\":\"demo-1\",\"until_ms\":$until_ms}}" admin-judicial admin-interior
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
