#!/usr/bin/env bash
# Brings a bare Debian or Ubuntu with rustup to where Chancery builds, and is done at once when nothing is missing.
#
#   scripts/setup.sh demo     what building and running takes: a C++ compiler, libclang, Rust with wasm32, RocksDB
#   scripts/setup.sh test     and cargo-nextest
#   scripts/setup.sh check    and cargo-deny, clippy and rustfmt
#   scripts/setup.sh trace    as demo, and strace
#   scripts/setup.sh web      as demo, and what the portal is tested with: Chromium, Chinese fonts, Node.js, two npm packages
#   scripts/setup.sh browser  those alone; exit code 3, with the reason, where they cannot be had
#
# It uses apt-get as root or through sudo, and says what to install where it can do neither. It touches the network
# only for what is missing.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly cache="${CHANCERY_CACHE:-${HOME:-/tmp}/.cache/chancery}"
readonly rust_version=1.95.0
readonly nextest_version=0.9.143
readonly mode="${1:-demo}"
case "${mode#--}" in
  demo | test | check | trace | web | browser) ;;
  *) echo "usage: setup.sh demo|test|check|trace|web|browser" >&2; exit 2 ;;
esac
# What the caller chose is the caller's affair.
readonly chosen_toolchain="${RUSTUP_TOOLCHAIN:-}"
. scripts/phase.sh

fail() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# --- Debian's packages ---

apt_get() {
  local options=(-q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0)
  if [[ "$(id -u)" == 0 ]]; then
    DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" "$@"
  elif [[ -t 0 ]]; then
    sudo DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" "$@"
  else
    sudo -n DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" "$@"
  fi
}

may_apt() {
  have apt-get && { [[ "$(id -u)" == 0 ]] || { have sudo && { [[ -t 0 ]] || sudo -n true 2>/dev/null; }; }; }
}

# Lists that fail to update are no reason to stop: what counts is whether the packages can be installed.
apt_install() {
  if [[ -z "${apt_updated:-}" ]]; then
    apt_get update >"$cache/apt-update.log" 2>&1 ||
      echo "setup: apt-get update failed ($cache/apt-update.log); going on"
    apt_updated=1
  fi
  apt_get install -y --no-install-recommends "$@" >"$cache/apt-install.log" 2>&1 ||
    { tail -n 5 "$cache/apt-install.log" >&2; return 1; }
}

# The library and the headers that a compiler brings along, as bindgen looks for them.
have_system_libclang() {
  compgen -G '/usr/lib/llvm-*/lib/libclang*.so*' >/dev/null || compgen -G '/usr/lib/*/libclang*.so*' >/dev/null ||
    return 1
  compgen -G '/usr/lib/llvm-*/lib/clang/*/include/stddef.h' >/dev/null ||
    compgen -G '/usr/lib/clang/*/include/stddef.h' >/dev/null
}

have_libclang() {
  [[ -n "${LIBCLANG_PATH:-}" || -e "$cache/libclang/libclang.so" ]] || have_system_libclang
}

have_compiler() { have c++ && have cc && have ar; }

missing_packages() {
  have_compiler || echo g++
  have make || echo make
  have_libclang || echo libclang-dev
  # What cargo knows the registry by.
  [[ -n "${SSL_CERT_FILE:-}" || -e /etc/ssl/certs/ca-certificates.crt ]] || { may_apt && echo ca-certificates; } || :
  # Not needed, but it makes a second build of the C and C++ parts quick.
  have ccache || { may_apt && echo ccache; } || :
}

install_packages() {
  apt_install "$@" || apt_install "${@/ccache/}" || echo "setup: apt-get could not install: $*"
}

# Python's package of libclang is the bare library, which env.sh completes with gcc's headers.
unpack_libclang() {
  local download="$cache/libclang.new"
  rm -rf "$download"
  mkdir -p "$download"
  mkdir -p "$cache/libclang"
  python3 -m pip download -q --no-deps --only-binary :all: -d "$download" libclang &&
    python3 -m zipfile -e "$download"/libclang-*.whl "$download" &&
    find "$download" -name libclang.so -exec mv -t "$cache/libclang" {} + ||
    echo "setup: libclang could not be had from Python's packages"
  rm -rf "$download"
}

