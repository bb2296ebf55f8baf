-- The projection of the shard: what reports are written on. Only sync-worker writes these tables.
-- Ids compare bytes: the default collation takes sku-a and SKU-A for the same.

-- One row a shard: how far the projection is, and which worker owns it.
CREATE TABLE journal_cursor (
    shard          SMALLINT UNSIGNED NOT NULL PRIMARY KEY,
    lineage        CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    epoch          BIGINT UNSIGNED NOT NULL COMMENT 'of the last journal entry applied',
    n              BIGINT UNSIGNED NOT NULL COMMENT 'place of that entry in its epoch',
    entry_at       DATETIME(3) NOT NULL COMMENT 'when that entry was written, UTC',
    issued_epoch   BIGINT UNSIGNED NOT NULL COMMENT 'highest epoch ever issued, before Redis heard of it',
    state          ENUM('FOLLOWING', 'RESYNC', 'STALE') CHARACTER SET ascii NOT NULL
        COMMENT 'RESYNC: being copied from Redis; STALE: older than Redis, to be copied',
    resync_epoch   BIGINT UNSIGNED NULL COMMENT 'guards are off from this entry on',
    resync_n       BIGINT UNSIGNED NULL,
    owner          VARCHAR(128) NULL,
    lease_until    DATETIME(3) NULL COMMENT 'UTC, on the database clock',
    token          BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'one more with every new owner',
    updated_at     DATETIME(3) NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- Every epoch that was issued, and where it ended once the next one has begun.
CREATE TABLE journal_epoch (
    shard          SMALLINT UNSIGNED NOT NULL,
    epoch          BIGINT UNSIGNED NOT NULL,
    issued_at      DATETIME(3) NOT NULL,
    issued_by      VARCHAR(128) NOT NULL,
    why            VARCHAR(256) NOT NULL,
    last_n         BIGINT UNSIGNED NULL COMMENT 'its last entry in the history that went on',
    PRIMARY KEY (shard, epoch)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE stock_item (
    sku_id             VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    location_id        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    available_quantity BIGINT NOT NULL,
    reserved_quantity  BIGINT NOT NULL,
    sold_quantity      BIGINT NOT NULL,
    version            BIGINT NOT NULL,
    ledger_quantity    BIGINT NOT NULL
        COMMENT 'initial + adjustments; equals available + reserved + sold unless something drifted',
    retired            BOOLEAN NOT NULL DEFAULT FALSE COMMENT 'removed; goes on from here if created again',
    changed_epoch      BIGINT UNSIGNED NOT NULL COMMENT 'journal entry of the last change',
    changed_n          BIGINT UNSIGNED NOT NULL,
    updated_at         DATETIME(3) NOT NULL,
    PRIMARY KEY (sku_id, location_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE reservation (
    reservation_id VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    status         ENUM('RESERVED', 'CONFIRMED', 'RELEASED', 'EXPIRED', 'PARTIALLY_RETURNED', 'RETURNED')
        CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    order_id       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    customer_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    created_at     DATETIME(3) NOT NULL,
    expires_at     DATETIME(3) NOT NULL,
    changed_at     DATETIME(3) NOT NULL COMMENT 'time of the last change',
    changed_epoch  BIGINT UNSIGNED NOT NULL COMMENT 'journal entry of the last change',
    changed_n      BIGINT UNSIGNED NOT NULL,
    stored         MEDIUMBLOB NOT NULL COMMENT 'the record as Redis keeps it, to restore it from',
    KEY by_order (order_id, created_at),
    KEY by_customer (customer_id, created_at),
    KEY by_status (status, expires_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE reservation_item (
    reservation_id     VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    sku_id             VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    location_id        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    quantity           INT UNSIGNED NOT NULL,
    confirmed_quantity INT UNSIGNED NOT NULL DEFAULT 0,
    returned_quantity  INT UNSIGNED NOT NULL DEFAULT 0,
    PRIMARY KEY (reservation_id, sku_id, location_id),
    KEY by_sku (sku_id, location_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- Outcomes of adjustments and counts, so that a repeat is known after a rebuild.
CREATE TABLE stock_operation (
    operation_id  VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    stored        VARBINARY(1024) NOT NULL COMMENT 'as Redis keeps it',
    changed_at    DATETIME(3) NOT NULL,
    changed_epoch BIGINT UNSIGNED NOT NULL,
    changed_n     BIGINT UNSIGNED NOT NULL,
    KEY by_time (changed_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE purchase_limit (
    sku_id           VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    quantity         INT UNSIGNED NOT NULL,
    window_ms        BIGINT UNSIGNED NOT NULL COMMENT '0: for life',
    generation_epoch BIGINT UNSIGNED NOT NULL COMMENT 'journal entry since which it counts',
    generation_n     BIGINT UNSIGNED NOT NULL,
    changed_epoch    BIGINT UNSIGNED NOT NULL,
    changed_n        BIGINT UNSIGNED NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- What each customer has used of a limit, by slice of its window (0: for life).
CREATE TABLE purchase_used (
    sku_id           VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    customer_id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    slice            BIGINT UNSIGNED NOT NULL,
    generation_epoch BIGINT UNSIGNED NOT NULL,
    generation_n     BIGINT UNSIGNED NOT NULL,
    units            BIGINT NOT NULL,
    changed_epoch    BIGINT UNSIGNED NOT NULL,
    changed_n        BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (sku_id, generation_epoch, generation_n, customer_id, slice)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- The audit log: one row for every stock that a change touches, and one for a change that touches none.
CREATE TABLE stock_journal (
    shard            SMALLINT UNSIGNED NOT NULL,
    epoch            BIGINT UNSIGNED NOT NULL,
    n                BIGINT UNSIGNED NOT NULL,
    item             INT UNSIGNED NOT NULL COMMENT 'the change within its entry, from 0',
    line             SMALLINT UNSIGNED NOT NULL COMMENT 'the stock within the change, from 0',
    kind             VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    at               DATETIME(3) NOT NULL,
    sku_id           VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    location_id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    available_before BIGINT NULL,
    reserved_before  BIGINT NULL,
    sold_before      BIGINT NULL,
    available_after  BIGINT NULL,
    reserved_after   BIGINT NULL,
    sold_after       BIGINT NULL,
    version          BIGINT NULL COMMENT 'of the stock after this change',
    ledger_delta     BIGINT NOT NULL DEFAULT 0 COMMENT 'what the change adds to initial + adjustments',
    reservation_id   VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NULL,
    order_id         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    customer_id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    operation_id     VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NULL,
    reason           VARCHAR(256) NULL,
    actor            VARCHAR(256) NULL,
    request_id       VARCHAR(256) NULL,
    traceparent      VARCHAR(256) NULL,
    PRIMARY KEY (shard, epoch, n, item, line),
    KEY by_sku (sku_id, location_id, version),
    KEY by_order (order_id),
    KEY by_reservation (reservation_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- Changes that could not be applied, one by one, with what is needed to try again.
CREATE TABLE dead_letter (
    id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    source     VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'projection',
    shard      SMALLINT UNSIGNED NOT NULL,
    epoch      BIGINT UNSIGNED NOT NULL,
    n          BIGINT UNSIGNED NOT NULL,
    item       INT NOT NULL COMMENT 'the change within its entry; -1: the entry cannot be read',
    reason     VARCHAR(1024) NOT NULL,
    payload    LONGBLOB NOT NULL COMMENT 'the entry as the journal had it',
    tries      INT UNSIGNED NOT NULL,
    status     ENUM('OPEN', 'REPLAYED', 'DISCARDED') CHARACTER SET ascii NOT NULL DEFAULT 'OPEN',
    created_at DATETIME(3) NOT NULL,
    closed_at  DATETIME(3) NULL,
    closed_by  VARCHAR(128) NULL,
    UNIQUE KEY by_entry (source, shard, epoch, n, item),
    KEY by_status (status, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
