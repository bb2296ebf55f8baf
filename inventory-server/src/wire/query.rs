//! Paths and query strings: percent-decoding, and the parameters that we know.

use std::{borrow::Cow, fmt::Display};

use super::json::{Errors, echo};

/// Undoes `%41`; `+` stands for itself, as it does in a path.
pub(crate) fn percent_decoded(text: &str) -> Result<Cow<'_, str>, &'static str> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
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
    String::from_utf8(bytes)
        .map(Cow::Owned)
        .map_err(|_| "is not UTF-8")
}

/// Reports every parameter that is none of `names`.
pub(crate) fn only(query: Option<&str>, names: &[&str], errors: &mut Errors) {
    let pairs = query.unwrap_or_default().split('&');
    for pair in pairs.filter(|pair| !pair.is_empty()) {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        if !names.contains(&name) {
            errors.add(echo(name), "is not a known parameter");
        }
    }
}

/// The parameter `name` of a query string, read by `parse`. Others are left to [`only`].
pub(crate) fn parameter<T, E: Display>(
    query: Option<&str>,
    name: &str,
    errors: &mut Errors,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    let mut found = query.unwrap_or_default().split('&').filter_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then_some(value)
    });
    let value = found.next()?;
    if found.next().is_some() {
        errors.add(name, "is given twice");
        return None;
    }
    let read = percent_decoded(value)
        .map_err(str::to_owned)
        .and_then(|text| parse(&text).map_err(|error| error.to_string()));
    read.map_err(|reason| errors.add(name, reason)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_escapes_are_undone_or_refused() {
        assert_eq!(percent_decoded("sku-1").expect("plain"), "sku-1");
        assert_eq!(percent_decoded("a%3Ab%2d").expect("escaped"), "a:b-");
        assert_eq!(percent_decoded("%E4%BD%A0").expect("UTF-8"), "你");
        for broken in ["%", "%4", "%zz", "a%+1", "%ff"] {
            percent_decoded(broken).expect_err(broken);
        }
    }

    #[test]
    fn only_known_parameters_are_taken() {
        let unknown = |query: &str| {
            let mut errors = Errors::default();
            only(Some(query), &["cursor", "limit"], &mut errors);
            let found = errors.or(Some(())).err().unwrap_or_default();
            found.into_iter().map(|e| e.field).collect::<Vec<_>>()
        };
        assert_eq!(unknown("limit=1&&cursor"), [""; 0]);
        assert_eq!(unknown("Limit=1&limit=1&page"), ["Limit", "page"]);
    }

    #[test]
    fn a_parameter_is_found_read_and_not_given_twice() {
        let number = |query: &str| {
            let mut errors = Errors::default();
            let value = parameter(Some(query), "limit", &mut errors, str::parse::<u32>);
            errors.or(Some(value)).map_err(|e| e[0].reason.clone())
        };
        assert_eq!(number("limit=5&x=1"), Ok(Some(5)));
        assert_eq!(number("x&limi=5"), Ok(None));
        assert_eq!(number("limit=5&limit=6"), Err("is given twice".to_owned()));
        assert!(number("limit=x").is_err());
        assert!(number("limit=%").is_err());
    }
}
