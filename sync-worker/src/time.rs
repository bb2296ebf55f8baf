//! Moments as SQL and JSON have them. `FROM_UNIXTIME` ends in 2038 on MariaDB 10.11, so the worker
//! writes the text of a `DATETIME(3)`.

use inventory_core::TimestampMs;

const MS_PER_DAY: u64 = 86_400_000;

/// `YYYY-MM-DD hh:mm:ss.mmm`, UTC; the year 9999 at most.
#[must_use]
pub fn sql(at: TimestampMs) -> String {
    text(at, ' ', "")
}

/// RFC 3339 with milliseconds, UTC.
#[must_use]
pub fn rfc3339(at: TimestampMs) -> String {
    text(at, 'T', "Z")
}

fn text(at: TimestampMs, separator: char, zone: &str) -> String {
    // 9999-12-31T23:59:59.999Z
    let ms = at.0.min(253_402_300_799_999);
    let (year, month, day) = civil(ms / MS_PER_DAY);
    let (s, ms) = (ms % MS_PER_DAY / 1000, ms % 1000);
    let (h, m, s) = (s / 3600, s / 60 % 60, s % 60);
    format!("{year:04}-{month:02}-{day:02}{separator}{h:02}:{m:02}:{s:02}.{ms:03}{zone}")
}

/// Year, month and day of a day since 1970-01-01. Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `civil_from_days`.
const fn civil(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let era = day / 146_097;
    let of_era = day % 146_097;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_what_they_are() {
        assert_eq!(sql(TimestampMs(0)), "1970-01-01 00:00:00.000");
        assert_eq!(
            rfc3339(TimestampMs(1_709_210_096_007)),
            "2024-02-29T12:34:56.007Z"
        );
        assert_eq!(rfc3339(TimestampMs(u64::MAX)), "9999-12-31T23:59:59.999Z");
    }
}
