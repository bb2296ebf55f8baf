# Runs as root: sh -c THIS install_packages POLICY_FILE LOCK_FILE PACKAGE...
# Installs without starting services, so that nothing takes the ports of the user's own servers.
set -eu
policy=$1
saved=$1.devstack-saved
lock=$2
shift 2
export DEBIAN_FRONTEND=noninteractive

# Two at once would restore each other's policy.
exec 9>"$lock"
flock 9

put_back() {
    if [ -e "$saved" ]; then
        mv -f "$saved" "$policy"
    elif grep -qs '^# devstack: temporary' "$policy"; then
        rm -f "$policy"
    fi
}
# What a run that was killed has left.
put_back
trap put_back EXIT
trap 'exit 1' HUP INT TERM

if [ -e "$policy" ]; then
    mv -f "$policy" "$saved"
fi
printf '#!/bin/sh\n# devstack: temporary\nexit 101\n' >"$policy"
chmod 755 "$policy"

install() {
    apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" >&2 9>&-
}
# The lists may be missing (a fresh container) or too old: then once more with new ones.
install "$@" || {
    apt-get update >&2 9>&-
    install "$@"
}
