#!/usr/bin/env bash
# Is lissom what its users can link? Installs it in each way that is offered,
# into a temporary prefix, and has a project outside the tree built on it.
#
#   check.sh RELEASE_BUILD SCRATCH      (what `./dev package --check` calls)
#
# RELEASE_BUILD: a build directory with the static library built.
# SCRATCH: a directory that may be removed.
set -euo pipefail
source=$(cd "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(cd "$1" && pwd)
rm -rf "$2" && mkdir -p "$2"
scratch=$(cd "$2" && pwd)
consumer=$source/tests/packaging/consumer
expected='stoat otter sequence 2, 1 table'
strict='-Wall -Wextra -Wpedantic -Werror'

fail() {
  printf 'packaging: %s\n' "$*" >&2
  exit 1
}

runs() {  # runs LABEL COMMAND...
  local label=$1 printed
  shift
  printed=$("$@" "$scratch/db") || fail "$label: the program failed"
  [[ $printed == "$expected" ]] ||
    fail "$label: printed '$printed', not '$expected'"
  printf '  %-40s runs\n' "$label"
}

logged() {  # logged LABEL COMMAND...: its output only if it fails.
  local label=$1
  shift
  "$@" >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; fail "$label failed"; }
}

libdir_of() { dirname -- "$(find "$1" -name 'liblissom.*' | head -1)"; }

# The project's two ways to find an installed lissom.
by_find_package() {  # LABEL PREFIX
  local dir=$scratch/find_package-$1
  logged "$1: find_package" cmake -S "$consumer" -B "$dir" -G Ninja \
    "-DCMAKE_PREFIX_PATH=$2" "-DCMAKE_CXX_FLAGS=$strict"
  logged "$1: the build with find_package" cmake --build "$dir"
  runs "$1: find_package" "$dir/consumer"
}

by_pkg_config() {  # LABEL PREFIX
  local libdir flags
  libdir=$(libdir_of "$2")
  flags=$(PKG_CONFIG_PATH=$libdir/pkgconfig pkg-config --cflags --libs lissom) ||
    fail "$1: pkg-config does not find lissom"
  # shellcheck disable=SC2086  # The flags are words.
  logged "$1: the build with pkg-config" "${CXX:-g++}" -std=c++20 $strict \
    "$consumer/main.cc" -o "$scratch/by_pkg_config" $flags
  runs "$1: pkg-config" env LD_LIBRARY_PATH="$libdir" "$scratch/by_pkg_config"
}

# --- Static, into a staging directory, as a packager installs it.
stage=$scratch/stage
logged "the install" env "DESTDIR=$stage" cmake --install "$build" --prefix /usr
[[ $(ls "$stage") == usr ]] || fail "the install left $stage/$(ls "$stage")"
by_find_package static "$stage/usr"
by_pkg_config static "$stage/usr"
mv "$stage" "$scratch/moved"
by_find_package "static, moved" "$scratch/moved/usr"
by_pkg_config "static, moved" "$scratch/moved/usr"

strip --strip-unneeded -o "$scratch/stripped.a" "$(libdir_of "$scratch/moved")/liblissom.a"
bytes=$(stat -c %s "$scratch/stripped.a")
((bytes < 3000000)) || fail "the static library, stripped, has $bytes bytes: over 3 MB"
printf '  %-40s %d bytes\n' 'static, stripped' "$bytes"

# --- Shared, as a subdirectory of a project that brings its own Abseil.
parent=$scratch/parent
logged "add_subdirectory" cmake -S "$source/tests/packaging/parent" -B "$parent" \
  -G Ninja "-DLISSOM_SOURCE=$source" "-DCMAKE_INSTALL_PREFIX=$scratch/shared" \
  -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)"
logged "the build with add_subdirectory" cmake --build "$parent"
runs "shared: add_subdirectory" "$parent/consumer"
logged "the install of the shared library" cmake --install "$parent"
by_find_package shared "$scratch/shared"
by_pkg_config shared "$scratch/shared"

# Of ours, a shared library shows only what a public header declares.
shown=$(nm -DC --defined-only "$(libdir_of "$scratch/shared")/liblissom.so" |
  sed -n 's/^[0-9a-f]* . \(vtable for \|typeinfo for \|typeinfo name for \|non-virtual thunk to \)\?lissom::\([A-Za-z_]*\).*/\2/p' | sort -u)
[[ -n $shown ]] || fail "the shared library shows nothing"
for name in $shown; do
  grep -qw "LISSOM_EXPORT.*[ *&]$name" "$source"/include/lissom/*.h ||
    fail "the shared library shows lissom::$name, which no header marks"
done
printf '  %-40s %d names, all of public headers\n' 'shared: shows' "$(wc -w <<<"$shown")"
rm -rf "$scratch"
