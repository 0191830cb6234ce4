#!/bin/sh
# Gets what the browser tests need: a Chromium and the two npm packages of package.json. Does nothing that is done
# already. Without a way to install, it says what is missing and ends well: the tests then skip by name, and fail
# where CI=true.
set -eu
cd "$(dirname "$0")"

missing() {
    echo "browser tests: $1" >&2
    exit 0
}

has_chromium() {
    [ -n "${ABGAP_CHROMIUM:-}" ] && [ -x "${ABGAP_CHROMIUM}" ] && return 0
    for name in chromium chromium-browser google-chrome; do
        command -v "$name" >/dev/null 2>&1 && return 0
    done
    return 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

can_be_root() {
    [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; }
}

install_packages() {
    command -v apt-get >/dev/null 2>&1 || missing "no apt-get here; please install $* yourself"
    can_be_root || missing "please run: sudo apt-get install $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

has_chromium || install_packages chromium fonts-liberation || missing "chromium could not be installed"
if ! command -v npm >/dev/null 2>&1; then
    install_packages nodejs npm || missing "node and npm could not be installed"
fi

# npm writes this file last; it is younger than the lock file when nothing changed since.
if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
    npm ci --silent --no-progress >&2 || missing "npm ci failed; see above"
fi
