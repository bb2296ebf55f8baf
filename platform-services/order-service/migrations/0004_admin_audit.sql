-- Who of the staff changed what: a row in the transaction of the change.
CREATE TABLE admin_audit (
    id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    at         DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    actor      VARCHAR(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    action     VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    subject    VARCHAR(300) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    request_id VARCHAR(256) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    trace_id   CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL,
    PRIMARY KEY (id),
    KEY admin_audit_subject (subject),
    KEY admin_audit_at (at)
) ENGINE = InnoDB;
