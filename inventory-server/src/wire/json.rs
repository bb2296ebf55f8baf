//! Reading JSON member by member, with a path for every fault.

use std::{borrow::Cow, fmt, fmt::Display, ops::RangeInclusive};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::{
    limits::{ECHO_CHARS_MAX, FIELD_ERRORS_MAX, MEMBERS_MAX},
    problem::FieldError,
};

/// The name of the whole body in a field error.
pub(crate) const BODY: &str = "body";

/// Everything that is wrong with a request, in the order found, up to [`FIELD_ERRORS_MAX`].
#[derive(Debug, Default)]
pub(crate) struct Errors(Vec<FieldError>);

impl Errors {
    pub(crate) fn add(&mut self, field: impl Into<String>, reason: impl Display) {
        if self.0.len() < FIELD_ERRORS_MAX {
            self.0.push(FieldError {
                field: field.into(),
                reason: reason.to_string(),
            });
        }
    }

    /// The value if nothing was wrong, else what was.
    pub(crate) fn or<T>(mut self, value: Option<T>) -> Result<T, Vec<FieldError>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            Some(_) => Err(self.0),
            None => {
                if self.0.is_empty() {
                    self.add(BODY, "is not valid");
                }
                Err(self.0)
            }
        }
    }
}

/// A body as text.
pub(crate) fn utf8<'a>(body: &'a [u8], errors: &mut Errors) -> Option<&'a str> {
    std::str::from_utf8(body)
        .map_err(|e| {
            errors.add(
                BODY,
                format_args!("is not UTF-8 (byte {})", e.valid_up_to()),
            );
        })
        .ok()
}

/// One object, its members not yet read.
pub(crate) struct Object<'a, 'e> {
    path: String,
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
    pub(crate) errors: &'e mut Errors,
}

impl<'a, 'e> Object<'a, 'e> {
    /// Splits the object in `text`. `name` is what a fault of the whole object is reported under
    /// and `path` what its members' names are put behind. No text at all has no members, so that
    /// the fields required are named.
    pub(crate) fn parse(
        text: &'a str,
        name: &str,
        path: String,
        errors: &'e mut Errors,
    ) -> Option<Self> {
        let text = if text.is_empty() { "{}" } else { text };
        let split: Split<'a> = match serde_json::from_str(text) {
            Ok(split) => split,
            Err(error) => {
                errors.add(name, not_a("a JSON object", text, &error));
                return None;
            }
        };
        for twice in &split.twice {
            errors.add(format!("{path}{}", echo(twice)), "is given twice");
        }
        if split.count > MEMBERS_MAX {
            errors.add(
                name,
                format_args!("has {} fields, at most {MEMBERS_MAX}", split.count),
            );
        }
        Some(Self {
            path,
            members: split.members,
            errors,
        })
    }

    /// The body of a request as an object.
    pub(crate) fn body(body: &'a [u8], errors: &'e mut Errors) -> Option<Self> {
        let text = utf8(body, errors)?;
        Self::parse(text, BODY, String::new(), errors)
    }

    /// Reports a fault of the member `name`.
    pub(crate) fn fault(&mut self, name: &str, reason: impl Display) {
        self.errors.add(format!("{}{name}", self.path), reason);
    }

    /// Takes the member `name`, also when it is `null`.
    pub(crate) fn take_nullable(&mut self, name: &str) -> Option<&'a RawValue> {
        let at = self.members.iter().position(|(n, _)| n == name)?;
        Some(self.members.swap_remove(at).1)
    }

    /// Takes the member `name`; `null` is the same as absent.
    pub(crate) fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        self.take_nullable(name).filter(|raw| raw.get() != "null")
    }

    /// Takes the member `name` or reports that it is missing.
    pub(crate) fn require(&mut self, name: &str) -> Option<&'a RawValue> {
        let raw = self.take(name);
        if raw.is_none() {
            self.fault(name, "is required");
        }
        raw
    }

    /// A text that `parse` understands, if it is there.
    pub(crate) fn text<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let raw = self.take(name)?;
        self.read_text(name, raw, parse)
    }

    /// A text that `parse` understands, or a fault.
    pub(crate) fn required_text<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let raw = self.require(name)?;
        self.read_text(name, raw, parse)
    }

    fn read_text<T, E: Display>(
        &mut self,
        name: &str,
        raw: &'a RawValue,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match text_of(raw).and_then(|text| parse(&text).map_err(|e| e.to_string())) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.fault(name, reason);
                None
            }
        }
    }

    /// An integer in `range`, if it is there.
    pub(crate) fn integer(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let raw = self.take(name)?;
        self.read_integer(name, raw, range)
    }

    /// An integer in `range`, or a fault.
    pub(crate) fn required_integer(
        &mut self,
        name: &str,
        range: RangeInclusive<i64>,
    ) -> Option<i64> {
        let raw = self.require(name)?;
        self.read_integer(name, raw, range)
    }

    fn read_integer(
        &mut self,
        name: &str,
        raw: &RawValue,
        range: RangeInclusive<i64>,
    ) -> Option<i64> {
        match integer_of(raw, &range) {
            Ok(number) => Some(number),
            Err(reason) => {
                self.fault(name, reason);
                None
            }
        }
    }

    /// `true` or `false`, if it is there.
    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        match self.take(name)?.get() {
            "true" => Some(true),
            "false" => Some(false),
            other => {
                self.fault(
                    name,
                    format_args!("must be true or false, is {}", kind(other)),
                );
                None
            }
        }
    }

    /// The member `name` as an object of its own.
    pub(crate) fn object<'b>(
        &'b mut self,
        name: &str,
        raw: &'a RawValue,
    ) -> Option<Object<'a, 'b>> {
        let name = format!("{}{name}", self.path);
        let path = format!("{name}.");
        Object::parse(raw.get(), &name, path, self.errors)
    }

    /// Reports every member that was not taken.
    pub(crate) fn finish(self) {
        for (name, _) in &self.members {
            self.errors.add(
                format!("{}{}", self.path, echo(name)),
                "is not a known field",
            );
        }
    }
}

