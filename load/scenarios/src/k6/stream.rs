//! The lines of `--out json`, of which there are ten for each request. Most are told by their first bytes to be of
//! no interest.

use std::borrow::Cow;

use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A sample that counts here.
#[derive(Debug, PartialEq)]
pub enum Sample<'a> {
    /// A request was answered, or given up.
    Request {
        /// Unix second.
        second: i64,
        /// How long it took, ms.
        ms: f64,
    },
    /// Something was counted.
    Count {
        /// Unix second.
        second: i64,
        /// Which counter.
        metric: &'static str,
        /// By how much.
        value: u64,
        /// What it was tagged with.
        tags: Tags<'a>,
    },
}

/// The tags that somebody here reads.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Tags<'a> {
    /// Name of the request.
    #[serde(borrow, default)]
    pub(crate) name: Option<Cow<'a, str>>,
    /// Of a refusal.
    #[serde(borrow, default)]
    pub code: Option<Cow<'a, str>>,
    /// Of what is unknown.
    #[serde(borrow, default)]
    pub id: Option<Cow<'a, str>>,
    /// What was asked.
    #[serde(borrow, default)]
    pub op: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Line<'a, V> {
    #[serde(borrow)]
    data: Data<'a, V>,
}

#[derive(Deserialize)]
struct Data<'a, V> {
    time: &'a str,
    value: V,
    #[serde(borrow, default)]
    tags: Option<Tags<'a>>,
}

const DURATION: &str = "http_req_duration";

/// Requests that prepare the run belong to it as little as the seeding does.
const PREPARES: &str = "setup";

/// Counters that are added up.
const COUNTERS: [&str; 16] = [
    "accepted",
    "adjusted_down_units",
    "adjusted_up_units",
    "broken",
    "confirmed",
    "confirmed_units",
    "dropped_iterations",
    "held_units",
    "iterations",
    "orders_confirmed",
    "orders_placed",
    "refused",
    "released",
    "released_units",
    "returned_units",
    "unknown",
];

const HEAD: &str = r#"{"metric":""#;

/// What a line says; `None` where nobody here wants it.
///
/// # Errors
/// A line that says something of interest in words that are not understood.
pub fn read(line: &str) -> Result<Option<Sample<'_>>, String> {
    let Some((metric, _)) = line
        .strip_prefix(HEAD)
        .and_then(|rest| rest.split_once('"'))
    else {
        return Ok(None);
    };
    if metric == DURATION {
        let data: Data<'_, f64> = parse(line)?;
        let name = data.tags.and_then(|tags| tags.name);
        if name.is_some_and(|name| name == PREPARES) {
            return Ok(None);
        }
        let second = second(data.time)?;
        return Ok(Some(Sample::Request {
            second,
            ms: data.value,
        }));
    }
    let Ok(place) = COUNTERS.binary_search(&metric) else {
        return Ok(None);
    };
    let data: Data<'_, u64> = parse(line)?;
    Ok(Some(Sample::Count {
        second: second(data.time)?,
        metric: COUNTERS[place],
        value: data.value,
        tags: data.tags.unwrap_or_default(),
    }))
}

fn parse<'a, V: Deserialize<'a>>(line: &'a str) -> Result<Data<'a, V>, String> {
    let parsed: Result<Line<'a, V>, _> = serde_json::from_str(line);
    match parsed {
        Ok(line) => Ok(line.data),
        Err(error) => Err(format!(
            "k6 says {line:?}, which is not understood: {error}"
        )),
    }
}

fn second(time: &str) -> Result<i64, String> {
    OffsetDateTime::parse(time, &Rfc3339)
        .map(OffsetDateTime::unix_timestamp)
        .map_err(|error| format!("k6 says that it is {time:?}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_are_in_order() {
        assert!(COUNTERS.is_sorted());
    }

    #[test]
    fn requests_and_counters_are_read_and_the_rest_is_passed_over() {
        let request = r#"{"metric":"http_req_duration","type":"Point","data":{"time":"2026-11-23T14:53:42.4053Z","value":1.25,"tags":{"name":"reserve","status":"201"}}}"#;
        let second = 1_795_445_622;
        assert_eq!(
            read(request),
            Ok(Some(Sample::Request { second, ms: 1.25 }))
        );
        let count = r#"{"metric":"refused","type":"Point","data":{"time":"2026-11-23T15:53:42.4+01:00","value":1,"tags":{"code":"INSUFFICIENT_STOCK"}}}"#;
        let tags = Tags {
            code: Some("INSUFFICIENT_STOCK".into()),
            ..Tags::default()
        };
        let (metric, value) = ("refused", 1);
        assert_eq!(
            read(count),
            Ok(Some(Sample::Count {
                second,
                metric,
                value,
                tags
            }))
        );
        for other in [
            r#"{"metric":"http_req_blocked","type":"Point","data":{}}"#,
            r#"{"type":"Metric","data":{"name":"refused"},"metric":"refused"}"#,
            &request.replace("reserve", "setup"),
            "  █ TOTAL RESULTS",
            "",
        ] {
            assert_eq!(read(other), Ok(None), "{other}");
        }
        assert!(read(r#"{"metric":"refused","type":"Point","data":{}}"#).is_err());
        let without = count.replace(r#"{"code":"INSUFFICIENT_STOCK"}"#, "null");
        assert!(matches!(
            read(&without),
            Ok(Some(Sample::Count { value: 1, .. }))
        ));
    }
}
