# The environment in which Chancery is built. Source it before calling cargo by hand:
#
#   . scripts/env.sh
#
# The Makefile and .ci/run do the same. It installs nothing, prints nothing, changes nothing that the caller has set,
# and may be sourced any number of times; scripts/setup.sh is what makes the things it points to. It is plain POSIX
# shell; only bash tells where it lies, so any other shell has to source it from the root of the clone.

_chancery_root="$(cd "$(dirname "${BASH_SOURCE:-./scripts/env.sh}")/.." 2>/dev/null && pwd)" || _chancery_root=.
_chancery_cache="${CHANCERY_CACHE:-${HOME:-/tmp}/.cache/chancery}"
_chancery_rustup="${RUSTUP_HOME:-${HOME:-}/.rustup}"

# The target directory stands outside the clone, so that the next clone does not compile everything again.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$_chancery_cache/target}"

# Tools that setup.sh had to compile.
case ":$PATH:" in
  *":$_chancery_cache/bin:"*) ;;
  *) if [ -d "$_chancery_cache/bin" ]; then export PATH="$PATH:$_chancery_cache/bin"; fi ;;
esac

# The toolchain of rust-toolchain.toml where it is installed. Where it is not, and the user's default is new enough,
# that one, so that a machine which cannot download toolchains still builds.
if [ -z "${RUSTUP_TOOLCHAIN:-}" ] && [ -d "$_chancery_rustup/toolchains" ]; then
  for _chancery_item in "$_chancery_rustup"/toolchains/1.95.0-*; do
    if [ -d "$_chancery_item" ]; then export RUSTUP_TOOLCHAIN=1.95.0; fi
  done
  if [ -z "${RUSTUP_TOOLCHAIN:-}" ]; then
    _chancery_item="$(sed -n 's/^default_toolchain = "\(.*\)"$/\1/p' \
      "$_chancery_rustup/settings.toml" 2>/dev/null)" || :
    if "$_chancery_rustup/toolchains/$_chancery_item/bin/rustc" --version 2>/dev/null |
      awk '{ split($2, v, "."); exit !(v[1] > 1 || (v[1] == 1 && v[2] + 0 >= 95)) }'; then
      export RUSTUP_TOOLCHAIN="$_chancery_item"
    fi
  fi
fi

# RocksDB as scripts/rocksdb.sh built it. Without the library the crate compiles it, through ccache where there is one.
_chancery_item="$(bash "$_chancery_root/scripts/rocksdb.sh" --dir 2>/dev/null)" || _chancery_item=
case "${ROCKSDB_LIB_DIR:-}" in
  "" | "$_chancery_cache"/rocksdb-*)
    if [ "${CHANCERY_ROCKSDB:-}" != crate ] && [ -n "$_chancery_item" ] && [ -f "$_chancery_item/librocksdb.a" ]; then
      export ROCKSDB_LIB_DIR="$_chancery_item" ROCKSDB_STATIC=1
      if [ "${CXX:-}" = "ccache c++" ]; then unset CC CXX; fi
    else
      unset ROCKSDB_LIB_DIR ROCKSDB_STATIC
      if [ -z "${CC:-}${CXX:-}" ] && command -v ccache >/dev/null 2>&1; then
        export CC="ccache cc" CXX="ccache c++"
      fi
    fi
    ;;
esac

# libclang as setup.sh unpacked it, which it does only where the system has none. That one comes without the headers
# a compiler brings along, so it is given gcc's.
if [ -z "${LIBCLANG_PATH:-}" ] && [ -e "$_chancery_cache/libclang/libclang.so" ]; then
  export LIBCLANG_PATH="$_chancery_cache/libclang"
  export BINDGEN_EXTRA_CLANG_ARGS="${BINDGEN_EXTRA_CLANG_ARGS:--isystem $(cc -print-file-name=include)}"
fi

# Contracts are compiled by the toolchain's own wasm32 target. Where it is absent and Debian's compiler for the web is
# there with its sources, that one compiles them, standard library included.
if [ -z "${CHANCERY_WASM_RUSTC:-}" ] && [ -d /usr/lib/rustlib/src/rust/library ] && [ -x /usr/bin/rustc ] &&
  [ -x /usr/bin/cargo ]; then
  _chancery_item=
  for _chancery_item in "$_chancery_rustup/toolchains/${RUSTUP_TOOLCHAIN:-none}"*/lib/rustlib/wasm32-unknown-unknown \
    /usr/lib/rustlib/wasm32-unknown-unknown; do
    if [ -d "$_chancery_item" ]; then break; fi
    _chancery_item=
  done
  if [ -z "$_chancery_item" ]; then
    export CHANCERY_WASM_RUSTC=/usr/bin/rustc CHANCERY_WASM_CARGO=/usr/bin/cargo CHANCERY_WASM_BUILD_STD=1
  fi
fi

unset _chancery_root _chancery_cache _chancery_rustup _chancery_item
