-- Times are milliseconds since 1970, UTC.
-- People who registered. A withdrawn account keeps its id and nothing else.
CREATE TABLE account (
    user_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- Trimmed and in lower case; NULL once withdrawn, so that the address is free again.
    email VARCHAR(254) CHARACTER SET ascii COLLATE ascii_bin NULL,
    name VARCHAR(100) NOT NULL,
    phone VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NULL,
    -- argon2id in PHC form; NULL once withdrawn.
    password_hash VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NULL,
    role VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    status VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- Goes up with every new password, lock and withdrawal: sessions of an older one are over.
    credential_version INT UNSIGNED NOT NULL DEFAULT 1,
    -- The number of the last address; numbers are never given twice.
    addresses_counted INT UNSIGNED NOT NULL DEFAULT 0,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id),
    UNIQUE KEY account_email (email),
    CONSTRAINT account_role CHECK (role IN ('CUSTOMER', 'ADMIN')),
    CONSTRAINT account_status CHECK (status IN ('ACTIVE', 'LOCKED', 'WITHDRAWN')),
    CONSTRAINT account_credentials CHECK ((status = 'WITHDRAWN') = (email IS NULL)
        AND (email IS NULL) = (password_hash IS NULL))
) ENGINE = InnoDB;

-- Changed only by who has locked the account's row.
CREATE TABLE address (
    user_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    address_id INT UNSIGNED NOT NULL,
    label VARCHAR(50) NOT NULL,
    recipient VARCHAR(100) NOT NULL,
    phone VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    zip_code VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    address VARCHAR(200) NOT NULL,
    address_detail VARCHAR(200) NOT NULL,
    -- 1 or NULL, so that a user has one default at most.
    is_default TINYINT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id, address_id),
    UNIQUE KEY address_default (user_id, is_default),
    CONSTRAINT address_is_default CHECK (is_default = 1),
    CONSTRAINT address_account FOREIGN KEY (user_id) REFERENCES account (user_id)
) ENGINE = InnoDB;
