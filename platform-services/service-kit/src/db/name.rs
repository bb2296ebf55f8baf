use std::{fmt, str::FromStr};

/// The name in front of a service's own tables: `order` in `order_outbox`. 1 to 32 of `a-z 0-9 _`,
/// a letter first, so that it can stand in a statement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServiceName(String);

/// A text that is no [`ServiceName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name of a service: 1 to 32 of a-z, 0-9 and _, a letter first")]
pub struct InvalidName(String);

impl ServiceName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServiceName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let fits = (1..=32).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName(text.to_owned()))
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_stand_in_a_statement() {
        for fine in ["order", "a", "stock_2"] {
            fine.parse::<ServiceName>().expect(fine);
        }
        for bad in ["", "2a", "Order", "a-b", "a;b", "a`b", "ä", &"a".repeat(33)] {
            bad.parse::<ServiceName>().expect_err(bad);
        }
    }
}
