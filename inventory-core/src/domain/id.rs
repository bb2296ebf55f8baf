use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use crate::limits::{DERIVED_ID_LEN_MAX, ID_LEN_MAX, ORDER_ID_LEN_MAX};

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing was given.
    #[error("must not be empty")]
    Empty,
    /// Longer than this kind of id may be.
    #[error("must be at most {max} characters, has {len}")]
    TooLong {
        /// Bytes given.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// A character outside of the alphabet of ids.
    #[error("may only contain A-Z a-z 0-9 . _ : -, found {0:?}")]
    Character(char),
    /// A location with a colon: the colon ends the location in a stock key.
    #[error("must not contain ':'")]
    Colon,
    /// `.` or `..`, which a URL path cannot carry.
    #[error("must not be '.' or '..'")]
    Dots,
}

fn check(text: &str, max: usize) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > max {
        return Err(IdError::TooLong {
            len: text.len(),
            max,
        });
    }
    if text == "." || text == ".." {
        return Err(IdError::Dots);
    }
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-');
    match text.chars().find(|c| !allowed(c)) {
        Some(c) => Err(IdError::Character(c)),
        None => Ok(()),
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $max:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Reads an id that a caller chose.
            ///
            /// # Errors
            /// [`IdError`] says which rule the text breaks.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                check(text, $max)?;
                Ok(Self(text.into()))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// What is sold: 1 to 64 characters of `A-Z a-z 0-9 . _ : -`.
    Sku, ID_LEN_MAX
);
id!(
    /// A reservation: 1 to 64 characters, or up to 80 where the system derived it.
    ReservationId, ID_LEN_MAX
);
id!(
    /// An order: 1 to 58 characters, so that `order-<id>` is an id too.
    OrderId, ORDER_ID_LEN_MAX
);
id!(
    /// Who buys.
    CustomerId, ID_LEN_MAX
);
id!(
    /// An adjustment, a count or a return, chosen by the caller so that a repeat is known.
    OperationId, ID_LEN_MAX
);

impl ReservationId {
    /// Reads an id that the system derived from callers' ids (up to 80 characters).
    ///
    /// # Errors
    /// [`IdError`] says which rule the text breaks.
    pub fn derived(text: &str) -> Result<Self, IdError> {
        check(text, DERIVED_ID_LEN_MAX)?;
        Ok(Self(text.into()))
    }
}

impl OperationId {
    /// Reads an id that the system derived from callers' ids (up to 80 characters).
    ///
    /// # Errors
    /// [`IdError`] says which rule the text breaks.
    pub fn derived(text: &str) -> Result<Self, IdError> {
        check(text, DERIVED_ID_LEN_MAX)?;
        Ok(Self(text.into()))
    }
}

/// Where stock lies. Like other ids, but without `:`, which ends the location in a stock key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location(Option<Arc<str>>);

impl Location {
    /// The name of the location that a request without one means.
    pub const DEFAULT: &'static str = "default";

    /// Reads a location's name.
    ///
    /// # Errors
    /// [`IdError`] says which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text == Self::DEFAULT {
            return Ok(Self::default());
        }
        check(text, ID_LEN_MAX)?;
        if text.contains(':') {
            return Err(IdError::Colon);
        }
        Ok(Self(Some(text.into())))
    }

    /// The location as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or(Self::DEFAULT)
    }

    /// Whether this is the location that a request without one means.
    #[must_use]
    pub const fn is_default(&self) -> bool {
        self.0.is_none()
    }
}

impl Default for Location {
    /// `default`, without an allocation: nearly every line has it.
    fn default() -> Self {
        Self(None)
    }
}

impl FromStr for Location {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A SKU at a location: what a stock figure belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StockKey {
    /// Where it lies.
    pub location: Location,
    /// What it is.
    pub sku: Sku,
}

impl fmt::Display for StockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}|{}", self.location, self.sku)
    }
}

/// One slot's worth of stock. Every key of a shard carries its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(u16);

impl ShardId {
    /// The only shard of a store with one shard.
    pub const ZERO: Self = Self(0);

    /// The shard's number, from 0.
    #[must_use]
    pub const fn index(self) -> u16 {
        self.0
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}", self.0)
    }
}
