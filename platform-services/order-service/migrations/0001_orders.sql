-- Moments are milliseconds since 1970 UTC. Ids compare bytes. Amounts are whole won.

CREATE TABLE orders (
    order_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    order_no VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    user_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    status VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    cancel_reason VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL,
    -- The code behind the reason: of the refused hold, of the gateway.
    cancel_detail VARCHAR(200) NULL,
    -- What was missing when it was out of stock, as JSON.
    shortages MEDIUMTEXT NULL,
    -- The hold: the customer's own, or `order-<order_id>`. No two orders share one.
    reservation_id VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    own_hold BOOLEAN NOT NULL,
    sold_early BOOLEAN NOT NULL DEFAULT FALSE,
    payment_id VARCHAR(64) NULL,
    total_amount BIGINT NOT NULL,
    refunded_amount BIGINT NOT NULL DEFAULT 0,
    currency CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    line_count INT UNSIGNED NOT NULL,
    units BIGINT UNSIGNED NOT NULL,
    units_refunded BIGINT UNSIGNED NOT NULL DEFAULT 0,
    -- The address as it was, as JSON.
    shipping_address MEDIUMTEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    -- When the watchdog looks at it next; NULL when nothing is waited for.
    check_at_ms BIGINT NULL,
    -- When the order entered the step it is in, and how often the watchdog has pushed it since.
    step_at_ms BIGINT NOT NULL,
    redrives INT UNSIGNED NOT NULL DEFAULT 0,
    PRIMARY KEY (order_id),
    UNIQUE KEY orders_order_no (order_no),
    UNIQUE KEY orders_reservation (reservation_id),
    KEY orders_user (user_id, order_id),
    KEY orders_check (check_at_ms)
) ENGINE = InnoDB;

CREATE TABLE order_item (
    order_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    line_no INT UNSIGNED NOT NULL,
    sku_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    product_id VARCHAR(64) NOT NULL,
    name VARCHAR(500) NOT NULL,
    option_text VARCHAR(500) NULL,
    quantity INT UNSIGNED NOT NULL,
    unit_price BIGINT NOT NULL,
    -- Units of refunds that are under way or done, and of those that are done.
    asked_quantity INT UNSIGNED NOT NULL DEFAULT 0,
    refunded_quantity INT UNSIGNED NOT NULL DEFAULT 0,
    PRIMARY KEY (order_id, line_no),
    UNIQUE KEY order_item_sku (order_id, sku_id),
    CONSTRAINT order_item_asked CHECK (asked_quantity <= quantity),
    CONSTRAINT order_item_refunded CHECK (refunded_quantity <= asked_quantity)
) ENGINE = InnoDB;

CREATE TABLE order_timeline (
    order_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    seq BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    status VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reason VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL,
    at_ms BIGINT NOT NULL,
    -- The event or request that brought it about.
    cause VARCHAR(256) NOT NULL,
    PRIMARY KEY (order_id, seq),
    KEY order_timeline_seq (seq)
) ENGINE = InnoDB;

CREATE TABLE order_refund (
    refund_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    order_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    status VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    amount BIGINT NOT NULL,
    units BIGINT UNSIGNED NOT NULL,
    reason VARCHAR(200) NULL,
    requested_at_ms BIGINT NOT NULL,
    done_at_ms BIGINT NULL,
    PRIMARY KEY (refund_id),
    KEY order_refund_order (order_id, status)
) ENGINE = InnoDB;

CREATE TABLE order_refund_item (
    refund_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    sku_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    quantity INT UNSIGNED NOT NULL,
    PRIMARY KEY (refund_id, sku_id)
) ENGINE = InnoDB;

-- What an Idempotency-Key stands for: which request, by its hash, and which order came of it.
CREATE TABLE order_idempotency (
    user_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    idempotency_key VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    request_hash BINARY(32) NOT NULL,
    order_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id, idempotency_key),
    KEY order_idempotency_created (created_at_ms)
) ENGINE = InnoDB;

-- Whoever changes a cart writes its row first: changes of one cart come one after the other.
CREATE TABLE cart (
    user_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id)
) ENGINE = InnoDB;

CREATE TABLE cart_item (
    user_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    sku_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    quantity INT UNSIGNED NOT NULL,
    seq BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    PRIMARY KEY (user_id, sku_id),
    KEY cart_item_seq (seq)
) ENGINE = InnoDB;

