# shellcheck shell=bash
# What the programs of this directory share; they source it first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Debian leaves these out for ordinary users, and the harness runs programs of theirs.
PATH=$PATH:/usr/sbin:/sbin
export PATH

# Some machines forbid Python to keep what it compiled; then every program of a test compiles the
# engine anew, and every pytest all tests.
unset PYTHONDONTWRITEBYTECODE
# What threads had would stay with a process of tests, which forks more slowly the larger it is.
export MALLOC_ARENA_MAX=2

# shellcheck disable=SC2034 # for those who source this
venv_python=.venv/bin/python

# fail MESSAGE WHAT-TO-TYPE
fail() {
    printf 'error: %s\n  do: %s\n' "$1" "$2" >&2
    exit 1
}

# step LABEL COMMAND...: run it with one line of progress; its output is shown only if it fails.
step() {
    local label=$1 start=$SECONDS log status=0
    shift
    log=$(mktemp)
    printf '%s ... ' "$label"
    "$@" </dev/null >"$log" 2>&1 || status=$?
    if [ "$status" -eq 0 ]; then
        echo "$((SECONDS - start)) s"
    else
        echo "failed after $((SECONDS - start)) s"
        tail -n 30 "$log" >&2
    fi
    rm -f "$log"
    return "$status"
}

# is_current STAMP-FILE TEXT: whether what the stamp stands for was made from this text.
is_current() {
    [ "$(cat "$1" 2>/dev/null)" = "$2" ]
}
