-- What every recovery found and did, for the people who ask afterwards.
CREATE TABLE recovery_report (
    id          BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    shard       SMALLINT UNSIGNED NOT NULL,
    at          DATETIME(3) NOT NULL COMMENT 'when it began, UTC, on the clock of the shard',
    kind        ENUM('OPENED', 'RESTORED', 'REBUILT', 'RESYNCED') CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    epoch       BIGINT UNSIGNED NOT NULL COMMENT 'in which the shard goes on',
    why         VARCHAR(256) NOT NULL,
    duration_ms BIGINT UNSIGNED NOT NULL,
    report      TEXT NOT NULL COMMENT 'all of it, as JSON',
    KEY by_shard (shard, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
