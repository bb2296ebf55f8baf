-- Times are milliseconds since 1970, UTC.

-- A login and everything that was refreshed from it.
CREATE TABLE session (
    session_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    user_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- That of the account at the login: with another one the session is over.
    credential_version INT UNSIGNED NOT NULL,
    created_at_ms BIGINT NOT NULL,
    -- However often it is refreshed, it ends then.
    expires_at_ms BIGINT NOT NULL,
    revoked_at_ms BIGINT NULL,
    -- LOGOUT, REUSE, PASSWORD, LOCKED
    revoked_for VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL,
    PRIMARY KEY (session_id),
    KEY session_user (user_id, created_at_ms),
    KEY session_expires (expires_at_ms)
) ENGINE = InnoDB;

-- Only hashes: who reads this table can refresh nothing. Used ones are kept, so that a reuse is seen.
CREATE TABLE refresh_token (
    token_hash BINARY(32) NOT NULL,
    session_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    used_at_ms BIGINT NULL,
    PRIMARY KEY (token_hash),
    KEY refresh_token_session (session_id),
    CONSTRAINT refresh_token_of_session FOREIGN KEY (session_id) REFERENCES session (session_id)
        ON DELETE CASCADE
) ENGINE = InnoDB;

-- Who logged in from where, or tried to. Kept for 90 days.
CREATE TABLE login (
    login_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    -- NULL where no account has the mail address.
    user_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    -- As it was typed, cut.
    email VARCHAR(254) NOT NULL,
    address VARCHAR(45) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    user_agent VARCHAR(255) NOT NULL,
    -- SUCCESS, INVALID_CREDENTIALS, ACCOUNT_LOCKED
    outcome VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (login_id),
    KEY login_user (user_id, login_id),
    KEY login_email (email, login_id),
    KEY login_at (at_ms)
) ENGINE = InnoDB;
