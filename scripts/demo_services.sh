# The part of the walk-through that shows two departments' services besides, sourced by demo.sh: an authority attests
# thousands of residents and one of them presents one attribute, under consent, to a department; a waste office turns a CSV
# of ten thousand weigh-ins into a few transactions.

readonly identity="$chain/identity"
readonly waste=waste/waste-sorting
readonly residents_wanted="${DEMO_RESIDENTS:-2000}"
readonly weighings_wanted="${DEMO_WEIGHINGS:-10000}"

# Builds a contract and deploys it: deploy_service CHAIN FOLDER DEPARTMENT NAME [ARGUMENTS OF ITS INIT...]
deploy_service() {
  local on="$1" folder="$2" department="$3" name="$4"
  shift 4
  "$chancery" contract build "$root/$folder" --json >service.json || fail "$folder was not built: $(cat service.json)"
  "$chancery" contract deploy "$on" "$(value_of file <service.json)" --department "$department" --name "$name" "$@" \
    --as demo --json >deploy-service.json || fail "$name was not deployed: $(cat deploy-service.json)"
}

# Calls a method and checks that it was done: done_by KEY SERVICE METHOD ARGUMENTS...
done_by() {
  local by="$1" service="$2" method="$3"
  shift 3
  "$chancery" call "$service" "$method" "$@" --as "$by" --json >called.json || fail "$method was refused: $(cat called.json)"
}

# The credential's proof is checked offline at the end, when no node runs any more.
attest_and_present() {
  local started number subject until_ms=$(($(now_ms) + 30 * 86400000))
  say "8. identity: $residents_wanted residents attested; one of them shows one attribute, under consent"
  deploy_service main contracts/identity interior identity --replacement_delay_ms 259200000
  cp deploy-service.json deploy-identity.json
  for number in authority desk resident; do "$chancery" key new "$number" --insecure >/dev/null 2>&1; done
  done_by demo "$identity" appoint_authority --account key:authority --label interior-1
  done_by demo "$identity" appoint_department --account key:desk --label transport-desk
  subject="$("$chancery" key show resident --json | value_of address)"
  # Names and districts that nobody has; only salted roots leave this machine.
  {
    printf '{"subject":"%s","attributes":{"name":"Resident Zero","over-18":"yes","district":"west"}}\n' "$subject"
    awk -v wanted="$residents_wanted" 'BEGIN {
      srand(7)
      for (number = 1; number < wanted; number++) {
        address = ""
        for (part = 0; part < 16; part++) address = address sprintf("%04x", int(rand() * 65536))
        printf "{\"subject\":\"%s\",\"attributes\":{\"name\":\"Resident %d\",\"over-18\":\"%s\",\"district\":\"%s\"}}\n",
          address, number, rand() < 0.8 ? "yes" : "no", rand() < 0.5 ? "west" : "east"
      }
    }'
  } >residents.jsonl
  "$chancery" identity prepare residents.jsonl --wallets wallets.jsonl --valid-from-ms 0 --valid-until-ms "$until_ms" >attest.jsonl
  started="$(now_ms)"
  "$chancery" call "$identity" attest --each attest.jsonl --as authority --json >attested.jsonl ||
    fail "not everyone was attested: $(tail -n 1 attested.jsonl)"
  attest_time="$(took "$started")"
  attest_calls="$(tail -n 1 attested.jsonl | value_of done)"
  attest_gas="$(tail -n 1 attested.jsonl | value_of gas_used)"
  echo "$residents_wanted credentials, $attest_calls transactions, $(grouped "$attest_gas") gas"

  credential="$(head -n 1 wallets.jsonl | value_of root)"
  "$chancery" identity present --wallets wallets.jsonl --root "$credential" --attribute over-18 --for transport-desk --as resident >presented.json
  if grep -q 'Resident' presented.json; then fail "more than one attribute was shown"; fi
  "$chancery" identity consent presented.json --department key:desk --purpose licence-2026 --uses 3 --until-ms "$until_ms" \
    --grant grant.json --secret consent-secret.json >consent.jsonl || fail "no consent was made"
  "$chancery" call "$identity" give_consent --each consent.jsonl --as resident --json >consented.jsonl ||
    fail "the consent was not given: $(cat consented.jsonl)"
  for number in 0 1; do
    "$chancery" identity verification grant.json --consent 0 --use "$number" --reason "licence application, step $number" \
      --sealed "reason-$number.sealed" >verification.jsonl || fail "no verification was made"
    "$chancery" call "$identity" verify --each verification.jsonl --as desk --json >verified.jsonl ||
      fail "the attribute was not verified: $(cat verified.jsonl)"
  done
  if "$chancery" call "$identity" verify --each verification.jsonl --as desk --json >again.jsonl 2>&1; then
    fail "a verification was filed twice"
  fi
  "$chancery" identity records consent-secret.json --consent 0 --sealed reason-0.sealed --sealed reason-1.sealed \
    --anchor "$work/chain/anchor" || fail "the resident cannot show the records"
  "$chancery" identity records consent-secret.json --consent 0 --anchor "$work/chain/anchor" --json >records.json
  grep -q '"used":2' records.json || fail "there are not two verifications: $(cat records.json)"
  "$chancery" prove "$identity" credentials "$credential" -o credential.proof --json >/dev/null
}

