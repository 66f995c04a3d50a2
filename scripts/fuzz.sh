#!/usr/bin/env bash
# Builds the fuzz targets and runs each for a while. It does what `cargo fuzz` does and does not need it: libFuzzer's
# coverage through LLVM's passes, AddressSanitizer where the toolchain brings its runtime.
#
#   scripts/fuzz.sh [SECONDS [TARGET...]]      60 seconds each, and every target, unless said
#
# Those flags are unstable, so the compiler is told to take them (RUSTC_BOOTSTRAP). What a target learns stays in
# fuzz/corpus, what breaks one in fuzz/artifacts; both are out of version control.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/env.sh
. scripts/env.sh

seconds="${1:-60}"
shift || :
targets=("$@")
if ((${#targets[@]} == 0)); then targets=(transaction block bundle schema module sandbox); fi
host="$(rustc -vV | sed -n 's/^host: //p')"
libraries="$(rustc --print sysroot)/lib/rustlib/$host/lib"
flags="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
flags+=" -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
flags+=" -Cllvm-args=-sanitizer-coverage-trace-compares"
if compgen -G "$libraries/librustc*_rt.asan.a" >/dev/null; then
  flags+=" -Zsanitizer=address"
else
  echo "fuzz: this toolchain has no AddressSanitizer; fuzzing without it"
fi
# With the target named, build scripts and macros are built without all this.
RUSTC_BOOTSTRAP=1 CARGO_ENCODED_RUSTFLAGS="${flags// /$'\x1f'}" \
  cargo build --manifest-path fuzz/Cargo.toml --target-dir "$CARGO_TARGET_DIR/fuzz" --target "$host" --release \
  "${targets[@]/#/--bin=}"
for target in "${targets[@]}"; do
  mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
  echo "==> fuzzing $target for $seconds s"
  "$CARGO_TARGET_DIR/fuzz/$host/release/$target" "fuzz/corpus/$target" -artifact_prefix="fuzz/artifacts/$target/" \
    -max_total_time="$seconds" -timeout=30 -rss_limit_mb=4096 -print_final_stats=1 -verbosity=1 2>&1 |
    tee "$CARGO_TARGET_DIR/fuzz/$target.log" | grep -E '^(==|stat::|SUMMARY|artifact|thread|panicked|ERROR)|Done' || :
  # A finding ends the target before its time, with an error that `tee` would hide.
  grep -q 'Done [0-9]* runs' "$CARGO_TARGET_DIR/fuzz/$target.log" || {
    tail -n 40 "$CARGO_TARGET_DIR/fuzz/$target.log"
    echo "fuzz: $target found something; its input is in fuzz/artifacts/$target" >&2
    exit 1
  }
done
