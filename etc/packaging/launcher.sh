#!/bin/sh
# reichatd in one file: this script, followed by a packed directory that the first start unpacks. The program then replaces this
# shell, so that a service manager sees only one process.
set -eu
id=@ID@ size=@SIZE@

# The first writable one of these is used: systemd's directories for the service, the user's cache, the temporary directory.
for base in "${CACHE_DIRECTORY:-}" "${STATE_DIRECTORY:-}" "${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}" "${TMPDIR:-/tmp}"; do
    base=${base%%:*}
    [ -n "$base" ] || continue
    all=$base/reichatd-program-$(id -u)
    # No other user may have created it, or be able to write to it.
    if mkdir -p -m 0700 "$all" 2>/dev/null && [ -O "$all" ] && [ ! -h "$all" ] && chmod 0700 "$all" && [ -w "$all" ]; then
        break
    fi
    all=
done
[ -n "$all" ] || { echo "reichatd: no directory to unpack into: set TMPDIR to one that can be written to" >&2; exit 73; }

exec 9>"$all/lock"
flock 9 # only one of two simultaneous first starts unpacks
if [ ! -d "$all/$id" ]; then
    rm -rf "$all/new"
    mkdir "$all/new"
    if ! tail -c "$size" "$0" | tar -xzf - -C "$all/new"; then
        rm -rf "$all/new"
        echo "reichatd: cannot be unpacked into $all: the disk is full, or this file is damaged" >&2
        exit 73
    fi
    mv "$all/new" "$all/$id"
    # Deletes earlier versions that do not run any more.
    for other in "$all"/*/; do
        [ "$other" = "$all/$id/" ] || flock -n "$other" rm -rf "$other" || true
    done
fi
# This lock is held while the program runs: see above.
exec 8<"$all/$id"
flock -s 8
exec 9>&-
ONE_FILE=$(realpath "$0") exec "$all/$id/reichatd" "$@"
