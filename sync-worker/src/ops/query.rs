//! The parameters of a query string, every fault of them named.

use std::fmt::Display;

use service_kit::http::{FieldError, Problem};

use crate::limits::{PAGE_DEFAULT, PAGE_MAX};

/// Characters of a caller's own text that a problem repeats.
const ECHO_CHARS_MAX: usize = 64;

/// A query string and what was found wrong with it.
#[derive(Debug)]
pub(super) struct Query<'a> {
    raw: &'a str,
    errors: Vec<FieldError>,
}

impl<'a> Query<'a> {
    /// Notes every parameter that is none of `names`.
    pub(super) fn new(raw: Option<&'a str>, names: &[&str]) -> Self {
        let mut query = Self {
            raw: raw.unwrap_or_default(),
            errors: Vec::new(),
        };
        for pair in query.raw.split('&').filter(|pair| !pair.is_empty()) {
            let name = pair.split_once('=').map_or(pair, |(name, _)| name);
            if !names.contains(&name) {
                let shown: String = name.chars().take(ECHO_CHARS_MAX).collect();
                query.fault(shown, "is not a known parameter");
            }
        }
        query
    }

    /// The parameter `name`, if it is there and `parse` takes it.
    pub(super) fn read<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let mut found = self.raw.split('&').filter_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then_some(value)
        });
        let value = found.next()?;
        if found.next().is_some() {
            self.fault(name, "is given twice");
            return None;
        }
        let read = percent_decoded(value)
            .map_err(str::to_owned)
            .and_then(|text| parse(&text).map_err(|error| error.to_string()));
        read.map_err(|reason| self.fault(name, reason)).ok()
    }

    /// `limit`: rows on a page.
    pub(super) fn limit(&mut self) -> u32 {
        self.read("limit", |text| {
            text.bytes()
                .all(|b| b.is_ascii_digit())
                .then(|| text.parse().ok())
                .flatten()
                .filter(|limit| (1..=PAGE_MAX).contains(limit))
                .ok_or_else(|| format!("must be 1 to {PAGE_MAX}"))
        })
        .unwrap_or(PAGE_DEFAULT)
    }

    /// Notes a fault.
    pub(super) fn fault(&mut self, field: impl Into<String>, reason: impl Into<String>) {
        self.errors.push(FieldError {
            field: field.into(),
            reason: reason.into(),
        });
    }

    /// Nothing if nothing was wrong.
    pub(super) fn finish(self) -> Result<(), Problem> {
        match self.errors.is_empty() {
            true => Ok(()),
            false => Err(Problem::invalid(self.errors)),
        }
    }
}

/// Undoes `%41`; `+` stands for itself, as in the offset of a time.
fn percent_decoded(text: &str) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = after;
            continue;
        }
        let (digits, after) = after
            .split_at_checked(2)
            .ok_or("has a broken percent escape")?;
        let byte = std::str::from_utf8(digits)
            .ok()
            .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|d| u8::from_str_radix(d, 16).ok())
            .ok_or("has a broken percent escape")?;
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_escapes_are_undone_or_refused() {
        assert_eq!(percent_decoded("a%3Ab%2d+").expect("escaped"), "a:b-+");
        for broken in ["%", "%4", "%zz", "a%+1", "%ff"] {
            percent_decoded(broken).expect_err(broken);
        }
    }

    #[test]
    fn faults_name_their_parameter() {
        let mut query = Query::new(
            Some("limit=0&page=1&cursor=a&cursor=b"),
            &["limit", "cursor"],
        );
        query.limit();
        query.read("cursor", |text| Ok::<_, String>(text.to_owned()));
        let fields: Vec<_> = query.errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(fields, ["page", "limit", "cursor"]);
        for limit in ["limit=+5", "limit=", "limit=1001"] {
            let mut query = Query::new(Some(limit), &["limit"]);
            query.limit();
            query.finish().expect_err(limit);
        }
        let mut query = Query::new(Some("limit=5"), &["limit"]);
        assert_eq!(query.limit(), 5);
        query.finish().expect("sound");
    }
}
