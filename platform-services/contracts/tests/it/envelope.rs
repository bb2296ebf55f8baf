use contracts::{
    AnyEvent, DecodeError, EVENT_ID_LEN_MAX, EncodeError, Envelope, EnvelopeError, EventType,
    RawEnvelope, Timestamp, UnknownVersion, order, user,
};
use serde_json::{Value, json};

use crate::support::{bytes, example};

fn locked() -> Value {
    example(EventType::UserLocked)
}

fn error_of(event: &Value) -> EnvelopeError {
    RawEnvelope::decode(&bytes(event)).expect_err("refused")
}

fn changed(attribute: &str, value: Value) -> Value {
    let mut event = locked();
    event[attribute] = value;
    event
}

#[test]
fn what_every_event_has_may_not_be_missing() {
    for attribute in ["specversion", "id", "type", "source", "data"] {
        let mut without = locked();
        without
            .as_object_mut()
            .expect("an object")
            .remove(attribute);
        assert_eq!(error_of(&without), EnvelopeError::Missing(attribute));
        let null = changed(attribute, Value::Null);
        assert_eq!(error_of(&null), EnvelopeError::Missing(attribute));
    }
    for attribute in ["specversion", "id", "type", "source"] {
        let empty = changed(attribute, json!(""));
        assert_eq!(error_of(&empty), EnvelopeError::Empty(attribute));
    }
}

#[test]
fn an_attribute_is_a_text() {
    for attribute in [
        "specversion",
        "id",
        "type",
        "source",
        "subject",
        "time",
        "datacontenttype",
        "correlationid",
        "causationid",
        "traceparent",
    ] {
        for (value, found) in [
            (json!(1.0), "a number"),
            (json!(-1), "a number"),
            (json!(false), "a boolean"),
            (json!(["1.0"]), "an array"),
            (json!({"a": 1}), "an object"),
        ] {
            let expected = EnvelopeError::NotAString { attribute, found };
            assert_eq!(error_of(&changed(attribute, value)), expected);
        }
    }
}

#[test]
fn what_one_can_do_without_may_be_absent_null_or_empty() {
    let optional = [
        "subject",
        "time",
        "datacontenttype",
        "correlationid",
        "causationid",
        "traceparent",
    ];
    let mut absent = locked();
    let fields = absent.as_object_mut().expect("an object");
    for attribute in optional {
        fields.remove(attribute);
    }
    let absent = Envelope::<user::Locked>::decode(&bytes(&absent)).expect("an event");
    assert_eq!((absent.subject.as_ref(), absent.time), (None, None));
    for nothing in [Value::Null, json!("")] {
        let mut event = locked();
        for attribute in optional {
            event[attribute] = nothing.clone();
        }
        let event = Envelope::<user::Locked>::decode(&bytes(&event)).expect("an event");
        assert_eq!(event, absent);
    }
}

#[test]
fn other_versions_of_cloudevents_are_refused() {
    for version in ["0.3", "1", "1.0.0", "1.1", "2.0"] {
        let expected = EnvelopeError::SpecVersion(version.to_owned());
        assert_eq!(error_of(&changed("specversion", json!(version))), expected);
    }
    let text = error_of(&changed("specversion", json!("0.3"))).to_string();
    assert_eq!(
        text,
        r#"the attribute `specversion` must be "1.0", is "0.3""#
    );
}

#[test]
fn the_time_is_a_moment() {
    for (text, ms) in [
        ("2026-11-23T05:00:00Z", 1_795_410_000_000),
        ("2026-11-23T14:00:00.123456+09:00", 1_795_410_000_123),
    ] {
        let event = bytes(&changed("time", json!(text)));
        let raw = RawEnvelope::decode(&event).expect("an event");
        assert_eq!(raw.envelope.time.map(Timestamp::unix_ms), Some(ms));
    }
    let text = error_of(&changed("time", json!("yesterday"))).to_string();
    assert!(text.starts_with("the attribute `time` is wrong: \"yesterday\""));
}

#[test]
fn the_data_is_json() {
    for media_type in [
        "application/json",
        "application/JSON; charset=utf-8",
        "application/vnd.shop+json",
    ] {
        let event = bytes(&changed("datacontenttype", json!(media_type)));
        RawEnvelope::decode(&event).expect("an event");
    }
    for media_type in ["text/plain", "application/xml", "json", "application/json5"] {
        let expected = EnvelopeError::DataContentType(media_type.to_owned());
        assert_eq!(
            error_of(&changed("datacontenttype", json!(media_type))),
            expected
        );
    }
}

#[test]
fn an_id_has_an_end() {
    let longest = "ü".repeat(EVENT_ID_LEN_MAX / 2);
    let event = bytes(&changed("id", json!(longest)));
    assert_eq!(
        RawEnvelope::decode(&event).expect("an event").envelope.id,
        longest
    );
    let longer = "ü".repeat(EVENT_ID_LEN_MAX / 2 + 1);
    assert_eq!(
        error_of(&changed("id", json!(longer))),
        EnvelopeError::IdTooLong(EVENT_ID_LEN_MAX + 1)
    );
}

