#!/bin/sh
# Gets what the Spark tests need beside pyspark: a Java of version 17 or newer. Does nothing when there is one. Without
# a way to install, it says what is missing and ends well: the tests then skip by name.
set -eu

missing() {
    echo "Spark tests: $1" >&2
    exit 0
}

has_java() {
    command -v java >/dev/null 2>&1 || { [ -n "${JAVA_HOME:-}" ] && [ -x "${JAVA_HOME}/bin/java" ]; }
}

has_java && exit 0
command -v apt-get >/dev/null 2>&1 || missing "please install Java 17 or newer"
if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    missing "please run: sudo apt-get install openjdk-17-jre-headless"
fi
# Debian and Ubuntu differ in which versions they have.
$as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 || missing "the package lists cannot be read"
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless >&2 ||
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends default-jre-headless >&2 ||
    missing "Java could not be installed"
