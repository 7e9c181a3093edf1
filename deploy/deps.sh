#!/usr/bin/env bash
# Installs what building and running Grove needs beyond Rust, a C compiler and make. Does nothing where all is there.
set -euo pipefail

oldest_postgresql=15

# The major versions of the PostgreSQL servers on this machine, one per line.
postgresql_versions() {
    local initdb
    for initdb in "$(command -v initdb || true)" /usr/lib/postgresql/*/bin/initdb; do
        [ -x "$initdb" ] || continue
        "$initdb" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/'
    done
}

missing=()
newest="$(postgresql_versions | sort -n | tail -n 1)"
[ "${newest:-0}" -ge "$oldest_postgresql" ] || missing+=(postgresql)
command -v pkg-config >/dev/null || missing+=(pkg-config)
# SQLCipher, the client's encrypted SQLite, takes its AES from the system's libcrypto.
pkg-config --exists libcrypto 2>/dev/null || missing+=(libssl-dev)

if [ "${#missing[@]}" -eq 0 ]; then
    exit 0
fi
echo "deps: missing: ${missing[*]}"

if ! command -v apt-get >/dev/null; then
    echo "deps: this script knows apt only. Install PostgreSQL $oldest_postgresql or newer, pkg-config and the headers of" \
        "OpenSSL 3 (libcrypto) in your system's way, then run it again." >&2
    exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "deps: neither root nor sudo. As root: apt-get install ${missing[*]}" >&2
        exit 1
    }
    as_root=(sudo)
fi
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" </dev/null

newest="$(postgresql_versions | sort -n | tail -n 1)"
if [ "${newest:-0}" -lt "$oldest_postgresql" ]; then
    echo "deps: the system's PostgreSQL is ${newest:-absent}; Grove needs $oldest_postgresql or newer" >&2
    exit 1
fi
