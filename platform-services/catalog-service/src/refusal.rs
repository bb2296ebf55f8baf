//! What the catalog refuses, and how it says so.

use axum::http::StatusCode;
use service_kit::http::{FieldError, Problem};

use crate::{
    ids::Id,
    limits::{CATEGORIES_MAX, CATEGORY_DEPTH_MAX, SKUS_MAX},
    product::Status,
};

/// A request that is understood and not fulfilled; it changed nothing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Refusal {
    /// Fields that are not valid.
    Invalid(Vec<FieldError>),
    /// There is no such product, or not for who asks.
    ProductNotFound,
    CategoryNotFound,
    BrandNotFound,
    /// The product has no such SKU.
    SkuNotFound(String),
    /// The body names a category that does not exist.
    UnknownCategory(String),
    /// The body names a brand that does not exist.
    UnknownBrand(String),
    /// Somebody changed it since.
    VersionConflict {
        current: u64,
    },
    SkuIdTaken(Option<String>),
    /// A category's siblings, or the brands, have this name.
    NameTaken(String),
    OptionTaken(String),
    InvalidProductState {
        from: Status,
        to: Status,
        why: &'static str,
    },
    CategoryCycle,
    CategoryInUse,
    BrandInUse,
    TooDeep,
    TooManyCategories,
    TooManySkus(usize),
}

impl Refusal {
    pub(crate) fn invalid(field: impl Into<String>, reason: impl ToString) -> Self {
        Self::Invalid(vec![FieldError {
            field: field.into(),
            reason: reason.to_string(),
        }])
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let not_found = |code, what: &'static str, detail: String| {
            Self::new(StatusCode::NOT_FOUND, code, what, detail)
        };
        let conflict = |code, title: &'static str, detail: String| {
            Self::new(StatusCode::CONFLICT, code, title, detail)
        };
        let unknown = |code, title: &'static str, detail: String| {
            Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, title, detail)
        };
        match refusal {
            Refusal::Invalid(errors) => Self::invalid(errors),
            Refusal::ProductNotFound => not_found(
                "PRODUCT_NOT_FOUND",
                "No such product",
                "there is no product with this id; GET /api/products lists those on sale"
                    .to_owned(),
            ),
            Refusal::CategoryNotFound => not_found(
                "CATEGORY_NOT_FOUND",
                "No such category",
                "there is no category with this id; GET /api/categories/tree shows all".to_owned(),
            ),
            Refusal::BrandNotFound => not_found(
                "BRAND_NOT_FOUND",
                "No such brand",
                "there is no brand with this id; GET /api/brands lists all".to_owned(),
            ),
            Refusal::SkuNotFound(sku_id) => not_found(
                "UNKNOWN_SKU",
                "Unknown SKU",
                format!("the product has no SKU {sku_id}"),
            )
            .with("skus", [serde_json::json!({"skuId": sku_id})]),
            Refusal::UnknownCategory(id) => unknown(
                "UNKNOWN_CATEGORY",
                "Unknown category",
                format!("there is no category {id}; create it first"),
            ),
            Refusal::UnknownBrand(id) => unknown(
                "UNKNOWN_BRAND",
                "Unknown brand",
                format!("there is no brand {id}; create it first"),
            ),
            Refusal::VersionConflict { current } => conflict(
                "VERSION_CONFLICT",
                "Version conflict",
                format!("its version is {current} by now: read it again and decide anew"),
            )
            .with("currentVersion", current),
            Refusal::SkuIdTaken(Some(sku_id)) => conflict(
                "SKU_ID_TAKEN",
                "SKU id taken",
                format!("another SKU has the id {sku_id}: choose another or none"),
            )
            .with("skuId", sku_id),
            Refusal::SkuIdTaken(None) => conflict(
                "SKU_ID_TAKEN",
                "SKU id taken",
                "another SKU has one of these ids: choose others or none".to_owned(),
            ),
            Refusal::NameTaken(name) => conflict(
                "NAME_TAKEN",
                "Name taken",
                format!("there is one named {name:?} already, but for case: choose another name"),
            ),
            Refusal::OptionTaken(value) => conflict(
                "OPTION_TAKEN",
                "Option taken",
                format!("the group has the value {value:?} already, but for case"),
            ),
            Refusal::InvalidProductState { from, to, why } => conflict(
                "INVALID_PRODUCT_STATE",
                "Not in this state",
                format!("a product that is {from} cannot become {to}: {why}"),
            )
            .with("productStatus", from.as_str()),
            Refusal::CategoryCycle => conflict(
                "CATEGORY_CYCLE",
                "A ring of categories",
                "a category cannot be put below itself".to_owned(),
            ),
            Refusal::CategoryInUse => conflict(
                "CATEGORY_IN_USE",
                "Category in use",
                "it has categories below it, or products: move them first".to_owned(),
            ),
            Refusal::BrandInUse => conflict(
                "BRAND_IN_USE",
                "Brand in use",
                "products have it: give them another first".to_owned(),
            ),
            Refusal::TooDeep => Self::invalid_field(
                "parentId",
                format!("leads deeper than {CATEGORY_DEPTH_MAX} categories"),
            ),
            Refusal::TooManyCategories => conflict(
                "LIMIT_REACHED",
                "Limit reached",
                format!("there are {CATEGORIES_MAX} categories: delete some first"),
            ),
            Refusal::TooManySkus(count) => Self::invalid_field(
                "optionGroups",
                format!("make {count} combinations, at most {SKUS_MAX}"),
            ),
        }
    }
}

/// The id that a path names, or what there is not.
pub(crate) fn id_or(text: &str, refusal: Refusal) -> Result<Id, Refusal> {
    Id::parse(text).ok_or(refusal)
}
