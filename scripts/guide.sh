#!/usr/bin/env bash
# Does what the guide says: every command block of docs/contracts, in order and as it stands there, in a folder that knows
# nothing of this repository. Words in capitals are filled in as a reader would.
#
#   scripts/guide.sh      needs `make build`
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/env.sh
. scripts/env.sh

guide="$PWD/docs/contracts"
work="$(mktemp -d "${TMPDIR:-/tmp}/chancery-guide.XXXXXX")"
node=
finish() {
  if [[ -n "$node" ]]; then kill -TERM "$node" 2>/dev/null || :; wait "$node" 2>/dev/null || :; fi
  rm -rf "$work"
}
trap finish EXIT
mkdir "$work/bin"
cp "$CARGO_TARGET_DIR/debug/chancery" "$work/bin/"
export PATH="$work/bin:$PATH"
cd "$work"

# The blocks of a page that have no language: commands.
commands() {
  awk '/^```/ { inside = !inside; plain = inside && $0 == "```"; next } inside && plain' "$guide/$1"
}

# Each line is shown, and run in this shell, so that `cd` counts.
follow() {
  local line
  while IFS= read -r line; do
    [[ -n "$line" ]] || continue
    printf '$ %s\n' "$line"
    eval "$line"
  done <<<"$1"
}

# The first page up to the chain; then the chain, in the project as its reader would start it; then the rest.
ten_minutes="$(commands README.md)"
follow "$(sed '/^chancery contract build$/,$d' <<<"$ten_minutes")"
# The crates that are compiled are shared between projects; where a reader finds them, they are too.
ln -s "$CARGO_TARGET_DIR" target
chancery dev --json --validators 1 --listen 127.0.0.1:0 >"$work/ready.json" 2>"$work/log" &
node=$!
until grep -q '"ready":true' "$work/ready.json"; do
  kill -0 "$node" || { tail "$work/log"; exit 1; }
  sleep 0.1
done
CHANCERY_NODE="$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$work/ready.json")"
export CHANCERY_NODE CHANCERY_KEYS="$PWD/chancery-dev/keys"
follow "$(sed -n '/^chancery contract build$/,$p' <<<"$ten_minutes")"

# What the other pages say, of the same contract.
call="$(chancery call main/tally add --step 2 --as demo --json | sed -n 's/.*"transaction":"\([0-9a-f]*\)".*/\1/p')"
mkdir -p interfaces
for page in "$guide"/*.md; do
  page="${page##*/}"
  [[ "$page" != README.md ]] || continue
  if [[ "$page" == upgrades.md ]]; then
    # A release to upgrade to.
    sed -i 's/^version = .*/version = "0.2.0"/' Cargo.toml
    chancery contract build
  fi
  filled="$(commands "$page" | sed -e "s/\bID\b/$call/; s/NAME/tally/; s#main/counter#main/tally#; s#main/office office.wasm#main/tally target/contracts/tally.wasm#; s/METHOD --ARG VALUE \.\.\./add --step 3/")"
  follow "$filled"
done
# The same transaction from the files of the stopped node.
kill -TERM "$node"
wait "$node" || :
node=
chancery tx main "$call" --trace --debug target/contracts/tally.debug.wasm --data chancery-dev/node-1 >"$work/trace.txt"
grep -q "add" "$work/trace.txt"
echo "==> the guide's commands do what they say"
