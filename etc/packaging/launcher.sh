#!/bin/sh
# reichatd in one file: this script, and behind it a packed directory, which is unpacked once, at the first start. The program then
# takes the place of this shell, so that whoever started it (a service manager, say) has to do with one process and no other.
set -eu
id=@ID@ size=@SIZE@

# The first of these that can be written to: what systemd gives to a service, the user's cache, a directory for temporary files.
for base in "${CACHE_DIRECTORY:-}" "${STATE_DIRECTORY:-}" "${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}" "${TMPDIR:-/tmp}"; do
    base=${base%%:*}
    [ -n "$base" ] || continue
    all=$base/reichatd-program-$(id -u)
    # Nobody else may have put it there, or write to it.
    if mkdir -p -m 0700 "$all" 2>/dev/null && [ -O "$all" ] && [ ! -h "$all" ] && chmod 0700 "$all" && [ -w "$all" ]; then
        break
    fi
    all=
done
[ -n "$all" ] || { echo "reichatd: no directory to unpack into: set TMPDIR to one that can be written to" >&2; exit 73; }

exec 9>"$all/lock"
flock 9 # of two first starts at once one unpacks
if [ ! -d "$all/$id" ]; then
    rm -rf "$all/new"
    mkdir "$all/new"
    if ! tail -c "$size" "$0" | tar -xzf - -C "$all/new"; then
        rm -rf "$all/new"
        echo "reichatd: cannot be unpacked into $all: the disk is full, or this file is damaged" >&2
        exit 73
    fi
    mv "$all/new" "$all/$id"
    # What earlier versions have left, unless one of them still runs.
    for other in "$all"/*/; do
        [ "$other" = "$all/$id/" ] || flock -n "$other" rm -rf "$other" || true
    done
fi
# Held for as long as the program runs: see above.
exec 8<"$all/$id"
flock -s 8
exec 9>&-
ONE_FILE=$(realpath "$0") exec "$all/$id/reichatd" "$@"
