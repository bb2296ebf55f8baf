//! Every limit of the catalog.

/// Characters of a product's name.
pub const PRODUCT_NAME_CHARS_MAX: usize = 200;
/// Characters of a product's description.
pub const DESCRIPTION_CHARS_MAX: usize = 4_000;
/// Characters of a category's or a brand's name.
pub const NAME_CHARS_MAX: usize = 100;
/// Characters of an option group's name or an option's value.
pub const OPTION_CHARS_MAX: usize = 50;
/// Bytes of the address of a picture.
pub const URL_BYTES_MAX: usize = 500;
/// The highest price, in won.
pub const PRICE_MAX: i64 = 1_000_000_000;
/// Option groups of a product.
pub const GROUPS_MAX: usize = 3;
/// Values of an option group.
pub const VALUES_MAX: usize = 20;
/// SKUs of a product: the combinations of its options.
pub const SKUS_MAX: usize = 200;
/// Units that a SKU may begin with.
pub const INITIAL_QUANTITY_MAX: i64 = 1_000_000;
/// Bytes of a SKU's id; as the inventory has it.
pub const SKU_ID_LEN_MAX: usize = 64;
/// Categories from a root to a leaf.
pub const CATEGORY_DEPTH_MAX: usize = 8;
/// Categories in all: the tree is answered whole.
pub const CATEGORIES_MAX: i64 = 5_000;
/// The place of a category among its siblings.
pub const ORDERING_MAX: i32 = 1_000_000;
/// Entries of a page where none is asked for.
pub const PAGE_DEFAULT: u32 = 20;
/// Entries of a page.
pub const PAGE_MAX: u32 = 100;
/// Characters of what is searched for.
pub const KEYWORD_CHARS_MAX: usize = 100;
/// Words of it.
pub const KEYWORD_WORDS_MAX: usize = 10;
/// Bytes of a cursor.
pub const CURSOR_BYTES_MAX: usize = 2_000;
/// SKUs whose price is asked for at once.
pub const RESOLVE_MAX: usize = 100;
/// SKUs whose availability is asked for at once; as inventory-server has it.
pub const AVAILABILITY_SKUS_MAX: usize = 1_000;
/// Bytes of a request's body.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Products marked in one transaction after a category or a brand changed its name.
pub const MARK_ROWS_MAX: u32 = 200;
/// Products whose search document is made again in one round.
pub const REINDEX_ROWS_MAX: u32 = 100;
