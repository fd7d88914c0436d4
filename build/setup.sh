#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Brings what building and testing need: Debian or Ubuntu packages and npm packages. Quick when all is there, says what it
# does, and carries on without what cannot be had: each later step that lacks a tool says so again.
cd "$(dirname "$0")/.." || exit 1
oldest_llvm=16 # the first clang with the final opcodes of relaxed SIMD

say() { echo "setup: $*"; }
have() { command -v "$1" >/dev/null 2>&1; }

node_is_new_enough() { have node && have npm && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ]; }

# The newest N for which both clang++-N and wasm-ld-N are installed.
installed_llvm() {
  local n
  for n in $(compgen -c clang++- | sed -n 's/^clang++-\([0-9]*\)$/\1/p' | sort -rnu); do
    [ "$n" -ge $oldest_llvm ] && have "wasm-ld-$n" && echo "$n" && return
  done
}

# The newest N for which the distribution has both clang-N and lld-N.
available_llvm() {
  local n
  for n in $(apt-cache search --names-only '^clang-[0-9]+$' | sed -n 's/^clang-\([0-9]*\) .*/\1/p' | sort -rnu); do
    [ "$n" -ge $oldest_llvm ] && apt-cache show "lld-$n" >/dev/null 2>&1 && echo "$n" && return
  done
}

have_chromium() { have chromium || have chromium-browser || have google-chrome; }
# Opened when pictures are read for training.
have_turbojpeg() { PATH=$PATH:/sbin ldconfig -p 2>/dev/null | grep -q 'libturbojpeg\.so\.0'; }
have_mpi() { have mpirun; } # trains in several processes
have_clang_format() { [ -n "$(compgen -c clang-format)" ]; }

missing_tools() {
  have g++ && have make || echo build-essential
  have em++ || echo emscripten
  [ -n "$(installed_llvm)" ] || echo llvm
  have_clang_format || echo clang-format
  have_chromium || echo chromium
  have_turbojpeg || echo libturbojpeg
  have mdb_dump || echo lmdb-utils
  have_mpi || echo openmpi-bin
}

# apt NAME...: each by itself, so that one that cannot be had does not keep the others away.
install_packages() {
  local name
  for name in "$@"; do
    say "apt-get install $name"
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$name" >"$log" 2>&1 ||
      { say "could not install $name: $(grep -m1 '^E:' "$log" || tail -n1 "$log")"; }
  done
}

install_tools() {
  local missing n wanted=()
  missing=$(missing_tools)
  [ -z "$missing" ] && return
  if ! have apt-get; then
    say "no apt-get here; please install by hand:" $missing "(llvm: clang and lld of one version from $oldest_llvm on)"
    return
  fi
  sudo=
  if [ "$(id -u)" != 0 ]; then
    if ! have sudo; then
      say "neither root nor sudo; please have installed:" $missing
      return
    fi
    sudo=sudo
  fi
  log=$(mktemp)
  say "missing:" $missing
  $sudo apt-get update -q >"$log" 2>&1 || say "apt-get update failed: $(tail -n1 "$log")"
  for name in $missing; do
    case $name in
      llvm)
        n=$(available_llvm)
        if [ -n "$n" ]; then wanted+=("clang-$n" "lld-$n"); else
          say "no clang and lld from $oldest_llvm on in this distribution: the relaxed SIMD build is left out"
        fi ;;
      clang-format)
        n=$(available_llvm)
        wanted+=("clang-format${n:+-$n}") ;;
      libturbojpeg) # Debian's name has a number
        apt-cache show libturbojpeg0 >/dev/null 2>&1 && wanted+=(libturbojpeg0) || wanted+=(libturbojpeg) ;;
      *) wanted+=("$name") ;;
    esac
  done
  install_packages "${wanted[@]}"
  rm -f "$log"
  missing=$(missing_tools)
  [ -z "$missing" ] || say "still missing, and left out from here on:" $missing
}

# Are the packages of the folder's lock file installed, in the versions it names? (Those of other systems are optional.)
packages_are_there() {
  node -e '
    const read = (path) => JSON.parse(require("fs").readFileSync(path, "utf8")).packages
    const want = read("package-lock.json"), got = read("node_modules/.package-lock.json")
    for (const [path, { version, optional }] of Object.entries(want)) {
      if (path && !optional && got[path]?.version !== version) process.exit(1)
      if (path && optional && got[path] && got[path].version !== version) process.exit(1)
    }' 2>/dev/null
}

# Not `npm ci`: it refuses a lock file made where the registry lacks the optional packages of other systems.
install_npm_packages() { # FOLDER WHAT
  (cd "$1" && packages_are_there) && return
  say "npm install of $2"
  (cd "$1" && npm install --no-save --no-audit --no-fund --loglevel=error 2>&1 | sed 's/^/setup: /'; exit "${PIPESTATUS[0]}")
}

check_runtimes() {
  local name
  for name in node deno bun; do
    "tests/runtimes/node_modules/.bin/$name" --version >/dev/null 2>&1 || say "no $name for the tests: they leave it out"
  done
}

if ! node_is_new_enough; then
  say "Node 20 or newer and npm are needed$(have node && echo ", this is $(node -v)")."
  say "Debian 13, Ubuntu 25.04 and newer: apt-get install nodejs npm. Older: see https://nodejs.org/en/download"
  exit 1
fi
install_tools
install_npm_packages . "the build's packages" || { say "npm could not install the build's packages"; exit 1; }
if [ "$1" != quick ]; then
  install_npm_packages tests/runtimes "the test runtimes (Node 26, Deno, Bun)" || say "npm could not install the test runtimes"
  check_runtimes
fi
say "ready"
