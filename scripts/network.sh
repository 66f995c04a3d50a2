# Starting a network of processes on loopback and founding sidechains on it, sourced by the scripts that need one.
#
# The caller has set `chancery` (the binary), `work` (a directory of its own, whose `chain` the network is planned in),
# `validators` and `start_timeout_s`, declared the map `node_pids`, and has a function `fail`.

_scripts="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

# One value of a line of JSON: the texts and numbers that commands print with --json hold no quotation marks.
value_of() { sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p" | head -n 1; }

now_ms() { date +%s%3N; }

stop_nodes() {
  local number
  for number in "${!node_pids[@]}"; do kill -TERM "${node_pids[$number]}" 2>/dev/null || :; done
  for number in "${!node_pids[@]}"; do wait "${node_pids[$number]}" 2>/dev/null || :; done
  node_pids=()
}

# The first of four ports in a row that nobody listens on, below those that the kernel gives outgoing connections.
free_ports() {
  local first port
  while :; do
    first=$((10000 + RANDOM % 22000))
    for ((port = first; port < first + validators; port++)); do
      if (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then continue 2; fi
    done
    echo "$first"
    return
  done
}

# Starts a validator as a process of its own.
start_node() {
  local directory="$work/chain/node-$1"
  : >"$directory/ready.json"
  CHANCERY_LOG_FILTER=warn "$chancery" node --json --config "$directory/node.toml" >"$directory/ready.json" 2>>"$directory/log" &
  node_pids[$1]=$!
}

# Waits until a validator has a block.
await_node() {
  local directory="$work/chain/node-$1" waited=0
  until grep -q '"ready":true' "$directory/ready.json"; do
    kill -0 "${node_pids[$1]}" 2>/dev/null || fail "validator $1 ended before it was ready"
    ((waited++ < start_timeout_s * 10)) || fail "validator $1 was not ready within $start_timeout_s s"
    sleep 0.1
  done
}

# Plans a network, starts all its validators and names the first one in CHANCERY_NODE: start_network [OPTION OF THE PLAN]...
start_network() {
  local number
  "$chancery" network plan --validators "$validators" --out "$work/chain" --p2p-port "${P2P_PORT:-$(free_ports)}" \
    --api-port "${API_PORT:-$(free_ports)}" "$@" --json >"$work/plan.json" || fail "no network was made: $(cat "$work/plan.json")"
  for ((number = 1; number <= validators; number++)); do start_node "$number"; done
  for ((number = 1; number <= validators; number++)); do await_node "$number"; done
  CHANCERY_NODE="$(value_of url <"$work/chain/node-1/ready.json")"
  export CHANCERY_NODE
}

# What `chancery` is told to ask all validators: --node URL for each.
all_urls() {
  local number
  for ((number = 1; number <= validators; number++)); do
    printf -- '--node %s ' "$(value_of url <"$work/chain/node-$number/ready.json")"
  done
}

# CPU time of these processes so far, in clock ticks: what they and their threads took, the kernel's part included.
ticks() { awk '{ sub(/.*\) /, ""); sum += $12 + $13 } END { print sum }' "${@/%//stat}"; }
all_ticks() { ticks "${node_pids[@]/#//proc/}"; }

# Where a validator's CPU time goes for some seconds, by perf; KEEP=FILE keeps the folded stacks: profile VALIDATOR SECONDS
profile() {
  command -v perf >/dev/null || fail "perf is missing (Debian: apt-get install linux-perf)"
  perf record -q -e cpu-clock -F 499 --call-graph dwarf,16384 -p "${node_pids[$1]}" -o "$work/perf.data" -- sleep "$2" 2>/dev/null
  perf script -i "$work/perf.data" --no-inline 2>/dev/null | awk -f "$_scripts/fold_stacks.awk" >"$work/folded"
  if [[ -n "${KEEP:-}" ]]; then cp "$work/folded" "$KEEP"; fi
  awk -f "$_scripts/cpu_shares.awk" "$work/folded"
}

# The height of the chain `evidence` at a validator, or 0.
height_of() {
  local height
  height="$("$chancery" status evidence --json --node "$(value_of url <"$work/chain/node-$1/ready.json")" 2>/dev/null | value_of height)"
  echo "${height:-0}"
}

# Waits until everything that was sent to a chain has been taken there: await_messages FROM TO
await_messages() {
  local waited=0
  until "$chancery" chain lanes "$1" --json | tr '{' '\n' | grep "\"chain\":\"$2\"" |
    awk -F'[:,}]' '{ for (i = 1; i < NF; i++) { if ($i == "\"sent\"") s = $(i + 1); if ($i == "\"taken_there\"") t = $(i + 1) } } END { exit !(s != "" && s == t) }'; do
    ((waited++ < start_timeout_s * 10)) || fail "what chain $1 sent to chain $2 has not arrived: $("$chancery" chain lanes "$1")"
    sleep 0.1
  done
}

# Founds a sidechain by one act of two departments, and waits until it knows from the registry who may do what there:
# found_chain NAME DEPARTMENT VALIDATOR...
found_chain() {
  local name="$1" department="$2" committee="" number
  shift 2
  for number in "$@"; do
    committee="$committee,$("$chancery" key show validator --keys "$work/chain/node-$number/keys" --json | value_of public_key)"
  done
  "$chancery" chain create "$name" --department "$department" --committee "${committee#,}" --deployer key:demo \
    --anchor-ms 2000 --as admin-judicial --as admin-interior --json >found.json || fail "chain $name was not founded: $(cat found.json)"
  (($(value_of height <found.json) > 0)) || fail "chain $name makes no blocks: $(cat found.json)"
  await_messages main "$name"
}
