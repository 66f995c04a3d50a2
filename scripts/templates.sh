#!/usr/bin/env bash
# Takes every template of `chancery contract new` from nothing to a deployed contract, in a folder that knows nothing of
# this repository: `cargo test` and `chancery contract build` pass exactly as generated, two folders give the same bytes,
# and the module is deployed on a chain and called.
#
#   scripts/templates.sh [TEMPLATE...]      counter records lottery unless said; needs `make build`
#
# The binary alone is taken along, as if it had been installed; the crates that it compiles are shared between projects.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/env.sh
. scripts/env.sh

templates=("$@")
if ((${#templates[@]} == 0)); then templates=(counter records lottery); fi
work="$(mktemp -d "${TMPDIR:-/tmp}/chancery-templates.XXXXXX")"
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

chancery dev --json --validators 1 --data "$work/chain" --listen 127.0.0.1:0 >"$work/ready.json" 2>"$work/log" &
node=$!
until grep -q '"ready":true' "$work/ready.json"; do
  kill -0 "$node" || { tail "$work/log"; exit 1; }
  sleep 0.1
done
CHANCERY_NODE="$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$work/ready.json")"
export CHANCERY_NODE CHANCERY_KEYS="$work/chain/keys"

for template in "${templates[@]}"; do
  name="my-$template"
  for place in one two; do
    mkdir -p "$work/$place"
    (cd "$work/$place" && chancery contract new "$name" --template "$template")
  done
  cd "$work/one/$name"
  began=$SECONDS
  cargo test --quiet
  echo "==> $template: cargo test took $((SECONDS - began)) s"
  for place in one two; do
    cd "$work/$place/$name"
    chancery contract build --json >"$work/$place.json"
  done
  module() { sed -n 's/.*"file":"\([^"]*\)".*/\1/p' "$work/$1.json"; }
  digest() { sed -n 's/.*"sha256":"\([^"]*\)".*/\1/p' "$work/$1.json"; }
  [[ -n "$(digest one)" && "$(digest one)" == "$(digest two)" ]] || {
    echo "two folders gave different modules: $(digest one) $(digest two)" >&2
    exit 1
  }
  arguments=()
  [[ "$template" != lottery ]] || arguments=(--quota 3)
  chancery contract deploy main "$(module two)" --department judicial --name "$name" "${arguments[@]}" --as demo
  case "$template" in
    counter) chancery call "main/$name" add --step 5 --as demo ;;
    records) chancery call "main/$name" file --digest "$(printf '%064d' 7)" --case-number 2026-0001 --as demo ;;
    lottery) chancery call "main/$name" enter --code "$(printf '%064d' 7)" --as demo ;;
  esac
  echo "==> $template: built twice to the same bytes, deployed and called"
done
