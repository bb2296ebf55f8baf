//! `metadata`: the caller's own small JSON object, kept compact and never looked into.

use std::{collections::HashSet, fmt};

use inventory_core::{Metadata, limits::METADATA_LEN_MAX};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Checks that it is a sound object and takes the blanks out.
pub(crate) fn parse(raw: &RawValue) -> Result<Metadata, String> {
    let json = raw.get();
    if !json.starts_with('{') {
        return Err("must be a JSON object".to_owned());
    }
    let compact = compact(json);
    if compact.len() > METADATA_LEN_MAX {
        return Err(format!(
            "must be at most {METADATA_LEN_MAX} bytes of compact JSON, has {}",
            compact.len()
        ));
    }
    serde_json::from_str::<Sound>(&compact)
        .map_err(|error| format!("is not sound JSON: {error}"))?;
    Metadata::from_compact_json(&compact).map_err(|error| error.to_string())
}

/// Leaves out the blanks between tokens; what is inside of strings stays.
fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for c in json.chars() {
        if in_string || !c.is_ascii_whitespace() {
            out.push(c);
        }
        in_string = match (in_string, escaped, c) {
            (true, false, '"') => false,
            (false, _, '"') => true,
            (inside, _, _) => inside,
        };
        escaped = in_string && c == '\\' && !escaped;
    }
    out
}

/// Any JSON without duplicate names, broken texts, huge numbers or endless nesting.
struct Sound;

impl<'de> Deserialize<'de> for Sound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SoundVisitor)
    }
}

struct SoundVisitor;

impl<'de> Visitor<'de> for SoundVisitor {
    type Value = Sound;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_str<E>(self, _: &str) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Sound, A::Error> {
        while seq.next_element::<Sound>()?.is_some() {}
        Ok(Sound)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Sound, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            map.next_value::<Sound>()?;
            if !names.insert(name) {
                return Err(A::Error::custom("a name is given twice"));
            }
        }
        Ok(Sound)
    }
}
