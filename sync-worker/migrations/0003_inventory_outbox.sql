-- Events of the service, written in the transaction that changes its tables; the relay, or Debezium,
-- publishes them and takes them away. Whoever writes for one aggregate_id locks the aggregate first,
-- so that ids are in the order of the commits.
CREATE TABLE inventory_outbox (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    event_id VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    aggregate_type VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- The key on Kafka.
    aggregate_id VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    type VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    topic VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- The whole envelope, byte for byte as it is published.
    payload MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    traceparent VARCHAR(55) CHARACTER SET ascii COLLATE ascii_bin NULL,
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    -- Rows of one key are always in one slot.
    slot TINYINT UNSIGNED AS (CRC32(aggregate_id) MOD 16) STORED,
    PRIMARY KEY (id),
    UNIQUE KEY inventory_outbox_event (event_id),
    KEY inventory_outbox_slot (slot, id)
) ENGINE = InnoDB;

-- Which replica publishes which slot.
CREATE TABLE inventory_outbox_slot (
    slot TINYINT UNSIGNED NOT NULL,
    owner VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NULL,
    lease_until DATETIME(3) NOT NULL DEFAULT '1970-01-01 00:00:00.000',
    PRIMARY KEY (slot)
) ENGINE = InnoDB;

INSERT INTO inventory_outbox_slot (slot)
VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14), (15);

-- The replicas that are alive, so that each takes its share of the slots.
CREATE TABLE inventory_outbox_relay (
    owner VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    seen_until DATETIME(3) NOT NULL,
    PRIMARY KEY (owner)
) ENGINE = InnoDB;

-- Whether the projection wrote events when it put the change aside: a replay writes those that are missing.
ALTER TABLE dead_letter ADD COLUMN events BOOLEAN NOT NULL DEFAULT FALSE AFTER tries;
