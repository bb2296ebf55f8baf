//! Units, by what became of them.

use std::ops::{Add, AddAssign};

/// Units of the run's SKUs, by what became of them. Each store and the clients can say these.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flow {
    /// Newly held.
    pub held: i64,
    /// Sold. A hold that expired and was sold all the same counts as one that did not expire.
    pub confirmed: i64,
    /// Of holds that went back: released, or left over by a confirm in part.
    pub released: i64,
    /// Sold, and brought back.
    pub returned: i64,
    /// Of holds that ended by the clock. No client counts these: it has walked away.
    pub expired: i64,
    /// Added by adjustments; below 0: taken.
    pub adjusted: i64,
}

impl Flow {
    /// Sold, and not brought back.
    #[must_use]
    pub const fn sold(&self) -> i64 {
        self.confirmed - self.returned
    }

    /// Held at the end.
    #[must_use]
    pub const fn open(&self) -> i64 {
        self.held - self.confirmed - self.released - self.expired
    }

    /// Fewer available than were seeded.
    #[must_use]
    pub const fn gone(&self) -> i64 {
        self.open() + self.sold() - self.adjusted
    }
}

impl AddAssign for Flow {
    fn add_assign(&mut self, other: Self) {
        self.held += other.held;
        self.confirmed += other.confirmed;
        self.released += other.released;
        self.returned += other.returned;
        self.expired += other.expired;
        self.adjusted += other.adjusted;
    }
}

impl Add for Flow {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

/// The figures of stocks: of one, or the sum of all of the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Units that can be held.
    pub available: i64,
    /// Units that are held.
    pub reserved: i64,
    /// Units that are sold.
    pub sold: i64,
}

impl Figures {
    /// All units there are, and those that were sold.
    #[must_use]
    pub const fn all(&self) -> i64 {
        self.available + self.reserved + self.sold
    }
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.available += other.available;
        self.reserved += other.reserved;
        self.sold += other.sold;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_left_the_shelf_is_held_or_sold() {
        let flow = Flow {
            held: 100,
            confirmed: 50,
            released: 20,
            returned: 5,
            expired: 10,
            adjusted: 0,
        };
        assert_eq!((flow.sold(), flow.open(), flow.gone()), (45, 20, 65));
        let taken = Flow {
            adjusted: -7,
            ..Flow::default()
        };
        assert_eq!((flow + taken).gone(), 72);
    }
}
