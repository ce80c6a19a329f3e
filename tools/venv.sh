#!/bin/sh
# Make or refresh the virtual environment that every make target runs in:
#
#     tools/venv.sh DIRECTORY run|dev|peers [PYTHON]
#
# `run` has what the demo needs, `dev` the tools for tests, checks and benchmarks as well, `peers`
# what the benchmarks compare with besides.
# Needs a Python of 3.11 or later and nothing else. PYTHON chooses one; an environment of another
# version is then made anew.
set -eu

venv=$1
purpose=$2
wanted=${3:-}
here=$(cd "$(dirname "$0")/.." && pwd)

say() { printf '%s\n' "$*" >&2; }

die() {
    say "error: $*"
    exit 1
}

runs() { "$1" -c "$2" >/dev/null 2>&1; }

new_enough() { runs "$1" 'import sys; sys.exit(sys.version_info < (3, 11))'; }

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

pick_python() {
    if [ -n "$wanted" ]; then
        new_enough "$wanted" || die "PYTHON=$wanted is not a Python of 3.11 or later that runs;" \
            "give the name or path of one, such as PYTHON=python3.11"
        echo "$wanted"
        return
    fi
    # Each candidate is run, not just looked up: a version manager's shim exists without its Python.
    for candidate in python3.13 python3.12 python3.11 python3 python; do
        if new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    die "no Python of 3.11 or later found (tried python3.13, python3.12, python3.11, python3);" \
        "install one (Debian, Ubuntu: apt-get install python3.11), or name it: make PYTHON=/path/to/python"
}

usable() {
    runs "$venv/bin/python" 'import pip' && new_enough "$venv/bin/python" || return 1
    [ -z "$wanted" ] || [ "$(version_of "$venv/bin/python")" = "$(version_of "$python")" ]
}

# Debian and Ubuntu keep `ensurepip`, which `venv` needs, in a package of its own.
install_venv_package() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || return 1
    say "installing $package, which Debian's Python lacks (apt-get)"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends "$package" >&2 ||
        apt-get install -y -qq --no-install-recommends python3-venv >&2
}

make_with_ensurepip() {
    runs "$python" 'import ensurepip, venv' && "$python" -m venv --clear "$venv" >&2
}

make_with_pip() {
    runs "$python" 'import pip, venv' && "$python" -m venv --clear --without-pip "$venv" >&2 &&
        "$python" -m pip --quiet --python "$venv/bin/python" install pip >&2
}

make_venv() {
    say "making $venv with Python $(version_of "$python") ($python)"
    package=python$(version_of "$python")-venv
    make_with_ensurepip || make_with_pip && return
    { install_venv_package && make_with_ensurepip; } && return
    rm -rf "$venv"
    die "$python cannot make a virtual environment: its module ensurepip is missing." \
        "Install it, as root: apt-get install $package (Debian, Ubuntu); then run make again"
}

install() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@" >&2; }

python=$(pick_python)
usable || make_venv
say "installing what pyproject.toml asks for into $venv"
cd "$here"
if [ "$purpose" = run ]; then
    install --editable '.[demo]'
else
    # A pip that knows dependency groups; the one that comes with Python 3.11 does not.
    install 'pip>=25.1'
    install --no-compile --editable . --group "$purpose"
fi
