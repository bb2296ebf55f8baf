use super::id::{Location, Sku, StockKey};
use crate::limits::{LINES_MAX, QUANTITY_MAX};

/// So many units of one SKU at one location.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Line {
    /// What.
    pub sku: Sku,
    /// Where.
    pub location: Location,
    /// Units, 1 to [`QUANTITY_MAX`].
    pub quantity: u32,
}

impl Line {
    /// The stock figure that the line touches.
    #[must_use]
    pub fn stock_key(&self) -> StockKey {
        StockKey {
            location: self.location.clone(),
            sku: self.sku.clone(),
        }
    }

    /// Whether both lines touch the same stock figure.
    #[must_use]
    pub fn same_stock(&self, other: &Self) -> bool {
        self.sku == other.sku && self.location == other.location
    }
}

/// Why lines are refused; `index` counts from 0 in the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// No line at all.
    #[error("must have at least 1 line")]
    None,
    /// More than [`LINES_MAX`].
    #[error("must have at most {LINES_MAX} lines, has {0}")]
    TooMany(usize),
    /// 0 units, or more than [`QUANTITY_MAX`].
    #[error("must be 1 to {QUANTITY_MAX}")]
    Quantity {
        /// The faulty line.
        index: usize,
    },
    /// Lines of one SKU and location that together exceed [`QUANTITY_MAX`].
    #[error("lines of the same SKU and location add up to {sum}, at most {QUANTITY_MAX}")]
    Sum {
        /// The line with which the sum passes the limit.
        index: usize,
        /// The sum so far.
        sum: u64,
    },
}

/// The lines of a request in the order asked, lines of the same SKU and location summed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lines(Box<[Line]>);

impl Lines {
    /// Sums duplicates and checks every limit.
    ///
    /// # Errors
    /// [`LineError`] with the index of the faulty line.
    pub fn summed(lines: Vec<Line>) -> Result<Self, LineError> {
        if lines.is_empty() {
            return Err(LineError::None);
        }
        if lines.len() > LINES_MAX {
            return Err(LineError::TooMany(lines.len()));
        }
        let mut kept: Vec<Line> = Vec::with_capacity(lines.len());
        for (index, line) in lines.into_iter().enumerate() {
            if !(1..=QUANTITY_MAX).contains(&line.quantity) {
                return Err(LineError::Quantity { index });
            }
            match kept.iter_mut().find(|k| k.same_stock(&line)) {
                None => kept.push(line),
                Some(first) => {
                    let sum = u64::from(first.quantity).saturating_add(u64::from(line.quantity));
                    first.quantity = u32::try_from(sum)
                        .ok()
                        .filter(|&s| s <= QUANTITY_MAX)
                        .ok_or(LineError::Sum { index, sum })?;
                }
            }
        }
        Ok(Self(kept.into()))
    }

    /// Lines as a stored record has them: already summed, possibly none (a tombstone).
    #[must_use]
    pub fn stored(lines: Vec<Line>) -> Self {
        Self(lines.into())
    }

    /// The lines.
    #[must_use]
    pub fn as_slice(&self) -> &[Line] {
        &self.0
    }

    /// The lines, one after the other.
    pub fn iter(&self) -> std::slice::Iter<'_, Line> {
        self.0.iter()
    }

    /// Units of the line that touches the same stock as `line`; 0 without one.
    #[must_use]
    pub fn quantity_of(&self, line: &Line) -> u32 {
        self.iter()
            .find(|l| l.same_stock(line))
            .map_or(0, |l| l.quantity)
    }

    /// Whether both ask for the same, in whatever order.
    #[must_use]
    pub fn same_content(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.iter().all(|l| other.quantity_of(l) == l.quantity)
    }
}

impl<'a> IntoIterator for &'a Lines {
    type Item = &'a Line;
    type IntoIter = std::slice::Iter<'a, Line>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
