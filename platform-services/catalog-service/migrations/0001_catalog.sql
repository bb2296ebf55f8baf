-- Names compare without case; ids, paths and tokens compare bytes. Times are ms since 1970.

-- One row, locked by whoever changes the shape of the tree: no two moves make a ring together.
CREATE TABLE category_tree (
    id TINYINT UNSIGNED NOT NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB;

INSERT INTO category_tree (id) VALUES (1);

CREATE TABLE category (
    category_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    parent_id BIGINT UNSIGNED NULL,
    name VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci NOT NULL,
    ordering INT NOT NULL,
    -- The ids from the root to this one, like /1/5/: descendants begin with it.
    path VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    version BIGINT UNSIGNED NOT NULL DEFAULT 1,
    -- So that two roots cannot have one name either.
    parent_key BIGINT UNSIGNED AS (COALESCE(parent_id, 0)) STORED,
    PRIMARY KEY (category_id),
    UNIQUE KEY category_name (parent_key, name),
    KEY category_path (path),
    CONSTRAINT category_parent FOREIGN KEY (parent_id) REFERENCES category (category_id)
) ENGINE = InnoDB;

CREATE TABLE brand (
    brand_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    name VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci NOT NULL,
    logo_url VARCHAR(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    version BIGINT UNSIGNED NOT NULL DEFAULT 1,
    PRIMARY KEY (brand_id),
    UNIQUE KEY brand_name (name)
) ENGINE = InnoDB;

CREATE TABLE product (
    product_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    name VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci NOT NULL,
    description TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    -- Before options, in won.
    price BIGINT NOT NULL,
    status VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    category_id BIGINT UNSIGNED NULL,
    brand_id BIGINT UNSIGNED NULL,
    image_url VARCHAR(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    -- No SKU that is sold has stock, as far as the events told.
    sold_out BOOLEAN NOT NULL,
    version BIGINT UNSIGNED NOT NULL DEFAULT 1,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (product_id),
    KEY product_newest (status, product_id),
    KEY product_price (status, price, product_id),
    KEY product_name (status, name, product_id),
    KEY product_category (category_id, status, product_id),
    KEY product_brand (brand_id, status, product_id),
    CONSTRAINT product_in_category FOREIGN KEY (category_id) REFERENCES category (category_id),
    CONSTRAINT product_of_brand FOREIGN KEY (brand_id) REFERENCES brand (brand_id)
) ENGINE = InnoDB;

CREATE TABLE option_group (
    product_id BIGINT UNSIGNED NOT NULL,
    -- Its place, from 0.
    group_no TINYINT UNSIGNED NOT NULL,
    name VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci NOT NULL,
    PRIMARY KEY (product_id, group_no),
    UNIQUE KEY option_group_name (product_id, name),
    CONSTRAINT option_group_of FOREIGN KEY (product_id) REFERENCES product (product_id)
) ENGINE = InnoDB;

CREATE TABLE option_value (
    product_id BIGINT UNSIGNED NOT NULL,
    group_no TINYINT UNSIGNED NOT NULL,
    -- Its place in the group, from 0; never used again.
    value_no TINYINT UNSIGNED NOT NULL,
    value VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci NOT NULL,
    additional_price BIGINT NOT NULL,
    PRIMARY KEY (product_id, group_no, value_no),
    UNIQUE KEY option_value_value (product_id, group_no, value),
    CONSTRAINT option_value_of FOREIGN KEY (product_id, group_no)
        REFERENCES option_group (product_id, group_no)
) ENGINE = InnoDB;

CREATE TABLE sku (
    sku_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    product_id BIGINT UNSIGNED NOT NULL,
    -- One value_no of each group, joined by dots; empty without options.
    combination VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- The product's price and what its options add.
    price BIGINT NOT NULL,
    active BOOLEAN NOT NULL,
    sold_out BOOLEAN NOT NULL,
    -- Of the stock, at the last event that counted.
    stock_version BIGINT UNSIGNED NOT NULL DEFAULT 0,
    PRIMARY KEY (sku_id),
    UNIQUE KEY sku_combination (product_id, combination),
    CONSTRAINT sku_of FOREIGN KEY (product_id) REFERENCES product (product_id)
) ENGINE = InnoDB;

-- What is searched, derived from the product, its options, its brand and its categories.
CREATE TABLE product_search (
    product_id BIGINT UNSIGNED NOT NULL,
    -- The product's name, normalised.
    name VARCHAR(400) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    -- Everything, normalised, a line a field: the last word on what matches.
    document MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    -- Its letters and pairs of letters, encoded: what the index finds candidates by.
    tokens MEDIUMTEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    -- By which rules it was made; 0 where it has to be made again.
    version SMALLINT UNSIGNED NOT NULL,
    PRIMARY KEY (product_id),
    KEY product_search_version (version),
    FULLTEXT KEY product_search_tokens (tokens),
    CONSTRAINT product_search_of FOREIGN KEY (product_id) REFERENCES product (product_id)
) ENGINE = InnoDB;

