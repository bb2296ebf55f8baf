use contracts::{ENVELOPE_SCHEMA, EventType};
use jsonschema::{Draft, Validator};
use serde_json::Value;

pub(crate) fn parse(json: &str) -> Value {
    serde_json::from_str(json).expect("JSON")
}

pub(crate) fn example(event_type: EventType) -> Value {
    parse(event_type.example())
}

pub(crate) fn bytes(event: &Value) -> Vec<u8> {
    serde_json::to_vec(event).expect("JSON")
}

fn validator(schema: &str) -> Validator {
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .build(&parse(schema))
        .expect("a schema")
}

/// The schemas of a whole event.
pub(crate) struct EventSchema {
    envelope: Validator,
    data: Validator,
}

impl EventSchema {
    pub(crate) fn of(event_type: EventType) -> Self {
        Self {
            envelope: validator(ENVELOPE_SCHEMA),
            data: validator(event_type.schema()),
        }
    }

    /// Everything that is wrong with an event.
    pub(crate) fn errors(&self, event: &Value) -> Vec<String> {
        let envelope = self.envelope.iter_errors(event);
        let data = self.data.iter_errors(&event["data"]);
        envelope
            .chain(data)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }

    pub(crate) fn accepts(&self, event: &Value) -> bool {
        self.errors(event).is_empty()
    }
}

/// Every object within `value`, itself included, as a JSON pointer.
pub(crate) fn objects(value: &Value) -> Vec<String> {
    let within = |name: String, inner: &Value| {
        let inner = objects(inner).into_iter();
        inner.map(move |path| format!("/{name}{path}"))
    };
    match value {
        Value::Object(fields) => std::iter::once(String::new())
            .chain(
                fields
                    .iter()
                    .flat_map(|(name, inner)| within(name.clone(), inner)),
            )
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, inner)| within(index.to_string(), inner))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// Every field of every object of `event`, and the event as `change` leaves it there.
pub(crate) fn with_each_field(
    event: &Value,
    change: impl Fn(&mut serde_json::Map<String, Value>, &str),
) -> Vec<(String, Value)> {
    let mut changed = Vec::new();
    for path in objects(event) {
        let fields = event.pointer(&path).and_then(Value::as_object);
        for name in fields.expect("an object").keys() {
            let mut event = event.clone();
            let fields = event.pointer_mut(&path).and_then(Value::as_object_mut);
            change(fields.expect("an object"), name);
            changed.push((format!("{path}/{name}"), event));
        }
    }
    changed
}