#[test]
fn what_is_no_object_is_no_event() {
    let payloads: [&[u8]; 8] = [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\"event\"",
        b"{\"id\":\"\xff\"}",
        b"{} {}",
        b"{\"id\":\"a\",}",
    ];
    for payload in payloads {
        let error = RawEnvelope::decode(payload).expect_err("refused");
        assert!(
            matches!(error, EnvelopeError::NotAnObject(_)),
            "{payload:?}: {error}"
        );
    }
}

#[test]
fn half_a_surrogate_is_no_text() {
    let event = locked().to_string().replace("user.locked", r"\ud800");
    let expected = EnvelopeError::NotAString {
        attribute: "type",
        found: "a string that is not Unicode",
    };
    assert_eq!(RawEnvelope::decode(event.as_bytes()).err(), Some(expected));
}

#[test]
fn an_unknown_version_is_told_from_an_unknown_type() {
    let expected = DecodeError::Version(UnknownVersion {
        event_type: EventType::UserLocked,
        version: "v2".to_owned(),
    });
    let event = bytes(&changed("type", json!("user.locked.v2")));
    assert_eq!(
        Envelope::<AnyEvent>::decode_any(&event),
        Err(expected.clone())
    );
    assert_eq!(Envelope::<user::Locked>::decode(&event), Err(expected));
}

#[test]
fn another_type_than_the_one_asked_for_is_named() {
    for found in ["user.locked", "user.lost"] {
        let event = bytes(&changed("type", json!(found)));
        let expected = DecodeError::OtherType {
            expected: EventType::UserRegistered,
            found: found.to_owned(),
        };
        assert_eq!(Envelope::<user::Registered>::decode(&event), Err(expected));
    }
}

#[test]
fn wrong_data_says_what_is_wrong() {
    let event = bytes(&changed("data", json!({"email": "kim@example.com"})));
    let error = Envelope::<AnyEvent>::decode_any(&event).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "the data is not that of user.locked: missing field `userId` at line 1 column 27"
    );
}

#[test]
fn a_quantity_that_no_producer_may_send_can_be_read_and_answered() {
    for quantity in [0, -1, i64::MAX] {
        let mut event = example(EventType::OrderPlaced);
        event["data"]["items"][0]["quantity"] = json!(quantity);
        let event = Envelope::<order::Placed>::decode(&bytes(&event)).expect("an event");
        assert_eq!(event.data.items[0].quantity, quantity);
    }
}

fn event() -> Envelope<user::Locked> {
    let time = Timestamp::from_unix_ms(1_795_410_000_000).expect("a moment");
    let data = user::Locked {
        user_id: "u-1".to_owned(),
        email: None,
    };
    Envelope::new("e-1".to_owned(), time, data)
}

/// Written down: the relay and Debezium publish what the outbox has, and consumers compare bytes.
#[test]
fn the_bytes_are_these() {
    let expected = concat!(
        r#"{"specversion":"1.0","id":"e-1","source":"/services/user","type":"user.locked","#,
        r#""subject":"u-1","time":"2026-11-23T05:00:00.000Z","datacontenttype":"application/json","#,
        r#""correlationid":"o-1","causationid":"c-1","traceparent":"t-1","data":{"userId":"u-1"}}"#
    );
    let traced = Envelope {
        correlation_id: Some("o-1".to_owned()),
        causation_id: Some("c-1".to_owned()),
        traceparent: Some("t-1".to_owned()),
        ..event()
    };
    let payload = traced.encode().expect("JSON");
    assert_eq!(String::from_utf8(payload).as_deref(), Ok(expected));
    let empty = Envelope {
        correlation_id: Some(String::new()),
        ..event()
    };
    assert_eq!(
        empty.encode().expect("JSON"),
        event().encode().expect("JSON")
    );
}

#[test]
fn what_nobody_could_read_is_not_written() {
    let id = |id: String| Envelope { id, ..event() }.encode();
    assert!(matches!(id(String::new()), Err(EncodeError::Empty("id"))));
    let long = "i".repeat(EVENT_ID_LEN_MAX + 1);
    assert!(matches!(id(long), Err(EncodeError::IdTooLong(256))));
    let sourceless = Envelope {
        source: String::new(),
        ..event()
    };
    assert!(matches!(
        sourceless.encode(),
        Err(EncodeError::Empty("source"))
    ));
}

#[test]
fn a_reaction_names_its_cause_and_keeps_the_correlation() {
    let cause = Envelope {
        correlation_id: Some("o-1".to_owned()),
        traceparent: Some("t-1".to_owned()),
        ..event()
    };
    let reaction = Envelope {
        id: "e-2".to_owned(),
        ..event()
    };
    let reaction = reaction.caused_by(&cause);
    assert_eq!(reaction.causation_id.as_deref(), Some("e-1"));
    assert_eq!(reaction.correlation_id, cause.correlation_id);
    assert_eq!(reaction.traceparent, cause.traceparent);
    assert_eq!(reaction.id, "e-2");
}
