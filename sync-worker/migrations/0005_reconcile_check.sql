-- What the last complete `reconcile check` of a shard found: sync-worker's metrics tell it.
CREATE TABLE reconcile_check (
    shard       SMALLINT UNSIGNED NOT NULL PRIMARY KEY,
    at_ms       BIGINT NOT NULL COMMENT 'when it ended, on the clock of who checked',
    differences BIGINT UNSIGNED NOT NULL,
    who         VARCHAR(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
