#!/bin/sh
# Makes what `docker compose up` needs beside a checkout: .env, weights/, and passwords in secrets/.
# What is there already stays as it is. Containers read the passwords as users of their own, so
# the files are readable and the folder is closed instead.
set -eu
cd "$(dirname "$0")/.."
settings=${ENV_FILE:-.env}
secrets=${SECRETS_FOLDER:-secrets}

[ -e "$settings" ] || { cp .env.example "$settings"; echo "made $settings"; }
mkdir -p "${WEIGHTS_FOLDER:-weights}" "$secrets"
chmod 700 "$secrets"
for name in store_password api_keys grafana_password; do
  [ -e "$secrets/$name" ] && continue
  od -An -N24 -tx1 /dev/urandom | tr -d ' \n' > "$secrets/$name"
  chmod 444 "$secrets/$name"
  echo "made $secrets/$name"
done
