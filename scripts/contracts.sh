#!/usr/bin/env bash
# Compiles every contract to wasm32 and puts the modules where the tests look for them: the folder `contracts` of the
# target directory. `chancery contract build` does the same for one contract and more; this needs no built binary.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/env.sh
. scripts/env.sh

out="$CARGO_TARGET_DIR/contracts"
# A shadow stack of 64 KiB keeps a call's memory small; the sandbox asks for a declared maximum of 256 pages.
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="-Clink-arg=-zstack-size=65536 -Clink-arg=--max-memory=16777216"
build=("${CHANCERY_WASM_CARGO:-cargo}" rustc)
if [[ -n "${CHANCERY_WASM_BUILD_STD:-}" ]]; then
  export RUSTC="$CHANCERY_WASM_RUSTC" RUSTC_BOOTSTRAP=1
  build+=(-Zbuild-std=core,alloc)
fi
# One by one, because each is a library for its tests as well, and only a module by itself is optimised as a whole.
for contract in $(sed -n 's/^ *"\(.*\)",$/\1/p' contracts/Cargo.toml); do
  CARGO_TARGET_DIR="$CARGO_TARGET_DIR/wasm" "${build[@]}" --quiet ${LOCKED---locked} --release --lib --crate-type cdylib \
    --target wasm32-unknown-unknown --manifest-path "contracts/$contract/Cargo.toml"
done
mkdir -p "$out"
for module in "$CARGO_TARGET_DIR"/wasm/wasm32-unknown-unknown/release/*.wasm; do
  cp "$module" "$out/"
  printf '%8d bytes  %s\n' "$(stat -c %s "$module")" "$out/$(basename "$module")"
done
