#!/bin/sh
# skeleton.sh FROM TO: the workspace without its code: manifests, and for each target a file that does nothing. What is
# built of it are the dependencies; it changes only when a manifest does, so that layer is kept.
set -eu
from=$1 to=$2
mkdir -p "$to"
cd "$from"
# Manifests, and where targets begin: those that cargo finds by their place, and those that a manifest names.
{
  find . -path ./target -prune -o \( -name Cargo.toml -o -name Cargo.lock -o -path './.cargo/*' \) -type f -print
} | while read -r file; do
  mkdir -p "$to/$(dirname "$file")"
  cp "$file" "$to/$file"
done
find . -path ./target -prune -o -type f -name '*.rs' -print | while read -r file; do
  case $file in
    */src/lib.rs) text= ;;
    */src/main.rs | */build.rs | */src/bin/*.rs | */benches/*.rs | */examples/*.rs | */tests/*.rs) text='fn main() {}' ;;
    *) continue ;;
  esac
  mkdir -p "$to/$(dirname "$file")"
  printf '%s\n' "$text" > "$to/$file"
done
