use contracts::Timestamp;

/// Length of an order's number, in characters.
pub const ORDER_NO_LEN: usize = 21;

/// Without the letters that people take for another or for a digit.
const ALPHABET: [char; 32] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J',
    'K', 'M', 'N', 'P', 'Q', 'R', 'S', 'T', 'V', 'W', 'X', 'Y', 'Z',
];

/// A number that a person can read out: `ORD-20261123-7KQ2M9XA`, the day in UTC and forty random
/// bits. A unique key tells the rare repeat.
#[must_use]
pub fn order_no(now: Timestamp, random: u64) -> String {
    let day: String = now
        .to_string()
        .chars()
        .filter(char::is_ascii_digit)
        .take(8)
        .collect();
    let code: String = (0..8)
        .map(|place| {
            let index = usize::try_from((random >> (place * 5)) & 31).unwrap_or_default();
            ALPHABET[index]
        })
        .collect();
    format!("ORD-{day}-{code}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_the_day_and_a_code() {
        let now = Timestamp::from_unix_ms(1_795_410_000_000).expect("in range");
        assert_eq!(order_no(now, 0), "ORD-20261123-00000000");
        assert_eq!(order_no(now, u64::MAX), "ORD-20261123-ZZZZZZZZ");
        assert_eq!(order_no(now, 1 << 5).len(), ORDER_NO_LEN);
        assert_ne!(order_no(now, 1), order_no(now, 2));
    }
}
