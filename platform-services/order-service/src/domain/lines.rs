use contracts::Amount;

use crate::limits::{LINE_QUANTITY_MAX, ORDER_LINES_MAX, TOTAL_AMOUNT_MAX};

/// So many units of one SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What.
    pub sku_id: String,
    /// Units, 1 to [`LINE_QUANTITY_MAX`].
    pub quantity: u32,
}

/// Lines that cannot be ordered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinesError {
    /// None at all.
    #[error("must have at least one item")]
    None,
    /// Too many.
    #[error("must have at most {ORDER_LINES_MAX} items, has {0}")]
    TooMany(usize),
    /// Too many units of one SKU, over all lines that name it.
    #[error("asks for {quantity} of {sku_id} in all; at most {LINE_QUANTITY_MAX}")]
    TooMuch {
        /// Which.
        sku_id: String,
        /// Units asked for.
        quantity: u64,
    },
}

/// The lines with each SKU once, in the order in which they were first named.
///
/// # Errors
/// [`LinesError`]. Lines are counted before they are summed.
pub fn summed(lines: Vec<Line>) -> Result<Vec<Line>, LinesError> {
    if lines.is_empty() {
        return Err(LinesError::None);
    }
    if lines.len() > ORDER_LINES_MAX {
        return Err(LinesError::TooMany(lines.len()));
    }
    let mut summed: Vec<Line> = Vec::with_capacity(lines.len());
    for line in lines {
        let Some(known) = summed.iter_mut().find(|known| known.sku_id == line.sku_id) else {
            summed.push(line);
            continue;
        };
        let quantity = u64::from(known.quantity) + u64::from(line.quantity);
        match u32::try_from(quantity) {
            Ok(fits) if fits <= LINE_QUANTITY_MAX => known.quantity = fits,
            Ok(_) | Err(_) => {
                return Err(LinesError::TooMuch {
                    sku_id: line.sku_id,
                    quantity,
                });
            }
        }
    }
    Ok(summed)
}

/// What units cost, each quantity with the price of one unit; `None` outside of 1 to
/// [`TOTAL_AMOUNT_MAX`].
#[must_use]
pub fn total(lines: impl IntoIterator<Item = (u32, Amount)>) -> Option<Amount> {
    lines
        .into_iter()
        .try_fold(0, |sum: Amount, (quantity, unit_price)| {
            sum.checked_add(unit_price.checked_mul(Amount::from(quantity))?)
        })
        .filter(|total| (1..=TOTAL_AMOUNT_MAX).contains(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(sku_id: &str, quantity: u32) -> Line {
        Line {
            sku_id: sku_id.to_owned(),
            quantity,
        }
    }

    #[test]
    fn lines_of_one_sku_are_one() {
        let summed = summed(vec![line("b", 1), line("a", 2), line("b", 3)]).expect("fine");
        assert_eq!(summed, [line("b", 4), line("a", 2)]);
    }

    #[test]
    fn there_are_limits() {
        assert_eq!(summed(vec![]), Err(LinesError::None));
        let many = vec![line("a", 1); ORDER_LINES_MAX + 1];
        assert_eq!(summed(many), Err(LinesError::TooMany(ORDER_LINES_MAX + 1)));
        let much = vec![line("a", LINE_QUANTITY_MAX), line("a", 1)];
        assert!(matches!(summed(much), Err(LinesError::TooMuch { .. })));
    }

    #[test]
    fn a_total_is_exact_or_none() {
        assert_eq!(total([(2, 1500), (1, 0)]), Some(3000));
        assert_eq!(total([(1, TOTAL_AMOUNT_MAX)]), Some(TOTAL_AMOUNT_MAX));
        assert_eq!(total([(1, TOTAL_AMOUNT_MAX), (1, 1)]), None);
        assert_eq!(total([(u32::MAX, i64::MAX)]), None);
        assert_eq!(total([(1, -1)]), None);
        assert_eq!(
            total([(3, 0)]),
            None,
            "nothing to pay is nothing that can be paid"
        );
    }
}
