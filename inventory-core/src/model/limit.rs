//! Purchase limits: how many units of a SKU, over all its locations, one customer may take.
//!
//! Counting begins when a limit is set. A new hold counts at once; release, expiry and the
//! unconfirmed part of a confirmation give the allowance back, a return does not. A reacquired sale
//! counts anew. Removing the limit, or setting one with another window, forgets what was counted
//! (holds taken before then have nothing to give back); a new quantity alone forgets nothing.
//!
//! A rolling window is counted in slices of a [`LIMIT_WINDOW_SLICES`]th of it, by the time at which
//! the units were taken: a slice counts until a whole window has passed since its end, so an
//! allowance comes back at most one slice late and never early.

use super::{Model, none_or};
use crate::{domain::*, limits::LIMIT_WINDOW_SLICES};

/// A SKU with a purchase limit, and all that counts or once counted against it.
#[derive(Debug, Clone)]
pub(super) struct Limited {
    limit: PurchaseLimit,
    taken: Vec<Taken>,
}

/// Units of the SKU that a customer took.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    customer: CustomerId,
    at: TimestampMs,
    pub(super) quantity: u64,
    /// The open hold and its line; `None` once sold, when nothing can come back any more.
    pub(super) hold: Option<(ReservationId, Location)>,
}

impl Limited {
    pub(super) const fn limit(&self) -> PurchaseLimit {
        self.limit
    }

    pub(super) fn taken(&self) -> &[Taken] {
        &self.taken
    }

    pub(super) fn used(&self, now: TimestampMs, customer: &CustomerId) -> u64 {
        self.taken
            .iter()
            .filter(|taken| taken.customer == *customer && self.still_counts(taken.at, now))
            .map(|taken| taken.quantity)
            .sum()
    }

    fn still_counts(&self, at: TimestampMs, now: TimestampMs) -> bool {
        let Some(window_seconds) = self.limit.window_seconds else {
            return true;
        };
        let window_ms = u64::from(window_seconds) * 1_000;
        let slice_ms = (window_ms / LIMIT_WINDOW_SLICES).max(1);
        let slice = at.0 / slice_ms;
        (slice + 1) * slice_ms + window_ms > now.0
    }
}

impl Model {
    /// Refuses a reserve of limited SKUs that names no customer.
    pub(super) fn customer_given(&self, command: &Reserve) -> Result<(), Refusal> {
        let limited = limited_skus(self, &command.lines)
            .map(|(sku, _)| sku.clone())
            .collect();
        match command.customer {
            Some(_) => Ok(()),
            None => none_or(limited, Refusal::CustomerRequired),
        }
    }

    /// Refuses a reserve by which its customer would take too many.
    pub(super) fn limits_allow(&self, now: TimestampMs, command: &Reserve) -> Result<(), Refusal> {
        let Some(customer) = &command.customer else {
            return Ok(());
        };
        let exceeded = limited_skus(self, &command.lines)
            .map(|(sku, limited)| LimitExceeded {
                sku: sku.clone(),
                limit: u64::from(limited.limit.quantity),
                used: limited.used(now, customer),
                requested: of_sku(&command.lines, sku)
                    .map(|line| u64::from(line.quantity))
                    .sum(),
            })
            .filter(|sku| sku.used + sku.requested > sku.limit)
            .collect();
        none_or(exceeded, Refusal::PurchaseLimitExceeded)
    }

    /// Counts a new hold.
    pub(super) fn count_hold(&mut self, now: TimestampMs, command: &Reserve) {
        self.take(
            now,
            command.customer.as_ref(),
            &command.lines,
            Some(&command.id),
        );
    }

    /// Counts a sale that was not held.
    pub(super) fn count_sale(
        &mut self,
        now: TimestampMs,
        customer: Option<&CustomerId>,
        sold: &Lines,
    ) {
        self.take(now, customer, sold, None);
    }

    /// A hold is over: what was sold counts for good, the rest of its allowance comes back.
    pub(super) fn settle_hold(&mut self, hold: &Reservation, sold: &Lines) {
        for line in &hold.lines {
            let Some(limited) = self.limits.get_mut(&line.sku) else {
                continue;
            };
            let of_line = Some((hold.id.clone(), line.location.clone()));
            for taken in limited
                .taken
                .iter_mut()
                .filter(|taken| taken.hold == of_line)
            {
                taken.quantity = u64::from(sold.quantity_of(line));
                taken.hold = None;
            }
            limited.taken.retain(|taken| taken.quantity > 0);
        }
    }

    /// What a count says about the limit of its SKU.
    pub(super) fn change_limit(&mut self, sku: &Sku, change: LimitChange) {
        match change {
            LimitChange::Keep => {}
            LimitChange::Remove => {
                self.limits.remove(sku);
            }
            LimitChange::Set(limit) => {
                let kept = match self.limits.remove(sku) {
                    Some(old) if old.limit.window_seconds == limit.window_seconds => old.taken,
                    Some(_) | None => Vec::new(),
                };
                self.limits
                    .insert(sku.clone(), Limited { limit, taken: kept });
            }
        }
    }

    fn take(
        &mut self,
        at: TimestampMs,
        customer: Option<&CustomerId>,
        lines: &Lines,
        hold: Option<&ReservationId>,
    ) {
        let Some(customer) = customer else { return };
        for line in lines {
            let Some(limited) = self.limits.get_mut(&line.sku) else {
                continue;
            };
            limited.taken.push(Taken {
                customer: customer.clone(),
                at,
                quantity: u64::from(line.quantity),
                hold: hold.map(|id| (id.clone(), line.location.clone())),
            });
        }
    }
}

/// The SKUs with a limit among the lines, each once, in the order of their first line.
fn limited_skus<'a>(
    model: &'a Model,
    lines: &'a Lines,
) -> impl Iterator<Item = (&'a Sku, &'a Limited)> {
    let is_first = |(index, line): &(usize, &Line)| {
        !lines
            .iter()
            .take(*index)
            .any(|before| before.sku == line.sku)
    };
    lines
        .iter()
        .enumerate()
        .filter(is_first)
        .filter_map(|(_, line)| Some((&line.sku, model.limits.get(&line.sku)?)))
}

fn of_sku<'a>(lines: &'a Lines, sku: &'a Sku) -> impl Iterator<Item = &'a Line> {
    lines.iter().filter(move |line| line.sku == *sku)
}