weigh_in() {
  local started today slips day
  day="$(date -u +%F)"
  say "9. waste sorting: $weighings_wanted weigh-ins from a CSV"
  deploy_service waste contracts/waste-sorting environment waste-sorting
  cp deploy-service.json deploy-waste.json
  "$chancery" key new office --insecure >/dev/null 2>&1
  "$chancery" key new inspector --insecure >/dev/null 2>&1
  today=$((($(date +%s) + 8 * 3600) / 86400))
  done_by demo "$waste" set_district --district 7 --office key:office --label west
  done_by office "$waste" appoint --account key:inspector \
    --staff '{"district":7,"weighs":true,"arbitrates":false,"redeems":true,"label":"i-1"}'
  done_by office "$waste" set_point --number 1 --point '{"district":7,"open":true,"label":"gate-1"}'
  done_by office "$waste" set_rule --district 7 --from_day $((today - 30)) \
    --rule '{"rates":[100,50,20,0,200,100,40,0,300,300,300,300,10,5,0,0],"reference":"W-2026-1"}'
  done_by office "$waste" open_period --district 7 --number 1 --first_day $((today - 30)) --last_day $((today + 60)) \
    --redeem_until_day $((today + 60))
  od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n' >period.key
  awk 'BEGIN { for (n = 1; n <= 1000; n++) printf "%d-%d\n", int((n - 1) / 50) + 1, n }' >households.txt
  "$chancery" waste codes households.txt --district 7 --period 1 --key-file period.key >enrol.jsonl
  "$chancery" call "$waste" enrol --each enrol.jsonl --as office --json >enrolled.jsonl || fail "nobody was enrolled: $(cat enrolled.jsonl)"
  # Two rows are wrong: one cannot be read, one has a household that is in no register.
  awk -v wanted="$weighings_wanted" -v day="$day" 'BEGIN {
    srand(11)
    print "slip,household,day,category,grade,grams"
    split("Kitchen Recyclable Hazardous Residual", category, " ")
    split("A B C D", grade, " ")
    for (slip = 1; slip <= wanted; slip++) {
      n = int(rand() * 1000) + 1
      household = int((n - 1) / 50) + 1 "-" n
      if (slip == 5000) household = "no-such-household"
      grams = slip == 6000 ? "heavy" : int(rand() * 5000) + 100
      printf "%d,%s,%s,%s,%s,%s\n", slip, household, day, category[int(rand() * 4) + 1], grade[int(rand() * 4) + 1], grams
    }
  }' >weighings.csv
  started="$(now_ms)"
  if "$chancery" waste batches weighings.csv --point 1 --key-file period.key >weigh.jsonl 2>left-out.txt; then
    fail "a row that cannot be read was not named"
  fi
  grep 'line 6001' left-out.txt || fail "the wrong row was not named by its line: $(cat left-out.txt)"
  "$chancery" call "$waste" weigh --each weigh.jsonl --as inspector --json >weighed.jsonl || fail "nothing was weighed: $(tail -n 1 weighed.jsonl)"
  weigh_time="$(took "$started")"
  weigh_calls="$(tail -n 1 weighed.jsonl | value_of done)"
  weigh_gas="$(tail -n 1 weighed.jsonl | value_of gas_used)"
  grep -o '"refused":\[[^]]*\]' weighed.jsonl | grep -F '5001' || fail "the unknown household's row was not named: $(head -c 2000 weighed.jsonl)"
  "$chancery" query "$waste" month --district 7 --month "$(tr -d - <<<"${day%-*}")" --json >month.json
  slips="$(value_of weighings <month.json)"
  ((slips == weighings_wanted - 2)) || fail "$slips of $((weighings_wanted - 2)) weigh-ins are in the month's total: $(cat month.json)"
  echo "$slips weigh-ins in $weigh_calls transactions, two wrong rows named, $(grouped "$weigh_gas") gas"
  code="$(sed -n 's/.*"household":"\([0-9a-f]\{32\}\)".*/\1/p' weigh.jsonl | head -n 1)"
  "$chancery" query "$waste" household --code "$code"
  # A receipt serves once.
  done_by inspector "$waste" redeem --receipt "$(printf 'receipt 1' | sha256sum | cut -c1-64)" --code "$code" --points 1
  if "$chancery" call "$waste" redeem --receipt "$(printf 'receipt 1' | sha256sum | cut -c1-64)" --code "$code" --points 1 \
    --as inspector --json >twice.json 2>&1; then fail "a receipt served twice"; fi
  grep -q ReceiptKnown twice.json || fail "it was refused for another reason: $(cat twice.json)"
}

