#!/usr/bin/env bash
# Builds RocksDB's static library once, outside the clone, in minutes instead of half an hour.
#
# The crate `librocksdb-sys` compiles 342 C++ files one by one, and nearly all of that time goes into parsing the
# same headers again and again. This script compiles the same unmodified files with the crate's own defines and
# flags, but as a "unity" build: each generated chunk includes many of them, so that a header is parsed once a chunk.
# (RocksDB keeps its sources fit for this: its own Makefile has a target `unity.a`.) The crate takes the result
# through ROCKSDB_LIB_DIR and ROCKSDB_STATIC, which scripts/env.sh sets. Without them the crate compiles RocksDB
# itself, which always works and only takes longer; CHANCERY_ROCKSDB=crate asks for that.
#
#   scripts/rocksdb.sh          builds the library, or finishes at once when it is there
#   scripts/rocksdb.sh --dir    prints the directory the library belongs in, for env.sh
#
# Exit codes: 0 the library is there; 1 it could not be built; 3 not wanted or not supported here.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(dirname "$here")"
cache="${CHANCERY_CACHE:-${HOME:-/tmp}/.cache/chancery}"

# Raise this when the library's content changes by more than its flags, so that caches rebuild it.
recipe=1

# What a chunk needs at most, with the pace of gcc's own garbage collection below.
memory_per_job_mb=2800

say() { printf 'rocksdb: %s\n' "$*"; }
fail() { printf 'rocksdb: %s\n' "$*" >&2; exit 1; }

# The version of a package, as the lock file has it.
locked_version() {
  awk -v name="\"$1\"" '$1 == "name" && $3 == name { getline; gsub(/"/, "", $3); print $3; exit }' "$root/Cargo.lock"
}

# The compiler that the crate `cc` would take, without a ccache in front of it.
cxx="${CXX:-c++}"
cxx="${cxx#ccache }"

# What the crate's build.rs passes for Linux with the one feature `lz4` (see its function build_rocksdb) and with
# the target features of .cargo/config.toml, and what the crate `cc` adds. -O2 where cargo would say -O3: the
# difference in speed is not measurable here, the one in build time is.
flags=(-std=c++20 -O2 -fPIC -ffunction-sections -fdata-sections -w -include cstdint
  -DLZ4=1 -DNDEBUG=1 -DHAVE_ALIGNED_NEW -DHAVE_UINT128_EXTENSION
  -DOS_LINUX -DROCKSDB_PLATFORM_POSIX -DROCKSDB_LIB_IO_POSIX -DROCKSDB_SCHED_GETCPU_PRESENT
  -DROCKSDB_AUXV_GETAUXVAL_PRESENT -DROCKSDB_FALLOCATE_PRESENT -DROCKSDB_RANGESYNC_PRESENT
  -Irocksdb/include/ -Irocksdb/ -Irocksdb/third-party/gtest-1.8.1/fused-src/ -I.)
if [[ "$HOSTTYPE" == x86_64 ]]; then
  flags+=(-m64 -msse2 -msse4.1 -msse4.2 -mpclmul)
fi

# How gcc goes about it, which does not change its output: collecting garbage less often saves a tenth of the time.
pace=()
if ! "$cxx" --version 2>/dev/null | grep -q clang; then
  pace=(--param ggc-min-expand=200 --param ggc-min-heapsize=786432)
fi

[[ "$OSTYPE" == linux* ]] || { say "not on Linux: the crate compiles RocksDB itself"; exit 3; }
[[ -f "$root/Cargo.lock" ]] || fail "there is no Cargo.lock, so the version of RocksDB is not known"
version="$(locked_version librocksdb-sys)"
lz4_version="$(locked_version lz4-sys)"
[[ -n "$version" && -n "$lz4_version" ]] || fail "Cargo.lock names no librocksdb-sys or no lz4-sys"
command -v "$cxx" >/dev/null || fail "there is no C++ compiler ($cxx): run scripts/setup.sh"

