use contracts::{AnyEvent, Envelope, EventType, RawEnvelope};
use serde_json::{Value, json};

use crate::support::{EventSchema, bytes, example, with_each_field};

fn decodes(event: &Value) -> bool {
    Envelope::<AnyEvent>::decode_any(&bytes(event)).is_ok()
}

#[test]
fn every_example_is_an_event_of_its_type() {
    for &event_type in EventType::ALL {
        let example = example(event_type);
        assert_eq!(
            EventSchema::of(event_type).errors(&example),
            Vec::<String>::new(),
            "{event_type}"
        );
        let event = Envelope::<AnyEvent>::decode_any(&bytes(&example)).expect("an event");
        assert_eq!(event.data.event_type(), Some(event_type));
        assert_eq!(event.source, event_type.producer().source());
        assert_eq!(example["type"], event_type.name());
    }
}

#[test]
fn the_types_know_every_field_of_the_examples() {
    for &event_type in EventType::ALL {
        let example = example(event_type);
        let again = crate::round_trip::encode_again(event_type, &bytes(&example));
        let again: Value = serde_json::from_slice(&again).expect("JSON");
        assert_eq!(again, example, "{event_type}");
    }
}

#[test]
fn a_field_that_is_required_is_required_by_type_and_schema_alike() {
    for &event_type in EventType::ALL {
        let schema = EventSchema::of(event_type);
        for (field, event) in with_each_field(&example(event_type), |fields, name| {
            fields.remove(name);
        }) {
            assert_eq!(
                decodes(&event),
                schema.accepts(&event),
                "{event_type} without {field}: decoded, accepted"
            );
        }
    }
}

#[test]
fn a_field_of_another_kind_is_refused_by_type_and_schema_alike() {
    for &event_type in EventType::ALL {
        let schema = EventSchema::of(event_type);
        for (field, event) in with_each_field(&example(event_type), |fields, name| {
            fields.insert(name.to_owned(), json!(true));
        }) {
            assert!(!decodes(&event), "{event_type} with another {field}");
            assert!(!schema.accepts(&event), "{event_type} with another {field}");
        }
    }
}

#[test]
fn fields_that_nobody_knows_are_passed_over() {
    for &event_type in EventType::ALL {
        let schema = EventSchema::of(event_type);
        let plain = example(event_type);
        let expected = Envelope::<AnyEvent>::decode_any(&bytes(&plain));
        for (field, event) in with_each_field(&plain, |fields, _| {
            fields.insert("fromTheFuture".to_owned(), json!({"a": [1, null]}));
        }) {
            assert_eq!(
                Envelope::<AnyEvent>::decode_any(&bytes(&event)),
                expected,
                "{event_type} with more beside {field}"
            );
            assert!(schema.accepts(&event), "{event_type}");
        }
    }
}

#[test]
fn a_type_that_nobody_knows_is_not_looked_into() {
    let mut event = example(EventType::OrderPlaced);
    event["type"] = json!("order.lost");
    event["data"] = json!("whatever");
    let event = Envelope::<AnyEvent>::decode_any(&bytes(&event)).expect("an event");
    assert_eq!(event.data, AnyEvent::Unknown("order.lost".to_owned()));
    assert_eq!((event.data.event_type(), event.data.key()), (None, None));
}

#[test]
fn the_key_is_the_order_where_there_is_one() {
    let order = "0192f0c1-2f3a-7b4c-8d5e-6f708192a3b4";
    for &event_type in EventType::ALL {
        let mut example = example(event_type);
        let event = Envelope::<AnyEvent>::decode_any(&bytes(&example)).expect("an event");
        let data = example["data"].as_object_mut().expect("an object");
        let expected = ["orderId", "skuId", "productId", "userId"]
            .iter()
            .find_map(|name| data.get(*name))
            .expect("a key");
        assert_eq!(
            event.data.key().as_deref(),
            expected.as_str(),
            "{event_type}"
        );
        if data.remove("orderId").is_some() && data.contains_key("expiresAt") {
            let event = Envelope::<AnyEvent>::decode_any(&bytes(&example)).expect("an event");
            assert_eq!(event.data.key(), Some(format!("order-{order}")));
        }
    }
}

#[test]
fn the_subject_of_an_example_is_the_one_its_type_gives() {
    for &event_type in EventType::ALL {
        let example = bytes(&example(event_type));
        let raw = RawEnvelope::decode(&example).expect("an event");
        let subject = crate::round_trip::subject_of(event_type, &example);
        assert_eq!(raw.envelope.subject, Some(subject), "{event_type}");
    }
}

#[test]
fn an_optional_field_may_be_null() {
    for &event_type in EventType::ALL {
        let plain = example(event_type);
        let without = with_each_field(&plain, |fields, name| {
            fields.remove(name);
        });
        let null = with_each_field(&plain, |fields, name| {
            fields.insert(name.to_owned(), Value::Null);
        });
        for ((field, without), (_, null)) in without.into_iter().zip(null) {
            let decode = |event| Envelope::<AnyEvent>::decode_any(&bytes(&event)).ok();
            assert_eq!(decode(null), decode(without), "{event_type}: {field}");
        }
    }
}
