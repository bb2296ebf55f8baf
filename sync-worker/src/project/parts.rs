//! A search by halves for what cannot be applied.

use std::ops::Range;

/// Ranges that are still to be tried, in order.
#[derive(Debug)]
pub(crate) struct Parts(Vec<Range<usize>>);

impl Parts {
    /// Everything at once.
    pub(crate) fn whole(length: usize) -> Self {
        Self(std::iter::once(0..length).collect())
    }

    /// The next to try.
    pub(crate) fn next(&mut self) -> Option<Range<usize>> {
        self.0.pop()
    }

    /// Puts the halves of a range next. False for a range of one (or none): it is what was looked
    /// for.
    pub(crate) fn halve(&mut self, range: &Range<usize>) -> bool {
        if range.len() <= 1 {
            return false;
        }
        let middle = range.start.midpoint(range.end);
        self.0.extend([middle..range.end, range.start..middle]);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_found_and_all_others_are_tried_in_order() {
        let mut parts = Parts::whole(9);
        let mut taken = Vec::new();
        while let Some(part) = parts.next() {
            if part.contains(&6) && parts.halve(&part) {
                continue;
            }
            taken.push(part);
        }
        assert_eq!(taken, [0..4, 4..6, 6..7, 7..9]);
    }
}
