//! RFC 3339 in UTC with milliseconds, from milliseconds since the Unix epoch.

use inventory_core::TimestampMs;

/// Bytes of `2026-11-23T05:00:00.000Z`.
const LEN: usize = 24;
/// The last moment with a year of four digits; anything later is written as this.
const LAST_MS: u64 = 253_402_300_799_999;

/// Year, month and day of a day counted from 1970-01-01.
///
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`, for days on
/// or after 1970-01-01: eras of 400 years that begin on 1 March.
const fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + (month <= 2) as u64;
    (year, month, day)
}

/// The text of a moment.
pub(crate) fn rfc3339(moment: TimestampMs) -> [u8; LEN] {
    let ms = moment.0.min(LAST_MS);
    let (year, month, day) = civil_from_days(ms / 86_400_000);
    let ms_of_day = ms % 86_400_000;
    let mut text = *b"0000-00-00T00:00:00.000Z";
    digits(&mut text[0..4], year);
    digits(&mut text[5..7], month);
    digits(&mut text[8..10], day);
    digits(&mut text[11..13], ms_of_day / 3_600_000);
    digits(&mut text[14..16], ms_of_day / 60_000 % 60);
    digits(&mut text[17..19], ms_of_day / 1_000 % 60);
    digits(&mut text[20..23], ms_of_day % 1_000);
    text
}

fn digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(ms: u64) -> String {
        String::from_utf8(rfc3339(TimestampMs(ms)).to_vec()).expect("ASCII")
    }

    #[test]
    fn known_moments() {
        assert_eq!(text(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(text(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(text(1_795_410_000_000), "2026-11-23T05:00:00.000Z");
        assert_eq!(text(4_107_542_399_999), "2100-02-28T23:59:59.999Z");
        assert_eq!(text(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
        assert_eq!(text(LAST_MS), "9999-12-31T23:59:59.999Z");
        assert_eq!(text(u64::MAX), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let leap = |year: u64| {
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
        };
        let mut expected = (1970, 1, 1);
        for day in 0..150_000 {
            assert_eq!(civil_from_days(day), expected, "day {day}");
            let (year, month, date) = expected;
            let last = match month {
                2 => 28 + u64::from(leap(year)),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            expected = match (month, date) {
                (12, 31) => (year + 1, 1, 1),
                (_, d) if d == last => (year, month + 1, 1),
                (_, d) => (year, month, d + 1),
            };
        }
    }
}
