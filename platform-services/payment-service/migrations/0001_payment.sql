-- Payments: one for each order. Moments are milliseconds since the Unix epoch by the service's clock; rows are due, and
-- claimed, by moving such a moment. Ids compare bytes.

CREATE TABLE payment (
    order_id         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    payment_id       CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state            VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    user_id          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'from order.placed, as the next three',
    amount           BIGINT NULL COMMENT 'whole won',
    currency         CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NULL,
    reservation_id   VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'the hold that the order has to have',
    hold_expires_ms  BIGINT NULL COMMENT 'from inventory.reserved, or the last extension',
    order_cancelled  BOOLEAN NOT NULL DEFAULT FALSE,
    cancelled_amount BIGINT NOT NULL DEFAULT 0 COMMENT 'whole won paid back',
    payment_key      VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'of the attempt that counts',
    attempt_id       CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL,
    attempted_ms     BIGINT NULL,
    transaction_id   VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NULL COMMENT 'the gateway''s id of the approval',
    gateway_code     VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NULL COMMENT 'why it failed',
    look_due_ms      BIGINT NULL COMMENT 'when the gateway is to be asked',
    looked_ms        BIGINT NULL COMMENT 'when it was asked last',
    looks            INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'how often since the attempt',
    extend_due_ms    BIGINT NULL COMMENT 'when the hold is to be extended',
    cause_id         VARCHAR(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NULL COMMENT 'the request of the attempt',
    traceparent      VARCHAR(55) CHARACTER SET ascii COLLATE ascii_bin NULL,
    created_ms       BIGINT NOT NULL,
    updated_ms       BIGINT NOT NULL,
    approved_ms      BIGINT NULL,
    UNIQUE KEY payment_id (payment_id),
    KEY payment_state (state, attempted_ms),
    KEY payment_look (look_due_ms),
    KEY payment_extend (extend_due_ms)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- Holds that said an order's name before the order was heard of; any of them may be a stranger's.
CREATE TABLE payment_hold (
    order_id       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reservation_id VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    expires_ms     BIGINT NOT NULL,
    PRIMARY KEY (order_id, reservation_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- Every time the gateway was to be asked for money, written before it was. The id is the idempotency key.
CREATE TABLE payment_attempt (
    attempt_id   CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    order_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    payment_key  VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    amount       BIGINT NOT NULL,
    outcome      VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'NULL: not known',
    gateway_code VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NULL,
    started_ms   BIGINT NOT NULL,
    ended_ms     BIGINT NULL,
    KEY payment_attempt_order (order_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- Money that goes back, written before the gateway is asked.
CREATE TABLE payment_refund (
    order_id         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind             VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    refund_id        VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    status           VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    requested_amount BIGINT NULL COMMENT 'whole won; NULL: all that is left',
    amount           BIGINT NULL COMMENT 'of the call under way, or what was paid back',
    payment_key      VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'where it is not that of the payment',
    reason           VARCHAR(200) CHARACTER SET utf8mb4 NOT NULL,
    reservation_id   VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NULL,
    items            MEDIUMTEXT CHARACTER SET utf8mb4 NULL COMMENT 'JSON, as order.refund.requested had them',
    call_id          CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'idempotency key of a call that may be under way',
    transaction_id   VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NULL,
    tries            INT UNSIGNED NOT NULL DEFAULT 0,
    refusals         INT UNSIGNED NOT NULL DEFAULT 0,
    last_error       VARCHAR(300) CHARACTER SET utf8mb4 NULL,
    due_ms           BIGINT NULL,
    cause_id         VARCHAR(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NULL,
    traceparent      VARCHAR(55) CHARACTER SET ascii COLLATE ascii_bin NULL,
    created_ms       BIGINT NOT NULL,
    done_ms          BIGINT NULL,
    PRIMARY KEY (order_id, kind, refund_id),
    KEY payment_refund_due (due_ms),
    KEY payment_refund_status (status, created_ms)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
