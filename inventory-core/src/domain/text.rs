use std::sync::Arc;

use crate::limits::{METADATA_LEN_MAX, TEXT_LEN_MAX};

/// Why a free text is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Too many bytes.
    #[error("must be at most {max} bytes, has {len}")]
    TooLong {
        /// Bytes given.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// A line feed, a tab or another control character.
    #[error("must not contain control characters")]
    Control,
}

/// A reason, an actor or a request id: free text without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Text(Arc<str>);

impl Text {
    /// Reads a free text of at most [`TEXT_LEN_MAX`] bytes.
    ///
    /// # Errors
    /// [`TextError`] says which rule it breaks.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        if text.len() > TEXT_LEN_MAX {
            return Err(TextError::TooLong {
                len: text.len(),
                max: TEXT_LEN_MAX,
            });
        }
        if text.chars().any(char::is_control) {
            return Err(TextError::Control);
        }
        Ok(Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A caller's small JSON object, kept as compact JSON and never looked into.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Metadata(Arc<str>);

impl Metadata {
    /// Takes compact JSON (no line feed or tab outside of strings; inside they are escaped).
    ///
    /// # Errors
    /// [`TextError`] when it is longer than [`METADATA_LEN_MAX`] bytes or not compact.
    pub fn from_compact_json(json: &str) -> Result<Self, TextError> {
        if json.len() > METADATA_LEN_MAX {
            return Err(TextError::TooLong {
                len: json.len(),
                max: METADATA_LEN_MAX,
            });
        }
        if json.bytes().any(|byte| byte < 0x20) {
            return Err(TextError::Control);
        }
        Ok(Self(json.into()))
    }

    /// The compact JSON.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }
}
