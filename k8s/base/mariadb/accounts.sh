# Sourced by the image once, when the volume is new. Each service has a database and an account that owns it and
# nothing else; passwords come from the environment, as PASSWORD_<ACCOUNT>. Also mounted by infra/compose.yaml.

# docker_process_sql is the image's: a client as root. Passwords are quoted as SQL texts.
quoted() { printf "'%s'" "$(printf '%s' "$1" | sed "s/[\\\\']/\\\\&/g")"; }

while read -r account database; do
  variable=PASSWORD_${account^^}
  docker_process_sql --database=mysql <<SQL
CREATE DATABASE IF NOT EXISTS \`$database\`;
CREATE USER '$account'@'%' IDENTIFIED BY $(quoted "${!variable:?is not set}");
GRANT ALL ON \`$database\`.* TO '$account'@'%';
-- Where the log is: asked by whoever deletes what Debezium has published.
GRANT BINLOG MONITOR ON *.* TO '$account'@'%';
SQL
done <<'ACCOUNTS'
inventory inventory
auth shop_auth
user shop_user
catalog shop_catalog
order shop_order
payment shop_payment
ACCOUNTS

docker_process_sql --database=mysql <<SQL
-- Reads everything, writes nothing: dumps, and copies of the binary log.
CREATE USER 'backup'@'%' IDENTIFIED BY $(quoted "${PASSWORD_BACKUP:?is not set}");
GRANT SELECT, SHOW VIEW, BINLOG MONITOR, REPLICATION SLAVE ON *.* TO 'backup'@'%';
SQL

docker_process_sql --database=mysql <<SQL
CREATE USER 'debezium'@'%' IDENTIFIED BY $(quoted "${PASSWORD_DEBEZIUM:?is not set}");
GRANT RELOAD, BINLOG MONITOR, REPLICATION SLAVE ON *.* TO 'debezium'@'%';
SQL
# The outboxes and no other table; they come with the services' migrations. A right on a table that is not there
# can only be given together with CREATE, which is taken back.
for table in inventory.inventory_outbox shop_user.user_outbox shop_catalog.catalog_outbox shop_order.order_outbox \
  shop_payment.payment_outbox; do
  docker_process_sql --database=mysql <<SQL
GRANT SELECT, CREATE ON $table TO 'debezium'@'%';
REVOKE CREATE ON $table FROM 'debezium'@'%';
SQL
done