compiler="$("$cxx" -dumpfullversion -dumpmachine 2>/dev/null || "$cxx" -dumpversion -dumpmachine)"
key="$(printf '%s\n' "$recipe" "$cxx" "$compiler" "$lz4_version" "${flags[@]}" | sha256sum)"
dir="$cache/rocksdb-$version-${key:0:16}"
work="$dir.build"

# Compiles one chunk to the object of the same name. One that does not compile is halved, so that a file which
# cannot stand beside another ends up without it; a single file that does not compile ends the build.
compile_chunk() {
  local chunk="$1" object="$1.o" lines half
  if "$launcher" "$cxx" "${flags[@]}" "${pace[@]}" "-I$lz4_include" -c "$chunk" -o "$object.new" 2>"$chunk.log"; then
    mv "$object.new" "$object"
    return 0
  fi
  lines="$(wc -l <"$chunk")"
  if ((lines < 2)); then
    head -n 20 "$chunk.log" >&2
    return 1
  fi
  half=$((lines / 2))
  say "$(basename "$chunk" .cc) does not compile in one piece; trying it in halves"
  head -n "$half" "$chunk" >"${chunk%.cc}a.cc"
  tail -n +"$((half + 1))" "$chunk" >"${chunk%.cc}b.cc"
  compile_chunk "${chunk%.cc}a.cc" && compile_chunk "${chunk%.cc}b.cc"
}

# One job of the pool: compiles a chunk and says how long it took.
run_chunk() {
  local chunk="$1" started=$SECONDS
  compile_chunk "$chunk" || return 1
  : >"$chunk.done"
  local all=("$work"/chunk-??.cc) finished=("$work"/chunk-??.cc.done)
  say "chunk ${#finished[@]}/${#all[@]}  $((SECONDS - started)) s"
}

find_sources() {
  local home="${CARGO_HOME:-${HOME:-}/.cargo}" found
  for found in "$home"/registry/src/*/"$1-$2"; do
    [[ -d "$found" ]] && { printf '%s\n' "$found"; return 0; }
  done
  return 1
}

# Splits the source list, in its own order so that neighbours share headers, into chunks of about equal weight. A
# file weighs its bytes and an allowance for the headers it brings along.
write_chunks() {
  local count="$1"
  { grep -v '^util/build_version.cc$' rocksdb_lib_sources.txt | tr -d '\r' | sed -n 's#^..*$#rocksdb/&#p'
    echo build_version.cc; } |
    xargs wc -c | sed '$d' |
    awk -v count="$count" -v work="$work" '
      { weight[NR] = $1 + 15000; file[NR] = $2; total += weight[NR] }
      END {
        for (i = 1; i <= NR; i++) {
          chunk = int((before + weight[i] / 2) * count / total)
          before += weight[i]
          printf "#include \"%s\"\n", file[i] > sprintf("%s/chunk-%02d.cc", work, chunk + 1)
        }
      }'
}

# Every function that c.h declares must be defined, and a program that writes, syncs, closes and reads back with
# lz4 must run. What fails this is never published.
verify() {
  local archive="$1" source="$2" missing
  sed -e 's#//.*##' "$source/rocksdb/include/rocksdb/c.h" | tr '\n' ' ' | sed -e 's#/\*[^*]*\*/##g' |
    grep -o 'extern ROCKSDB_LIBRARY_API[^;(]*(' | grep -o 'rocksdb_[a-z0-9_]* *($' | tr -d ' (' |
    sort -u >"$work/declared"
  nm --defined-only "$archive" 2>/dev/null | awk '$2 == "T" { print $3 }' | sort -u >"$work/defined"
  missing="$(comm -23 "$work/declared" "$work/defined" | head -n 5 | tr '\n' ' ')"
  [[ -s "$work/declared" && -z "$missing" ]] || { say "functions of c.h are missing: $missing" >&2; return 1; }
  local cc="${CC:-cc}"
  "${cc#ccache }" -O0 -w -I"$source/rocksdb/include" -I"$lz4_include" "$here/rocksdb_smoke.c" \
    "$lz4_include"/{lz4,lz4hc,lz4frame,xxhash}.c "$archive" -lstdc++ -lpthread -ldl -lm -o "$work/smoke" || return 1
  rm -rf "$work/smoke-db"
  "$work/smoke" "$work/smoke-db"
}

