#!/bin/bash
# All databases as of one moment, with the place in the binary log, into a folder: all-<time, UTC>.sql.gz. The newest
# BACKUPS_KEPT (1 or more) stay there. A dump that breaks off is not left behind. Also for people: BACKUP_FROM says where MariaDB is
# (mysql://HOST:PORT), MYSQL_PWD is the password of its account `backup`.
set -euo pipefail

folder=${1:?usage: backup.sh FOLDER}
kept=${BACKUPS_KEPT:-7}
[[ $kept =~ ^[1-9][0-9]*$ ]] || { echo "BACKUPS_KEPT is $kept: it must be 1 or more" >&2; exit 64; }
place=${BACKUP_FROM:?is not set: mysql://HOST:PORT}
place=${place#mysql://}

prune() {
  find "$folder" -maxdepth 1 -name 'all-*.sql.gz' | sort -r | tail -n +$((kept + 1)) | while read -r old; do rm "$old"; done
}
# First too: to keep fewer of them is how a volume that is full gets room.
prune
# Another run may be under way; what one that was killed has left is of no use when nobody
# writes it any more.
find "$folder" -maxdepth 1 -name 'all.*.part' -mmin +60 -exec rm {} +
part=$(mktemp "$folder/all.XXXXXXXX.part")
trap 'rm -f "$part"' EXIT
mariadb-dump --host "${place%:*}" --port "${place##*:}" --user backup --single-transaction --master-data=2 --skip-triggers \
  --databases inventory shop_auth shop_user shop_catalog shop_order shop_payment | gzip > "$part"
sync "$part"
mv "$part" "$folder/all-$(date -u +%Y%m%dT%H%M%SZ).sql.gz"
prune
du -h "$folder"/all-*.sql.gz
