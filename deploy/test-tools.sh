#!/usr/bin/env bash
# Installs nginx and Caddy, behind which tests run groved, and libfaketime, by which programs see another time. No service
# is started: not now, and not when the machine starts. Where one cannot be had its tests are left out: nothing here fails.
set -uo pipefail

left_out() {
    echo "LEFT OUT: tests that need $1 will not run: $2"
}

missing=()
[ -x /usr/sbin/nginx ] || command -v nginx >/dev/null || missing+=(nginx-light)
[ -x /usr/sbin/caddy ] || command -v caddy >/dev/null || missing+=(caddy)
compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || missing+=(libfaketime)
[ "${#missing[@]}" -gt 0 ] || exit 0

as_root=()
if ! command -v apt-get >/dev/null; then
    left_out "${missing[*]}" "this script knows apt only. Install them in your system's way."
    exit 0
elif [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        left_out "${missing[*]}" "neither root nor sudo."
        exit 0
    }
    as_root=(sudo)
fi

# Debian starts what it installs unless this file says no (invoke-rc.d(8)). One that is there already is somebody else's.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" install -m 755 /dev/stdin "$policy"
fi

"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update
for package in "${missing[@]}"; do
    if "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$package" </dev/null; then
        case $package in libfaketime) continue ;; esac
        [ ! -d /run/systemd/system ] || "${as_root[@]}" systemctl disable --now "${package%-light}"
    else
        left_out "$package" "apt could not install it."
    fi
done
exit 0