ensure_packages() {
  local missing
  mapfile -t missing < <(missing_packages)
  if ((${#missing[@]})) && may_apt; then
    phase "installing Debian packages: ${missing[*]}" install_packages "${missing[@]}"
  fi
  if ! have_libclang && have python3 && python3 -m pip --version >/dev/null 2>&1; then
    phase "unpacking libclang from Python's packages" unpack_libclang
  fi
  have_compiler || fail "there is no C++ compiler: install it (Debian: apt-get install g++)"
  have make || fail "there is no make: install it (Debian: apt-get install make)"
  have_libclang || fail "there is no libclang, which RocksDB's bindings are made with:" \
    "install it (Debian: apt-get install libclang-dev), or python3 with pip, and run this again"
}

# --- Rust ---

rust_is_new_enough() {
  rustc --version 2>/dev/null | awk '{ split($2, v, "."); exit !(v[1] > 1 || (v[1] == 1 && v[2] + 0 >= 95)) }'
}

install_rust() {
  rustup toolchain install "$rust_version" --profile minimal -c clippy -c rustfmt --no-self-update ||
    echo "setup: rustup could not install Rust $rust_version"
}

ensure_rust() {
  . scripts/env.sh
  have cargo || fail "there is no Rust: install rustup, then run this again"
  if have rustup && [[ -z "$chosen_toolchain" && "${RUSTUP_TOOLCHAIN:-}" != "$rust_version" ]]; then
    phase "installing Rust $rust_version" install_rust
    unset RUSTUP_TOOLCHAIN
    . scripts/env.sh
  fi
  rust_is_new_enough ||
    fail "Rust $rust_version is needed and neither it nor a newer default is installed:" \
      "install it (rustup toolchain install $rust_version), then run this again"
}

have_wasm_target() { [[ -d "$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown" ]]; }

add_wasm_target() {
  rustup target add wasm32-unknown-unknown || echo "setup: rustup could not add the wasm32 target"
}

# Debian's compiler for the web, its sources (of the same version, by apt's own choice) and the lld it links with.
install_debian_wasm() {
  apt_install rustc-web rust-web-src cargo-web rust-web-llvm || return 0
  local llvm
  llvm="$(apt-cache depends rust-web-llvm | sed -n 's/.*Depends: llvm-\([0-9]*\)$/\1/p' | head -n 1)"
  apt_install "lld-${llvm:-14}" || return 0
}

ensure_wasm() {
  if have_wasm_target || [[ -n "${CHANCERY_WASM_RUSTC:-}" ]]; then return; fi
  if have rustup; then
    phase "adding the wasm32 target" add_wasm_target
  fi
  if ! have_wasm_target && may_apt; then
    phase "installing Debian's Rust for wasm32" install_debian_wasm
    . scripts/env.sh
  fi
  have_wasm_target || [[ -n "${CHANCERY_WASM_RUSTC:-}" ]] ||
    fail "contracts cannot be compiled: the wasm32-unknown-unknown target is missing." \
      "Add it (rustup target add wasm32-unknown-unknown), or on Debian:" \
      "apt-get install rustc-web rust-web-src cargo-web rust-web-llvm and the lld of its LLVM version"
}

# --- what takes long ---

build_rocksdb() {
  local status=0
  bash scripts/rocksdb.sh || status=$?
  case "$status" in
    0 | 3) ;;
    *) echo "setup: the crate will compile RocksDB itself, which takes about half an hour on 2 cores, once" ;;
  esac
}

ensure_rocksdb() {
  . scripts/env.sh
  if [[ -n "${ROCKSDB_LIB_DIR:-}" ]]; then return; fi
  if [[ "${CHANCERY_ROCKSDB:-}" == crate ]]; then
    echo "setup: CHANCERY_ROCKSDB=crate: the crate compiles RocksDB itself, about half an hour on 2 cores, once"
    return
  fi
  phase "building RocksDB once for all clones" build_rocksdb
}

# Debug builds, for they are used once a run and take half as long to compile.
install_tool() {
  cargo install "$1" --locked --debug --root "$cache" --target-dir "$cache/tools" "${@:2}" || return 0
  rm -rf "$cache/tools"
}

ensure_nextest() {
  . scripts/env.sh
  if have cargo-nextest; then return; fi
  phase "compiling cargo-nextest, once" install_tool cargo-nextest --version "$nextest_version" \
    --no-default-features --features default-no-update
  . scripts/env.sh
  have cargo-nextest || echo "setup: there is no cargo-nextest; the tests run under cargo test"
}

ensure_deny() {
  . scripts/env.sh
  if have cargo-deny; then return; fi
  phase "compiling cargo-deny, once" install_tool cargo-deny --no-default-features
  . scripts/env.sh
  have cargo-deny || fail "cargo-deny could not be installed: cargo install cargo-deny --locked"
}

ensure_strace() {
  if have strace; then return; fi
  if may_apt; then phase "installing strace" apt_install strace || :; fi
  have strace || fail "there is no strace: install it (Debian: apt-get install strace)"
}

# --- the portal's tests ---

readonly no_browser=3

have_node() { have node && have npm && node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)'; }

missing_web_packages() {
  have chromium || echo chromium
  # Chinese pages without a font would be tested as rows of boxes.
  compgen -G '/usr/share/fonts/opentype/noto/NotoSansCJK*' >/dev/null || echo fonts-noto-cjk
  have openssl || echo openssl
  have_node || printf '%s\n' nodejs npm
}

# What is in node_modules already is what the lock file says, or is fetched anew. Nothing that a package brings is run.
install_npm_packages() {
  (cd tests/web && npm ci --ignore-scripts --no-audit --no-fund >"$cache/npm.log" 2>&1) || { tail -n 5 "$cache/npm.log" >&2; return 1; }
  cp tests/web/package-lock.json tests/web/node_modules/.chancery-lock.json
}

# Leaves with exit code 3 where there is no browser and none can be had, so that a caller can go on without.
ensure_browser() {
  local missing
  mapfile -t missing < <(missing_web_packages)
  if ((${#missing[@]})) && may_apt; then
    phase "installing Debian packages: ${missing[*]}" apt_install "${missing[@]}" || :
  fi
  have chromium || { echo "setup: there is no Chromium, and it cannot be installed here (Debian: apt-get install chromium)" >&2; exit "$no_browser"; }
  have_node || { echo "setup: there is no Node.js of version 18 or later with npm, and it cannot be installed here" >&2; exit "$no_browser"; }
  have openssl || { echo "setup: there is no openssl, and it cannot be installed here" >&2; exit "$no_browser"; }
  if ! cmp -s tests/web/package-lock.json tests/web/node_modules/.chancery-lock.json; then
    # Under `||` a phase's own exit code is not its command's, so what counts is whether they are there.
    phase "installing two npm packages for the portal's tests" install_npm_packages || :
    cmp -s tests/web/package-lock.json tests/web/node_modules/.chancery-lock.json ||
      { echo "setup: npm could not install the packages of tests/web ($cache/npm.log)" >&2; exit "$no_browser"; }
  fi
}

ensure_component() {
  if cargo "$1" --version >/dev/null 2>&1; then return; fi
  phase "adding $1 to the toolchain" rustup component add "${1/#fmt/rustfmt}"
}

# In one function, so that a script that changes on disk while it runs is still run as it was read.
main() {
  mkdir -p "$cache"
  if [[ "${mode#--}" == browser ]]; then
    ensure_browser
    exit 0
  fi
  ensure_packages
  ensure_rust
  ensure_wasm
  case "${mode#--}" in
    test) ensure_nextest ;;
    trace) ensure_strace ;;
    web) ensure_browser ;;
    check)
      ensure_component clippy
      ensure_component fmt
      ensure_nextest
      ensure_deny
      ;;
  esac
  ensure_rocksdb
  if ((${#phase_list[@]})); then
    phases_summary "set-up for ${mode#--}"
  else
    echo "==> set-up for ${mode#--}: nothing was missing"
  fi
  exit 0
}
main
