//! RFC 3339 moments as parameters have them.

use inventory_core::TimestampMs;

/// Reads `2026-11-23T05:00:00[.123](Z|+09:00)`.
///
/// # Errors
/// What a moment looks like.
pub(super) fn parse(text: &str) -> Result<TimestampMs, &'static str> {
    read(text).ok_or("must be a time like 2026-11-23T05:00:00.000Z")
}

fn read(text: &str) -> Option<TimestampMs> {
    let (date, rest) = text.split_at_checked(10)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let rest = rest.strip_prefix(['T', 't'])?;
    let (clock, rest) = rest.split_at_checked(8)?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let sound = (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !sound {
        return None;
    }
    let (ms, zone) = fraction(rest)?;
    let local = ((days(year, month, day)? * 24 + hour) * 60 + minute) * 60 + second;
    let utc = local.checked_sub(offset_minutes(zone)? * 60)?;
    u64::try_from(utc * 1000 + ms).ok().map(TimestampMs)
}

/// Milliseconds of a fraction, digits beyond them cut off, and what follows.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(text) = text.strip_prefix('.') else {
        return Some((0, text));
    };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (fraction, zone) = text.split_at_checked(digits)?;
    let ms = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    (digits > 0).then_some((ms, zone))
}

fn offset_minutes(zone: &str) -> Option<i64> {
    if zone == "Z" || zone == "z" {
        return Some(0);
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let [hours, minutes] = numbers(rest, ':', [2, 2])?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// Numbers of so many digits each.
fn numbers<const N: usize>(text: &str, between: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(between);
    let mut found = [0; N];
    for (place, digits) in found.iter_mut().zip(digits) {
        let part = parts.next()?;
        let sound = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
        *place = sound.then(|| part.parse().ok()).flatten()?;
    }
    parts.next().is_none().then_some(found)
}

const fn days_of(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01. Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms",
/// `days_from_civil`.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    Some(era * 146_097 + of_era - 719_468).filter(|days| *days >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::rfc3339;

    #[test]
    fn moments_come_back_as_they_went() {
        for text in [
            "1970-01-01T00:00:00.000Z",
            "2000-02-29T23:59:59.999Z",
            "2026-11-23T05:00:00.007Z",
            "2100-03-01T00:00:00.000Z",
            "9999-12-31T23:59:59.999Z",
        ] {
            assert_eq!(rfc3339(parse(text).expect(text)), text);
        }
        let same = |a: &str, b: &str| assert_eq!(parse(a).expect(a), parse(b).expect(b));
        same("2026-11-23T05:00:00Z", "2026-11-23T14:00:00+09:00");
        same("2026-11-23T05:00:00.12Z", "2026-11-23T00:00:00.1209-05:00");
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23 05:00:00Z",
            "2026-11-23T05:00:00",
            "2026-02-29T05:00:00Z",
            "2026-13-01T05:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T05:00:00.Z",
            "2026-11-23T05:00:00+9:00",
            "1969-12-31T23:59:59Z",
            "20é6-11-23T05:00:00Z",
        ] {
            parse(text).expect_err(text);
        }
    }
}
