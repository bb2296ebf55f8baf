//! From figures to places in a drawing.

/// How a range of values is spread over an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    logarithmic: bool,
    /// Where lines are drawn across, in order.
    pub(super) ticks: Vec<f64>,
}

/// Ticks on a linear axis, about.
const TICKS: f64 = 4.0;
/// From this ratio of the largest to the smallest value on, an axis is logarithmic.
const LOGARITHMIC_FROM: f64 = 25.0;

impl Scale {
    /// From zero to somewhat above the largest value; to 1 where there is none.
    pub(super) fn linear(values: impl Iterator<Item = f64>) -> Self {
        let top = values.filter(|v| v.is_finite()).fold(0.0, f64::max);
        let top = if top > 0.0 { top } else { 1.0 };
        let step = nice_step(top / TICKS);
        let high = (top / step).ceil() * step;
        let mut ticks = Vec::new();
        let mut tick = 0.0;
        while tick <= high + step / 2.0 {
            ticks.push(tick);
            tick += step;
        }
        Self {
            low: 0.0,
            high,
            logarithmic: false,
            ticks,
        }
    }

    /// Logarithmic where small and large values would not both be seen otherwise.
    pub(super) fn fitting(values: impl Iterator<Item = f64> + Clone) -> Self {
        let positive = values.clone().filter(|v| v.is_finite() && *v > 0.0);
        let low = positive.clone().fold(f64::INFINITY, f64::min);
        let high = positive.fold(0.0, f64::max);
        if high / low < LOGARITHMIC_FROM || !low.is_finite() {
            return Self::linear(values);
        }
        let (first, last) = (low.log10().floor(), high.log10().ceil());
        let mut ticks = Vec::new();
        let mut power = first;
        while power <= last + 0.5 {
            ticks.push(10_f64.powf(power));
            power += 1.0;
        }
        Self {
            low: 10_f64.powf(first),
            high: 10_f64.powf(last),
            logarithmic: true,
            ticks,
        }
    }

    pub(super) fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }

    /// Where the value is, from 0 at the low end to 1 at the high one.
    pub(super) fn place(&self, value: f64) -> f64 {
        let place = if self.logarithmic {
            let value = value.max(self.low);
            (value / self.low).log10() / (self.high / self.low).log10()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        place.clamp(0.0, 1.0)
    }
}

/// The next of 1, 2, 2.5 or 5 times a power of ten.
fn nice_step(wanted: f64) -> f64 {
    let power = 10_f64.powf(wanted.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0]
        .into_iter()
        .find(|step| step * power >= wanted);
    step.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_axis_begins_at_zero_and_ends_above_the_largest() {
        let scale = Scale::linear([3.0, 870.0].into_iter());
        assert_eq!(scale.ticks, [0.0, 250.0, 500.0, 750.0, 1_000.0]);
        assert!((scale.place(500.0) - 0.5).abs() < 1e-9);
        assert!((scale.place(-5.0)).abs() < 1e-9);
    }

    #[test]
    fn nothing_to_draw_is_an_axis_to_one() {
        for scale in [
            Scale::linear([].into_iter()),
            Scale::fitting([0.0, f64::NAN].into_iter()),
        ] {
            assert_eq!(scale.ticks.first(), Some(&0.0));
            assert!((scale.place(1.0) - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn a_wide_range_is_drawn_by_powers_of_ten() {
        let scale = Scale::fitting([0.4, 3.0, 180.0].into_iter());
        assert!(scale.is_logarithmic());
        assert_eq!(scale.ticks.len(), 5);
        assert!((scale.place(1_000.0) - 1.0).abs() < 1e-9);
        assert!((scale.place(10.0) - 0.5).abs() < 1e-9);
        assert!(!Scale::fitting([10.0, 50.0].into_iter()).is_logarithmic());
    }
}
