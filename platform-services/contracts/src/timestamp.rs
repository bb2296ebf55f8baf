use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// Why a text or a number is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// Not RFC 3339.
    #[error("{0:?} is no RFC 3339 moment such as 2026-11-23T05:00:00.000Z")]
    Text(String),
    /// In UTC before the year 0 or after the year 9999, which RFC 3339 cannot say.
    #[error("the moment is not within the years 0 to 9999 in UTC")]
    Range,
}

/// A moment: milliseconds since the Unix epoch, on the wire RFC 3339 in UTC with milliseconds.
///
/// Reads every RFC 3339 text; what is finer than a millisecond is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// `0000-01-01T00:00:00.000Z`, in ms since the Unix epoch.
    pub const MIN_MS: i64 = -62_167_219_200_000;
    /// `9999-12-31T23:59:59.999Z`, in ms since the Unix epoch.
    pub const MAX_MS: i64 = 253_402_300_799_999;

    /// The moment `ms` milliseconds after the Unix epoch.
    ///
    /// # Errors
    /// [`TimestampError::Range`] outside of [`Self::MIN_MS`] to [`Self::MAX_MS`].
    pub const fn from_unix_ms(ms: i64) -> Result<Self, TimestampError> {
        if ms < Self::MIN_MS || ms > Self::MAX_MS {
            return Err(TimestampError::Range);
        }
        Ok(Self(ms))
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 with any offset.
    ///
    /// # Errors
    /// [`TimestampError::Text`] when it is something else, [`TimestampError::Range`] when its
    /// offset leads out of the years that can be written.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let moment = OffsetDateTime::parse(text, &Rfc3339)
            .map_err(|_| TimestampError::Text(text.to_owned()))?;
        let ms = moment.unix_timestamp_nanos().div_euclid(1_000_000);
        Self::from_unix_ms(i64::try_from(ms).map_err(|_| TimestampError::Range)?)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = i128::from(self.0).saturating_mul(1_000_000);
        let moment = OffsetDateTime::from_unix_timestamp_nanos(nanos)
            .map_err(|_| fmt::Error)?
            .to_offset(UtcOffset::UTC);
        let (year, month, day) = moment.to_calendar_date();
        let (hour, minute, second, ms) = moment.to_hms_milli();
        write!(
            f,
            "{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z",
            u8::from(month)
        )
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> Result<i64, TimestampError> {
        Timestamp::parse(text).map(Timestamp::unix_ms)
    }

    #[test]
    fn every_rfc_3339_text_is_read_to_the_millisecond() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01t00:00:00.1z", 100),
            ("2026-11-23T05:00:00.000Z", 1_795_410_000_000),
            ("2026-11-23T14:00:00.0009+09:00", 1_795_410_000_000),
            ("1969-12-31T23:59:59.9999Z", -1),
            ("0000-01-01T00:00:00Z", Timestamp::MIN_MS),
            ("9999-12-31T23:59:59.999999999Z", Timestamp::MAX_MS),
        ] {
            assert_eq!(ms(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T05:00:00",
            "2026-11-23T25:00:00Z",
            "2026-02-29T00:00:00Z",
            "1795410000000",
            "20261123T050000Z",
        ] {
            assert_eq!(ms(text), Err(TimestampError::Text(text.to_owned())));
        }
        assert_eq!(ms("9999-12-31T23:59:59-01:00"), Err(TimestampError::Range));
        assert_eq!(
            Timestamp::from_unix_ms(Timestamp::MAX_MS + 1),
            Err(TimestampError::Range)
        );
    }

    #[test]
    fn it_is_written_in_utc_with_milliseconds() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_795_410_000_007, "2026-11-23T05:00:00.007Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (Timestamp::MIN_MS, "0000-01-01T00:00:00.000Z"),
            (Timestamp::MAX_MS, "9999-12-31T23:59:59.999Z"),
        ] {
            let moment = Timestamp::from_unix_ms(ms).expect("in range");
            assert_eq!(moment.to_string(), text);
            assert_eq!(Timestamp::parse(text), Ok(moment));
        }
    }
}
