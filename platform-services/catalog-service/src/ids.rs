//! Ids: numbers of ours, written as texts, and SKU ids that others choose.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::SKU_ID_LEN_MAX;

/// The id of a product, a category or a brand: a number, in JSON its decimal text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id(pub(crate) u64);

impl Id {
    /// Of a text such as in a path: only as we write it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let id = text.parse().ok().map(Self)?;
        (id.to_string() == text && id.0 > 0).then_some(id)
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A JSON string or integer, as a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdText(pub(crate) String);

impl<'de> Deserialize<'de> for IdText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "an id must be a string or an integer of 0 and more"
        )]
        enum Either {
            Text(String),
            Number(u64),
        }
        Ok(Self(match Either::deserialize(deserializer)? {
            Either::Text(text) => text,
            Either::Number(number) => number.to_string(),
        }))
    }
}

/// Why a text is no SKU id, if it is none.
pub(crate) fn sku_id_fault(text: &str) -> Option<String> {
    let fits = (1..=SKU_ID_LEN_MAX).contains(&text.len())
        && !matches!(text, "." | "..")
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b));
    (!fits)
        .then(|| format!("must be 1 to {SKU_ID_LEN_MAX} of a-z, A-Z, 0-9, '.', '_', ':' and '-'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_only_as_it_is_written() {
        assert_eq!(Id::parse("12"), Some(Id(12)));
        for other in ["", "0", "012", "+1", "-1", "a", "99999999999999999999"] {
            assert_eq!(Id::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_sku_id_is_what_the_inventory_takes() {
        for fine in ["1", "sku-1", "a.b:c_d", &"x".repeat(64)] {
            assert_eq!(sku_id_fault(fine), None, "{fine}");
        }
        for bad in ["", ".", "..", "a b", "신발", "a/b", &"x".repeat(65)] {
            assert!(sku_id_fault(bad).is_some(), "{bad}");
        }
    }
}
