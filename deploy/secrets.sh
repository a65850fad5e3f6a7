#!/bin/sh
# Makes the files that compose.yaml reads secrets from: passwords by chance, the others to be filled
# in. What is there already is kept. Containers read the files as other users, so the files are open
# and their folder is not.
set -eu
cd "$(dirname "$0")"
umask 022
mkdir -p secrets
chmod 700 secrets

by_chance() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
once() { [ -e "secrets/$1" ] || printf '%s\n' "$2" >"secrets/$1"; }

once database_password "$(by_chance)"
once reader_password "$(by_chance)"
once grafana_password "$(by_chance)"
once database_url "postgresql+psycopg://monitor:$(cat secrets/database_password)@postgresql/monitor"
once tensordock_token ""
once receiver_urls ""

[ -n "$(cat secrets/tensordock_token)" ] || echo "write the marketplace's token into deploy/secrets/tensordock_token" >&2
[ -n "$(cat secrets/receiver_urls)" ] || echo "write Apprise URLs, one a line, into deploy/secrets/receiver_urls" >&2
