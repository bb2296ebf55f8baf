//! As much of JSON Schema as `openapi.json` uses. A keyword that is not known fails the test, so
//! that none is silently ignored.

use serde_json::Value;

/// Says where and why `value` does not fit `schema`, a schema inside of `doc`.
pub(crate) fn check(doc: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let keywords = schema.as_object().ok_or("a schema must be an object")?;
    for (keyword, rule) in keywords {
        let fits = match keyword.as_str() {
            "description" | "default" | "example" => Ok(()),
            // Patterns are for request ids and for times; times are checked by their format.
            "pattern" => Ok(()),
            "$ref" => check(doc, resolve(doc, schema), value),
            "allOf" => every(rule).try_for_each(|s| check(doc, s, value)),
            "anyOf" => exactly(doc, rule, value, 1..),
            "oneOf" => exactly(doc, rule, value, 1..2),
            "not" => ok_if(check(doc, rule, value).is_err(), "must not fit"),
            "const" => ok_if(value == rule, &format!("must be {rule}")),
            "enum" => ok_if(
                every(rule).any(|one| one == value),
                &format!("must be one of {rule}"),
            ),
            "type" => kind(rule, value),
            "required" => required(rule, value),
            "properties" => properties(doc, schema, rule, value),
            "additionalProperties" => ok_if(rule.is_boolean(), "unknown schema"),
            "items" => items(doc, rule, value),
            "minItems" => length(value.as_array().map(Vec::len), rule, |len, min| len >= min),
            "maxItems" => length(value.as_array().map(Vec::len), rule, |len, max| len <= max),
            "minLength" => length(value.as_str().map(str::len), rule, |len, min| len >= min),
            "maxLength" => length(value.as_str().map(str::len), rule, |len, max| len <= max),
            "minimum" => number(value, rule, |n, min| n >= min),
            "maximum" => number(value, rule, |n, max| n <= max),
            "format" => ok_if(value.as_str().is_none_or(is_time), "must be a time"),
            other => Err(format!("unknown keyword {other}")),
        };
        fits.map_err(|why| format!("{why} [{keyword}]"))?;
    }
    Ok(())
}

/// What a reference names, or the value itself.
pub(crate) fn resolve<'a>(doc: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        None => value,
        Some(path) => {
            let pointer = path.strip_prefix('#').expect("a local reference");
            resolve(
                doc,
                doc.pointer(pointer)
                    .unwrap_or_else(|| panic!("{path} leads nowhere")),
            )
        }
    }
}

fn ok_if(fits: bool, why: &str) -> Result<(), String> {
    if fits { Ok(()) } else { Err(why.to_owned()) }
}

fn every(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn exactly(
    doc: &Value,
    schemas: &Value,
    value: &Value,
    wanted: impl std::ops::RangeBounds<usize>,
) -> Result<(), String> {
    let faults: Vec<String> = every(schemas)
        .filter_map(|s| check(doc, s, value).err())
        .collect();
    let fitting = every(schemas).count() - faults.len();
    ok_if(
        wanted.contains(&fitting),
        &format!("{fitting} fit: {faults:?}"),
    )
}

fn kind(rule: &Value, value: &Value) -> Result<(), String> {
    let fits = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("unknown type {other}"),
    };
    let fits = match rule {
        Value::String(name) => fits(name),
        names @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Array(_)
        | Value::Object(_)) => every(names).filter_map(Value::as_str).any(fits),
    };
    ok_if(fits, &format!("{value} must be {rule}"))
}

fn required(rule: &Value, value: &Value) -> Result<(), String> {
    let missing = every(rule)
        .filter_map(Value::as_str)
        .find(|name| value.get(name).is_none());
    missing.map_or(Ok(()), |name| Err(format!("{name} is missing in {value}")))
}

fn properties(doc: &Value, schema: &Value, rule: &Value, value: &Value) -> Result<(), String> {
    let closed = schema["additionalProperties"] == Value::Bool(false);
    for (name, member) in value.as_object().into_iter().flatten() {
        match rule.get(name) {
            Some(schema) => check(doc, schema, member).map_err(|why| format!("{name}: {why}"))?,
            None if closed => return Err(format!("{name} is unknown")),
            None => {}
        }
    }
    Ok(())
}

fn items(doc: &Value, rule: &Value, value: &Value) -> Result<(), String> {
    every(value)
        .enumerate()
        .try_for_each(|(i, item)| check(doc, rule, item).map_err(|why| format!("[{i}] {why}")))
}

fn length(len: Option<usize>, rule: &Value, fits: fn(u64, u64) -> bool) -> Result<(), String> {
    let bound = rule.as_u64().expect("a length");
    ok_if(
        len.is_none_or(|len| fits(len as u64, bound)),
        &format!("{len:?} against {bound}"),
    )
}

fn number(value: &Value, rule: &Value, fits: fn(i64, i64) -> bool) -> Result<(), String> {
    let bound = rule.as_i64().expect("a number");
    ok_if(
        value.as_i64().is_none_or(|n| fits(n, bound)),
        &format!("{value} against {bound}"),
    )
}

/// `2026-11-23T05:00:00.000Z`
fn is_time(text: &str) -> bool {
    let shape = "dddd-dd-ddTdd:dd:dd.dddZ";
    text.len() == shape.len()
        && text
            .chars()
            .zip(shape.chars())
            .all(|(c, s)| if s == 'd' { c.is_ascii_digit() } else { c == s })
}

#[test]
fn the_checker_tells_what_fits_from_what_does_not() {
    let doc =
        serde_json::json!({"components": {"schemas": {"Id": {"type": "string", "minLength": 1}}}});
    let schema = serde_json::json!({
        "type": "object",
        "properties": {
            "id": {"$ref": "#/components/schemas/Id"},
            "n": {"type": ["integer", "null"], "minimum": 1},
            "at": {"type": "string", "format": "date-time"},
            "list": {"type": "array", "maxItems": 1, "items": {"oneOf": [{"const": 1}, {"const": 2}]}}
        },
        "required": ["id"],
        "additionalProperties": false
    });
    let check = |value: Value| check(&doc, &schema, &value);
    let time = "2026-11-23T05:00:00.000Z";
    assert_eq!(
        check(serde_json::json!({"id": "a", "n": null, "at": time, "list": [2]})),
        Ok(())
    );
    for wrong in [
        serde_json::json!({}),
        serde_json::json!({"id": ""}),
        serde_json::json!({"id": 1}),
        serde_json::json!({"id": "a", "n": 0}),
        serde_json::json!({"id": "a", "n": 1.5}),
        serde_json::json!({"id": "a", "at": "yesterday"}),
        serde_json::json!({"id": "a", "list": [3]}),
        serde_json::json!({"id": "a", "list": [1, 1]}),
        serde_json::json!({"id": "a", "other": 1}),
    ] {
        check(wrong.clone()).expect_err(&wrong.to_string());
    }
}
