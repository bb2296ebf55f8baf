//! What a refund takes back and what it costs. Prices are those of the order.

use contracts::Amount;

use super::Line;

/// A line of an order, and what of it was asked back already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refundable {
    /// What.
    pub sku_id: String,
    /// Units ordered.
    pub quantity: u32,
    /// The price of one.
    pub unit_price: Amount,
    /// Units of refunds that are under way or done.
    pub asked: u32,
}

/// Units that come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundLine {
    /// What.
    pub sku_id: String,
    /// Units.
    pub quantity: u32,
}

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// What comes back, each SKU once.
    pub lines: Vec<RefundLine>,
    /// What is paid back.
    pub amount: Amount,
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedRefund {
    /// The order has no such SKU.
    #[error("the order has no {0}")]
    NotInOrder(String),
    /// More than is left of it.
    #[error("of {sku_id}, {left} of {quantity} can still be refunded, and {asked} were asked for")]
    TooMany {
        /// Which.
        sku_id: String,
        /// Units ordered.
        quantity: u32,
        /// Units that nobody asked back yet.
        left: u32,
        /// Units asked for.
        asked: u32,
    },
    /// Everything was asked back before.
    #[error("everything was refunded, or is being refunded")]
    NothingLeft,
    /// Support paid money back without units: so much is not left.
    #[error("the refund is {asked}, and {left} of what was paid is left")]
    TooMuchMoney {
        /// What it would cost.
        asked: Amount,
        /// What was not paid back, nor promised.
        left: Amount,
    },
}

/// The refund of `wanted`, or of all that is left when it is `None`. `money_left` is what was paid
/// less what went back and what pending refunds promise.
///
/// # Errors
/// [`RefusedRefund`].
pub fn refund(
    order: &[Refundable],
    wanted: Option<&[Line]>,
    money_left: Amount,
) -> Result<Refund, RefusedRefund> {
    let mut lines = Vec::new();
    let mut amount: Amount = 0;
    let mut take = |line: &Refundable, quantity: u32| {
        // Both factors are parts of a total that fits.
        amount = amount.saturating_add(line.unit_price.saturating_mul(Amount::from(quantity)));
        lines.push(RefundLine {
            sku_id: line.sku_id.clone(),
            quantity,
        });
    };
    match wanted {
        None => {
            for line in order {
                let left = line.quantity.saturating_sub(line.asked);
                if left > 0 {
                    take(line, left);
                }
            }
        }
        Some(wanted) => {
            for want in wanted {
                let Some(line) = order.iter().find(|line| line.sku_id == want.sku_id) else {
                    return Err(RefusedRefund::NotInOrder(want.sku_id.clone()));
                };
                let left = line.quantity.saturating_sub(line.asked);
                if want.quantity > left {
                    return Err(RefusedRefund::TooMany {
                        sku_id: line.sku_id.clone(),
                        quantity: line.quantity,
                        left,
                        asked: want.quantity,
                    });
                }
                take(line, want.quantity);
            }
        }
    }
    if lines.is_empty() {
        return Err(RefusedRefund::NothingLeft);
    }
    if amount > money_left {
        return Err(RefusedRefund::TooMuchMoney {
            asked: amount,
            left: money_left,
        });
    }
    Ok(Refund { lines, amount })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Vec<Refundable> {
        let line = |sku_id: &str, quantity, unit_price, asked| Refundable {
            sku_id: sku_id.to_owned(),
            quantity,
            unit_price,
            asked,
        };
        vec![
            line("a", 2, 1000, 0),
            line("b", 3, 500, 1),
            line("c", 1, 9, 1),
        ]
    }

    fn want(sku_id: &str, quantity: u32) -> Line {
        Line {
            sku_id: sku_id.to_owned(),
            quantity,
        }
    }

    #[test]
    fn nothing_named_is_all_that_is_left() {
        let all = refund(&order(), None, 10_000).expect("something is left");
        assert_eq!(all.amount, 2 * 1000 + 2 * 500);
        assert_eq!(all.lines.len(), 2);
    }

    #[test]
    fn a_part_costs_what_it_cost() {
        let part = refund(&order(), Some(&[want("b", 2)]), 10_000).expect("left");
        assert_eq!((part.amount, part.lines[0].quantity), (1000, 2));
    }

    #[test]
    fn what_is_not_there_cannot_come_back() {
        let refused =
            |wanted: &[Line]| refund(&order(), Some(wanted), 10_000).expect_err("refused");
        assert!(matches!(
            refused(&[want("x", 1)]),
            RefusedRefund::NotInOrder(_)
        ));
        assert!(matches!(
            refused(&[want("b", 3)]),
            RefusedRefund::TooMany { left: 2, .. }
        ));
        assert!(matches!(
            refused(&[want("c", 1)]),
            RefusedRefund::TooMany { left: 0, .. }
        ));
        assert_eq!(
            refund(&order()[2..], None, 10_000),
            Err(RefusedRefund::NothingLeft)
        );
        assert!(matches!(
            refund(&order(), None, 2999),
            Err(RefusedRefund::TooMuchMoney {
                asked: 3000,
                left: 2999
            })
        ));
    }
}
