#!/bin/sh
# Written and used by chancery-build as cargo's RUSTC_WRAPPER; see wrapper.rs for why.
# Arguments: rustc and its own arguments, of which only the value of `-C metadata` is replaced.
set -f
identity="${CARGO_PKG_NAME:-none}/${CARGO_PKG_VERSION:-none}"
previous=
for word in "$@"; do
  case "$previous" in
    --crate-name | --crate-type | --cfg | --target | --edition) identity="$identity/$previous=$word" ;;
  esac
  previous=$word
done
# The value is a list that white space separates and whose order means nothing: one word of it is wanted.
identity=$(printf %s "$identity" | tr ' \t\n' '___')
count=$#
while [ "$count" -gt 0 ]; do
  word=$1
  shift
  case "$word" in
    metadata=*) word="metadata=$identity" ;;
  esac
  set -- "$@" "$word"
  count=$((count - 1))
done
exec "$@"
