#!/usr/bin/env bash
# Compiles the verifier for browsers (sdk/web) and writes what the portal serves: node/src/portal/assets/verifier.js and
# verifier_bg.wasm, and beside them the hash of the sources that they were made from, which a test compares. It takes the
# toolchain's own wasm32 target with its standard library.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/env.sh
. scripts/env.sh

out=node/src/portal/assets
# Every source that goes in, in a fixed order; tests/verifier_artifact.rs reads the same list.
sources() {
  LC_ALL=C find sdk/abi/src sdk/verify/src sdk/json/src sdk/web/src examples/redraw/src/lib.rs -name '*.rs' ! -name 'tests.rs' |
    LC_ALL=C sort
}

# Panics name their places in the source; those must not be of the machine that compiled them.
cargo_home="${CARGO_HOME:-$HOME/.cargo}"
remap="--remap-path-prefix=$PWD=/chancery"
for registry in "$cargo_home"/registry/src/*/; do remap+=" --remap-path-prefix=${registry%/}=/dependencies"; done
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="$remap"

CARGO_TARGET_DIR="$CARGO_TARGET_DIR/glue" cargo build --locked --quiet --manifest-path sdk/web/glue/Cargo.toml
cargo build --locked --profile browser --target wasm32-unknown-unknown --lib --manifest-path sdk/web/Cargo.toml
mkdir -p "$out"
"$CARGO_TARGET_DIR/glue/debug/glue" "$CARGO_TARGET_DIR/wasm32-unknown-unknown/browser/chancery_web.wasm" "$out"
sources | xargs cat | sha256sum | cut -d' ' -f1 >"$out/verifier.sources"
for file in "$out"/verifier.js "$out"/verifier_bg.wasm; do
  printf '%8d bytes, %8d compressed  %s\n' "$(stat -c %s "$file")" "$(gzip -9 -c "$file" | wc -c)" "$file"
done
