#!/bin/sh
# Makes what `docker compose up` needs beside a checkout: .env, weights/, and passwords in secrets/.
# What is there already stays as it is, unless it is empty, as a full disk leaves files. Containers
# read the passwords as users of their own, so the files are readable and the folder is closed.
set -eu
cd "$(dirname "$0")/.."
settings=${ENV_FILE:-.env}
secrets=${SECRETS_FOLDER:-secrets}
password_bytes=48

# Gives a file, written and checked beside it, its name, so that none is ever there in part.
give_name() {
  mv "$1" "$2"
  echo "made $2"
}

cannot() {
  rm -f "$draft"
  echo "prepare.sh: $1 cannot be written: is the disk full?" >&2
  exit 1
}

mkdir -p "${WEIGHTS_FOLDER:-weights}" "$secrets"
chmod 700 "$secrets"

if [ ! -s "$settings" ]; then
  draft=$settings.draft
  cp .env.example "$draft" 2>/dev/null || cannot "$settings"
  cmp -s .env.example "$draft" || cannot "$settings"
  give_name "$draft" "$settings"
fi

for name in store_password api_keys grafana_password; do
  [ -s "$secrets/$name" ] && continue
  draft=$secrets/.$name.draft
  rm -f "$draft"
  { od -An -N24 -tx1 /dev/urandom | tr -d ' \n' > "$draft"; } 2>/dev/null || cannot "$secrets/$name"
  [ "$(wc -c < "$draft")" -eq "$password_bytes" ] || cannot "$secrets/$name"
  chmod 444 "$draft"
  give_name "$draft" "$secrets/$name"
done
