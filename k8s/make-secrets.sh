#!/usr/bin/env bash
# Prints the Secrets that the pods refer to, with passwords drawn at random. Once for each cluster, for one that has no
# other place for secrets; a second run prints others, which no store would know:
#
#   k8s/make-secrets.sh | kubectl -n shop-dev apply -f -
#
# TOSS_SECRET_KEY is the gateway's key; without it one is drawn, which a toss-sandbox takes.
set -euo pipefail

drawn() { head -c 24 /dev/urandom | base64 | tr '+/' '-_'; }

# NAME KEY=VALUE…
secret() {
  printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\ndata:\n' "$1"
  shift
  for pair in "$@"; do
    printf '  %s: %s\n' "${pair%%=*}" "$(printf '%s' "${pair#*=}" | base64 -w0)"
  done
}

redis=$(drawn)
engine=$(drawn)
logins=$(drawn)
declare -A password
for account in root inventory auth user catalog order payment backup debezium; do password[$account]=$(drawn); done
order=$(drawn)
payment=$(drawn)
engine_url="redis://shop:$engine@redis:6379"
database_url() { printf 'mysql://%s:%s@mariadb:3306/%s' "$1" "${password[$1]}" "$2"; }

# The first is for people, in the pod of Redis.
secret redis "password=$redis" "auth.conf=requirepass $redis
user shop on >$engine ~inv:* +@read +@write +@scripting +@connection -@dangerous +info +config|get +client|kill +time
user auth on >$logins ~auth:* +@read +@write +@scripting +@connection -@dangerous
"
accounts=()
for account in "${!password[@]}"; do accounts+=("$account=${password[$account]}"); done
secret mariadb "${accounts[@]}"
secret inventory-server "redis-url=$engine_url"
secret sync-worker "redis-url=$engine_url" "database-url=$(database_url inventory inventory)"
secret auth-service "redis-url=redis://auth:$logins@redis:6379" "database-url=$(database_url auth shop_auth)" \
  "clients={\"order-service\":\"$order\",\"payment-service\":\"$payment\"}"
secret user-service "database-url=$(database_url user shop_user)"
secret catalog-service "database-url=$(database_url catalog shop_catalog)"
secret order-service "database-url=$(database_url order shop_order)" "client-secret=$order"
secret payment-service "database-url=$(database_url payment shop_payment)" "client-secret=$payment" \
  "toss-secret-key=${TOSS_SECRET_KEY:-$(drawn)}"