build() {
  local source lz4_source jobs count memory_mb started=$SECONDS
  if ! source="$(find_sources librocksdb-sys "$version")" || ! lz4_source="$(find_sources lz4-sys "$lz4_version")"; then
    (cd "$root" && cargo fetch -q --locked --target "$HOSTTYPE-unknown-linux-gnu") ||
      fail "the sources cannot be fetched (cargo fetch --locked)"
    source="$(find_sources librocksdb-sys "$version")" || fail "the sources of librocksdb-sys $version are not there"
    lz4_source="$(find_sources lz4-sys "$lz4_version")" || fail "the sources of lz4-sys $lz4_version are not there"
  fi
  cd "$source"

  jobs="${CHANCERY_JOBS:-$(nproc)}"
  memory_mb="$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)"
  if ((jobs * memory_per_job_mb > memory_mb)); then
    jobs=$((memory_mb / memory_per_job_mb > 0 ? memory_mb / memory_per_job_mb : 1))
  fi
  # Few chunks parse least; a multiple of the jobs lets them end together.
  count="${CHANCERY_ROCKSDB_CHUNKS:-6}"
  ((jobs <= count)) || count=$jobs

  # An interrupted build goes on where it stopped, as long as it was cut into the same chunks.
  if [[ "$(cat "$work/count" 2>/dev/null)" != "$count" ]]; then
    rm -rf "$work"
    mkdir -p "$work"
    write_chunks "$count"
    echo "$count" >"$work/count"
  fi
  say "compiling RocksDB $version as $count chunks, $jobs at a time (about 3 minutes on 2 idle cores)"
  # The jobs below read these two. `env` stands where there is no ccache.
  export launcher=env lz4_include="$lz4_source/liblz4/lib"
  if command -v ccache >/dev/null; then launcher=ccache; fi
  local chunk pending=()
  for chunk in "$work"/chunk-??.cc; do
    [[ -e "$chunk.done" ]] || pending+=("$chunk")
  done
  if ((${#pending[@]})); then
    printf '%s\n' "${pending[@]}" | xargs -P "$jobs" -n 1 bash "$here/rocksdb.sh" --chunk ||
      fail "a chunk did not compile"
  fi

  rm -f "$work/librocksdb.a"
  (cd "$work" && ar crs librocksdb.a chunk-*.o)
  verify "$work/librocksdb.a" "$source" || fail "the library did not pass its check and is not used"
  rm -rf "$dir" "$dir.new"
  mkdir -p "$dir.new"
  mv "$work/librocksdb.a" "$dir.new/"
  mv "$dir.new" "$dir"
  rm -rf "$work"
  say "library ready after $((SECONDS - started)) s: $dir"
}

case "${1:-}" in
  --dir)
    printf '%s\n' "$dir"
    ;;
  --chunk)
    run_chunk "$2"
    ;;
  "")
    if [[ "${CHANCERY_ROCKSDB:-}" == crate ]]; then
      say "CHANCERY_ROCKSDB=crate: the crate compiles RocksDB itself (about half an hour on 2 cores)"
      exit 3
    fi
    [[ -f "$dir/librocksdb.a" ]] && exit 0
    mkdir -p "$cache"
    # Two set-ups at once would write the same files; the second waits and finds the library ready.
    exec 9>"$dir.lock"
    flock 9
    [[ -f "$dir/librocksdb.a" ]] && exit 0
    build
    ;;
  *)
    fail "usage: rocksdb.sh [--dir]"
    ;;
esac
