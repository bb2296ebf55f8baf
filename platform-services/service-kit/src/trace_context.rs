//! W3C Trace Context: what is passed on, and what is not one.

use crate::ids;

const LEN: usize = 55;

/// The four fields `00-<32 hex>-<16 hex>-<2 hex>` of a `traceparent`. A later version may have more
/// behind them, which we cannot know; `ff` is none.
#[must_use]
pub fn traceparent(value: &str) -> Option<&str> {
    let (fields, more) = value.split_at_checked(LEN)?;
    let hex = |part: &str| {
        part.bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let zero = |part: &str| part.bytes().all(|b| b == b'0');
    let mut parts = fields.split('-');
    let [version, trace, span, flags] =
        [2, 32, 16, 2].map(|len| parts.next().filter(|p| p.len() == len && hex(p)));
    let (version, trace, span) = (version?, trace?, span?);
    let fits = flags.is_some()
        && version != "ff"
        && (more.is_empty() || (version != "00" && more.starts_with('-')))
        && !zero(trace)
        && !zero(span);
    fits.then_some(fields)
}

/// A trace of its own, for a request that came without one and of which no span is collected: the lines
/// that it causes here and elsewhere have one id all the same. It says that nothing was recorded.
#[must_use]
pub fn unrecorded() -> String {
    let trace = ids::uuid().replace('-', "");
    // A span id is not 0.
    format!("00-{trace}-{:016x}-00", ids::random() | 1)
}

/// The trace id in a `traceparent`, for logs.
#[must_use]
pub fn trace_id(value: &str) -> Option<&str> {
    traceparent(value)?.split('-').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_ours_is_one() {
        let ours = unrecorded();
        assert_eq!(traceparent(&ours), Some(ours.as_str()));
        assert_ne!(ours, unrecorded());
    }

    #[test]
    fn a_traceparent_is_taken_only_where_it_looks_like_one() {
        let sound = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(traceparent(sound), Some(sound));
        assert_eq!(trace_id(sound), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        let later = sound.replacen("00", "cc", 1);
        assert_eq!(
            traceparent(&format!("{later}-what-comes-then")),
            Some(later.as_str())
        );
        for other in [
            "",
            "00",
            "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            assert_eq!(traceparent(other), None, "{other}");
        }
    }
}