# Departments on one another's chains: points of `waste` buy what a contract on the mainchain grants, and come back where it
# grants nothing; a court's order on `evidence` reaches the lottery on `plates`.
across_chains() {
  local benefits points token
  say "12. across chains: points buy a benefit that another chain grants; a court's order reaches a third one"
  deploy_service main examples/benefits interior benefits --from_chain waste \
    --issuer "$(value_of contract <deploy-waste.json)" --price 1 --stock 5
  benefits="$(value_of contract <deploy-service.json)"
  points_of() { "$chancery" query "$waste" household --code "$code" --json | value_of points; }
  points="$(points_of)"
  redeem_there() {
    done_by inspector "$waste" redeem_for --receipt "$(printf '%s' "$1" | sha256sum | cut -c1-64)" --code "$code" \
      --points "$2" --arg chain=main --arg contract="$benefits"
    await_messages waste main
    await_messages main waste
  }
  redeem_there 'receipt 2' 3
  (($(points_of) == points - 3)) || fail "the points did not go: $(points_of) of $points"
  redeem_there 'receipt 3' 4
  (($(points_of) == points - 3)) || fail "points for which there was nothing did not come back: $(points_of) of $points"
  echo "3 points bought 3 vouchers on the mainchain; 4 more came back, because only 2 vouchers are left"
  "$chancery" chain lanes waste
  if [[ -z "${draw_gas:-}" ]]; then return; fi
  # shellcheck disable=SC2059 # the format is the bytes themselves
  token="$(printf "$(head -n 1 entries.jsonl | value_of token | sed 's/../\\x&/g')" | sha256sum | cut -c1-64)"
  done_by demo "$contract" send_order --subject "$token" --order 2026-7 --withheld true --arg chain=plates \
    --arg contract="$(value_of contract <deploy-plates.json)"
  await_messages evidence plates
  "$chancery" query "$plates" order_on --token "$token" --json >order.json
  grep -q 2026-7 order.json || fail "the order has not arrived: $(cat order.json)"
  echo "the court's order 2026-7 on chain evidence withholds an entry of the lottery on chain plates"
  "$chancery" chain anchors
}
