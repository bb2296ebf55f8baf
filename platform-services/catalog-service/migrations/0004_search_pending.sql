-- Whose products' search documents have to be made again, written in the transaction that changes a
-- name or a path. A task marks the products afterwards, a number at a time, and takes the row away;
-- if the process dies in between, the row is still there.
CREATE TABLE search_pending (
    pending_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    -- One of the two: this category alone, without those below, or this brand. It may be gone by now.
    category_id BIGINT UNSIGNED NULL,
    brand_id BIGINT UNSIGNED NULL,
    -- The products up to this one are marked.
    marked_to BIGINT UNSIGNED NOT NULL DEFAULT 0,
    PRIMARY KEY (pending_id)
) ENGINE = InnoDB;
