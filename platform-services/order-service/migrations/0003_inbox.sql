-- Events that were handled, inserted in the handler's transaction: a redelivery changes nothing.
CREATE TABLE order_inbox (
    event_id VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL,
    handler VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    handled_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (event_id, handler),
    KEY order_inbox_handled_at (handled_at)
) ENGINE = InnoDB;
