//! Numbers as people read them.

/// A whole number with a comma at each thousand.
pub(super) fn whole(value: u64) -> String {
    grouped(&value.to_string())
}

/// The same, with its sign where it is negative.
pub(super) fn signed(value: i64) -> String {
    let digits = grouped(&value.unsigned_abs().to_string());
    if value < 0 {
        format!("\u{2212}{digits}")
    } else {
        digits
    }
}

/// Three digits that count, whatever the size; a dash for what is no number.
pub(super) fn short(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "\u{2013}".to_owned();
    }
    let digits = match size {
        _ if size >= 99.95 || size == 0.0 => 0,
        _ if size >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{size:.digits$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    // 2.00 is 2; 2.50 stays, so that columns are of one width.
    let fraction = if fraction.bytes().all(|digit| digit == b'0') {
        String::new()
    } else {
        format!(".{fraction}")
    };
    let sign = if value < 0.0 { "\u{2212}" } else { "" };
    format!("{sign}{}{fraction}", grouped(whole))
}

/// Milliseconds, or seconds from one on.
pub(super) fn milliseconds(value: f64) -> String {
    if value >= 1_000.0 {
        format!("{} s", short(value / 1_000.0))
    } else {
        format!("{} ms", short(value))
    }
}

/// Seconds as minutes and hours where they are many.
pub(super) fn duration(seconds: f64) -> String {
    if seconds < 120.0 {
        format!("{} s", short(seconds))
    } else if seconds < 7_200.0 {
        format!("{} min", short(seconds / 60.0))
    } else {
        format!("{} h", short(seconds / 3_600.0))
    }
}

/// A change in per cent, with its sign.
pub(super) fn percent(change: f64) -> String {
    let sign = if change > 0.0 { "+" } else { "" };
    let digits = usize::from(change.abs() < 9.95);
    let text = format!("{change:.digits$}");
    // A zero has no side.
    match text
        .trim_start_matches('-')
        .bytes()
        .all(|b| matches!(b, b'0' | b'.'))
    {
        true => "0 %".to_owned(),
        false => format!("{sign}{} %", text.replace('-', "\u{2212}")),
    }
}

/// MiB of bytes.
#[expect(clippy::cast_precision_loss, reason = "memory is far below 2^53 bytes")]
pub(super) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}

fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        let written: Vec<String> = [0, 999, 1_000, 50_000, 1_234_567].map(whole).to_vec();
        assert_eq!(written, ["0", "999", "1,000", "50,000", "1,234,567"]);
        assert_eq!(signed(-12_345), "\u{2212}12,345");
    }

    #[test]
    fn three_digits_count() {
        let written: Vec<String> = [
            0.0,
            0.456,
            9.999,
            42.06,
            99.97,
            1_234.5,
            2.0,
            -3.5,
            f64::NAN,
        ]
        .map(short)
        .to_vec();
        let expected = [
            "0",
            "0.46",
            "10",
            "42.1",
            "100",
            "1,234",
            "2",
            "\u{2212}3.50",
            "\u{2013}",
        ];
        assert_eq!(written, expected);
    }

    #[test]
    fn units_follow_the_size() {
        assert_eq!(milliseconds(12.34), "12.3 ms");
        assert_eq!(milliseconds(1_500.0), "1.50 s");
        assert_eq!(duration(10.0), "10 s");
        assert_eq!(duration(1_800.0), "30 min");
        assert_eq!(duration(9_000.0), "2.50 h");
    }

    #[test]
    fn a_change_has_a_sign_unless_there_is_none() {
        let written: Vec<String> = [12.3, -4.56, 0.0, -0.04, 0.04].map(percent).to_vec();
        assert_eq!(written, ["+12 %", "\u{2212}4.6 %", "0 %", "0 %", "0 %"]);
    }
}
