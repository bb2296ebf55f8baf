//! Finding products: by words of any language, filters, an order, a page at a time.
//!
//! Why letters and pairs of letters in a full-text index, and what that costs: the decision record
//! "Search".

pub(crate) mod cursor;
pub(crate) mod document;
pub(crate) mod list;
pub(crate) mod pending;
pub(crate) mod reindex;
pub(crate) mod text;
