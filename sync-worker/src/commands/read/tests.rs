use serde_json::json;

use super::*;

const HOLD_MS: u32 = 900_000;

fn asked(event_type: EventType, data: Value) -> Result<Asked, HandlerError> {
    let data = RawValue::from_string(data.to_string()).expect("JSON");
    let cause = Envelope {
        id: "e-1".to_owned(),
        source: "/test".to_owned(),
        subject: None,
        time: None,
        correlation_id: None,
        causation_id: None,
        traceparent: Some("00-x".to_owned()),
        data: &*data,
    };
    read(event_type, &cause, HOLD_MS)
}

fn command(event_type: EventType, data: Value) -> Command {
    match asked(event_type, data) {
        Ok(Asked::Command(command)) => *command,
        other => panic!("{other:?}"),
    }
}

/// Why a command is not valid.
fn invalid_because(event_type: EventType, data: Value) -> String {
    let task = command(event_type, data).task;
    let Task::Invalid(why) = task else {
        panic!("{task:?}");
    };
    why
}

/// The reason of a dead letter.
fn dead(event_type: EventType, data: Value) -> String {
    match asked(event_type, data) {
        Err(HandlerError::Permanent { reason, .. }) => reason.into_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bare_order_is_a_whole_command() {
    let data = json!({"orderId": "o-1", "items": [{"skuId": "a", "quantity": 2}]});
    let command = command(EventType::OrderPlaced, data);
    assert_eq!(command.key(), "reserve:o-1");
    let Task::Reserve(reserve) = command.task else {
        panic!("{command:?}");
    };
    assert_eq!(reserve.id.as_str(), "order-o-1");
    assert_eq!(reserve.ttl_ms, HOLD_MS);
    assert_eq!(reserve.customer, None);
    assert_eq!(reserve.order.expect("one").as_str(), "o-1");
    let context = reserve.context;
    assert_eq!(context.request_id.expect("one").as_str(), "e-1");
    assert_eq!(context.actor.expect("one").as_str(), "saga");
    assert_eq!(context.traceparent.expect("one").as_str(), "00-x");
}

#[test]
fn an_order_names_its_hold_and_its_customer() {
    let data = json!({"orderId": "o-1", "userId": "u-1", "reservationId": "r-1", "totalAmount": 5,
        "items": [{"skuId": "a", "quantity": 2, "unitPrice": 1}, {"skuId": "a", "quantity": 1}]});
    let Task::Reserve(reserve) = command(EventType::OrderPlaced, data).task else {
        panic!("a reserve");
    };
    assert_eq!(reserve.id.as_str(), "r-1");
    assert_eq!(reserve.customer.expect("one").as_str(), "u-1");
    let lines = reserve.lines.as_slice();
    assert_eq!((lines.len(), lines[0].quantity), (1, 3), "summed");
}

#[test]
fn what_is_not_valid_says_which_field() {
    let item =
        |quantity: Value| json!({"orderId": "o", "items": [{"skuId": "a", "quantity": quantity}]});
    let placed = |data| invalid_because(EventType::OrderPlaced, data);
    for quantity in [json!(0), json!(-1), json!(1_000_001), json!(i64::MAX)] {
        let why = placed(item(quantity));
        assert!(why.contains("1 to 1000000"), "{why}");
    }
    for quantity in [json!("2"), json!(1.5), json!(null), json!(1e30)] {
        placed(item(quantity));
    }
    let full = |field: &str, value: Value| {
        let mut data = json!({"orderId": "o", "userId": "u", "reservationId": "r",
            "items": [{"skuId": "a", "quantity": 1}]});
        data[field] = value;
        data
    };
    for (field, value, word) in [
        ("orderId", json!("o".repeat(59)), "orderId"),
        ("userId", json!("u".repeat(65)), "userId"),
        ("userId", json!(7), "invalid type"),
        ("reservationId", json!("r".repeat(81)), "reservationId"),
        ("reservationId", json!(""), "reservationId"),
        ("items", json!([]), "at least 1"),
        ("items", json!(null), "invalid type"),
        (
            "items",
            json!([{"skuId": "a b", "quantity": 1}]),
            "items[0].skuId",
        ),
        (
            "items",
            json!(vec![json!({"skuId": "a", "quantity": 1}); 101]),
            "at most 100",
        ),
        (
            "items",
            json!([{"skuId": "a", "quantity": 1_000_000}, {"skuId": "a", "quantity": 1}]),
            "add up to",
        ),
    ] {
        let why = placed(full(field, value.clone()));
        assert!(why.contains(word), "{field} {value}: {why}");
    }
}

#[test]
fn without_a_usable_order_nobody_can_be_answered() {
    for id in [
        json!(null),
        json!(""),
        json!(7),
        json!("ä"),
        json!("a b"),
        json!("x".repeat(129)),
    ] {
        for event_type in [
            EventType::OrderPlaced,
            EventType::OrderConfirmed,
            EventType::OrderCancelled,
        ] {
            let data = json!({"orderId": id, "items": [{"skuId": "a", "quantity": 1}]});
            assert_eq!(dead(event_type, data), "INVALID_DATA", "{id}");
        }
    }
    assert_eq!(dead(EventType::OrderPlaced, json!([1])), "INVALID_DATA");
}

#[test]
fn a_confirm_that_is_not_valid_tells_what_it_was_about() {
    let data = json!({"orderId": "o", "reservationId": "r r", "items": [
        {"skuId": "a", "quantity": 2}, {"skuId": "b", "quantity": 0}, {"skuId": " ", "quantity": 1}]});
    let command = command(EventType::OrderConfirmed, data);
    assert!(matches!(command.task, Task::Invalid(_)));
    let Refused::Confirm {
        reservation_id,
        items,
    } = command.refusal
    else {
        panic!("told");
    };
    assert_eq!(reservation_id, "r r");
    assert_eq!((items.len(), items[0].quantity), (1, 2));
}

#[test]
fn only_a_hold_that_is_made_for_the_order_leaves_a_tombstone() {
    let release = |data| {
        let task = command(EventType::OrderCancelled, data).task;
        let Task::Release { release, .. } = task else {
            panic!("{task:?}");
        };
        release
    };
    let own = release(json!({"orderId": "o", "reservationId": "order-o", "items": []}));
    assert!(own.tombstone);
    assert!(release(json!({"orderId": "o"})).tombstone);
    let other = release(json!({"orderId": "o", "reservationId": "r", "reason": "USER_REQUEST"}));
    assert!(!other.tombstone);
    assert_eq!(other.reason.expect("one").as_str(), "USER_REQUEST");
}

#[test]
fn a_release_is_read_field_by_field() {
    let read = |data| {
        let task = command(EventType::OrderCancelled, data).task;
        let Task::Release { release, lines, .. } = task else {
            panic!("{task:?}");
        };
        (release, lines)
    };
    let item = json!([{"skuId": "a", "quantity": 1}]);
    for named in [
        json!("no id"),
        json!(7),
        json!(null),
        json!("r".repeat(81)),
        json!(""),
    ] {
        let data = json!({"orderId": "o", "reservationId": named, "items": item});
        let (release, _) = read(data);
        assert_eq!(release.id.as_str(), "order-o", "{named}");
        assert!(release.tombstone);
    }
    for items in [
        json!(null),
        json!("a"),
        json!([{"skuId": "a"}]),
        json!([{"skuId": "a", "quantity": -1}]),
    ] {
        let data = json!({"orderId": "o", "reservationId": "r", "items": items, "reason": 7});
        let (release, lines) = read(data);
        assert_eq!(
            (release.id.as_str(), release.reason, lines),
            ("r", None, None),
            "{items}"
        );
    }
    let (_, lines) =
        read(json!({"orderId": "o", "reservationId": "r", "items": item, "reason": {}}));
    assert_eq!(lines.expect("they are fine").as_slice().len(), 1);
    // An order of such an id never had a hold.
    let nothing = command(
        EventType::OrderCancelled,
        json!({"orderId": "o".repeat(59)}),
    );
    assert!(matches!(nothing.task, Task::Nothing));
}

#[test]
fn an_event_whose_id_the_journal_cannot_have_is_found_again() {
    let request = |id: &str| {
        let data = RawValue::from_string(json!({"orderId": "o"}).to_string()).expect("JSON");
        let cause = Envelope {
            id: id.to_owned(),
            source: "/test".to_owned(),
            subject: None,
            time: None,
            correlation_id: None,
            causation_id: None,
            traceparent: None,
            data: &*data,
        };
        context(&cause).request_id.expect("always one")
    };
    assert_eq!(request("e-1").as_str(), "e-1");
    let odd = request("e\n1");
    assert_eq!(odd, request("e\n1"));
    assert_ne!(odd, request("e\t1"));
    assert_eq!(odd.as_str().len(), "event-".len() + 64);
    assert!(request(&"ä".repeat(200)).as_str().starts_with("event-"));
}

#[test]
fn goods_come_back_by_the_refund() {
    let data = json!({"orderId": "o", "refundId": "f", "reservationId": "r",
        "items": [{"skuId": "a", "quantity": 1}]});
    let command = command(EventType::PaymentCancelled, data.clone());
    assert_eq!(command.key(), "return:f");
    for items in [json!(null), json!([])] {
        let mut data = data.clone();
        data["items"] = items;
        assert!(matches!(
            asked(EventType::PaymentCancelled, data),
            Ok(Asked::Nothing(_))
        ));
    }
    for (field, value, reason) in [
        ("refundId", json!(null), "INVALID_DATA"),
        ("refundId", json!("f".repeat(81)), "INVALID"),
        ("items", json!([{"skuId": "a", "quantity": 0}]), "INVALID"),
        ("items", json!([{"skuId": "a"}]), "INVALID_DATA"),
    ] {
        let mut data = data.clone();
        data[field] = value;
        assert_eq!(dead(EventType::PaymentCancelled, data), reason, "{field}");
    }
}

#[test]
fn a_sku_is_created_with_what_there_is() {
    let data = json!({"skuId": "a", "productId": "p", "price": 1, "initialQuantity": 0});
    let command = command(EventType::ProductSkuCreated, data);
    assert_eq!(command.key(), "create:a");
    let Task::Create(count) = command.task else {
        panic!("a create");
    };
    assert_eq!((count.on_hand, count.expected_version), (0, Some(0)));
    for (quantity, reason) in [
        (json!(-1), "INVALID"),
        (json!(9_007_199_254_740_992_u64), "INVALID"),
        (json!(null), "INVALID_DATA"),
    ] {
        let data = json!({"skuId": "a", "initialQuantity": quantity});
        assert_eq!(dead(EventType::ProductSkuCreated, data), reason);
    }
}
