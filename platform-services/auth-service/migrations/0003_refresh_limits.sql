-- Old refresh tokens are deleted, and a session makes only so many in a window.
ALTER TABLE refresh_token ADD KEY refresh_token_expires (expires_at_ms);

ALTER TABLE session
    -- Since when refreshes are counted, and how many there were.
    ADD COLUMN refreshes_since_ms BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN refreshes INT UNSIGNED NOT NULL DEFAULT 0;