/// The elements of an array: the first `max` of them, and how many there are.
pub(crate) fn elements(raw: &RawValue, max: usize) -> Result<(Vec<&RawValue>, usize), String> {
    struct Elements(usize);

    impl<'de> Visitor<'de> for Elements {
        type Value = (Vec<&'de RawValue>, usize);

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut kept = Vec::new();
            while kept.len() < self.0
                && let Some(element) = seq.next_element()?
            {
                kept.push(element);
            }
            let mut count = kept.len();
            while count >= self.0 && seq.next_element::<IgnoredAny>()?.is_some() {
                count = count.saturating_add(1);
            }
            Ok((kept, count))
        }
    }

    serde_json::Deserializer::from_str(raw.get())
        .deserialize_seq(Elements(max))
        .map_err(|error| not_a("an array", raw.get(), &error))
}

/// The text of a JSON string.
pub(crate) fn text_of(raw: &RawValue) -> Result<Cow<'_, str>, String> {
    let json = raw.get();
    if let Ok(plain) = serde_json::from_str::<&str>(json) {
        return Ok(Cow::Borrowed(plain));
    }
    if !json.starts_with('"') {
        return Err(format!("must be a string, is {}", kind(json)));
    }
    serde_json::from_str::<String>(json)
        .map(Cow::Owned)
        .map_err(|e| format!("is no valid text: {}", short(&e)))
}

fn integer_of(raw: &RawValue, range: &RangeInclusive<i64>) -> Result<i64, String> {
    let json = raw.get();
    let digits = json.strip_prefix('-').unwrap_or(json);
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        let is = match kind(json) {
            "a number" => "has a fraction or an exponent".to_owned(),
            other => format!("is {other}"),
        };
        return Err(format!("must be an integer, {is}"));
    }
    json.parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| format!("must be {} to {}", range.start(), range.end()))
}

/// What a JSON text is, by its first character.
fn kind(json: &str) -> &'static str {
    match json.trim_start().as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        Some(_) => "a number",
        None => "nothing",
    }
}

/// Says that `json` is something else than wanted, or no JSON at all.
fn not_a(wanted: &str, json: &str, error: &serde_json::Error) -> String {
    match serde_json::from_str::<&RawValue>(json) {
        Ok(_) if error.is_data() => format!("must be {wanted}, is {}", kind(json)),
        Ok(_) => format!("is not valid JSON: {}", short(error)),
        Err(syntax) => format!("is not valid JSON: {}", short(&syntax)),
    }
}

fn short(error: &serde_json::Error) -> String {
    error.to_string().chars().take(2 * ECHO_CHARS_MAX).collect()
}

/// A caller's own text, cut to a length that can be repeated to it.
pub(crate) fn echo(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(ECHO_CHARS_MAX) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
    }
}

/// An object split into members.
struct Split<'a> {
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
    twice: Vec<String>,
    count: usize,
}

/// A member's name, borrowed unless it has escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(NameVisitor)
    }
}

impl<'de> Deserialize<'de> for Split<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SplitVisitor;

        impl<'de> Visitor<'de> for SplitVisitor {
            type Value = Split<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut split = Split {
                    members: Vec::with_capacity(8),
                    twice: Vec::new(),
                    count: 0,
                };
                while let Some(Name(name)) = map.next_key()? {
                    split.count = split.count.saturating_add(1);
                    if split.count > MEMBERS_MAX {
                        map.next_value::<IgnoredAny>()?;
                    } else if split.members.iter().any(|(n, _)| *n == name) {
                        map.next_value::<IgnoredAny>()?;
                        split.twice.push(name.into_owned());
                    } else {
                        split.members.push((name, map.next_value()?));
                    }
                }
                Ok(split)
            }
        }

        deserializer.deserialize_map(SplitVisitor)
    }
}
