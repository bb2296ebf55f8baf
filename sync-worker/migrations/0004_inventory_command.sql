-- What became of every stock command, by a key that a repeat of it has again. Rows outlive Kafka: topics
-- and dead letters are kept for less than 90 days.
CREATE TABLE inventory_command (
    command_key VARCHAR(160) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY
        COMMENT 'reserve:<orderId>, confirm:<orderId>, release:<orderId>, return:<refundId>, create:<skuId>',
    kind        ENUM('RESERVE', 'CONFIRM', 'RELEASE', 'RETURN', 'CREATE')
        CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    order_id    VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NULL,
    event_id    VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL
        COMMENT 'the event that was the command',
    outcome     ENUM('DONE', 'REFUSED') CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reason      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL
        COMMENT 'the code of the HTTP API, or INVALID; of what is done: why nothing had to be',
    created_at  DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    KEY by_order (order_id),
    KEY by_time (created_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
