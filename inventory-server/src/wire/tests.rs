use inventory_core::{
    LimitChange, Lines, Metadata, PurchaseLimit,
    limits::{LINES_MAX, METADATA_LEN_MAX, QUANTITY_MAX},
};
use proptest::prelude::*;

use super::{
    adjust, batch, bulk, confirm, count, extend, release,
    reserve::{self, ReserveRequest},
    return_goods,
    write::Writer,
};
use crate::problem::FieldError;

/// Both ways to read a reserve; they agree on what is fine.
fn parse(body: impl AsRef<[u8]>) -> Result<ReserveRequest, Vec<FieldError>> {
    let body = body.as_ref();
    let thorough = reserve::thorough(body, "body");
    if let Some(quick) = reserve::quick(body) {
        assert_eq!(
            Ok(quick),
            thorough,
            "the quick way and the thorough one differ"
        );
    }
    assert_eq!(reserve::parse(body), thorough);
    thorough
}

fn ok(body: &str) -> ReserveRequest {
    parse(body).unwrap_or_else(|errors| panic!("{body}: {errors:?}"))
}

/// `field: reason` of every fault.
fn faults(body: impl AsRef<[u8]>) -> Vec<String> {
    faults_of(
        parse(&body),
        String::from_utf8_lossy(body.as_ref()).as_ref(),
    )
}

fn faults_of<T>(result: Result<T, Vec<FieldError>>, what: &str) -> Vec<String> {
    match result {
        Ok(_) => panic!("accepted: {what}"),
        Err(errors) => errors
            .into_iter()
            .map(|e| format!("{}: {}", e.field, e.reason))
            .collect(),
    }
}

/// `name:quantity` of every line.
fn shown(lines: &Lines) -> Vec<String> {
    lines
        .iter()
        .map(|l| format!("{}@{}:{}", l.sku, l.location, l.quantity))
        .collect()
}

const ONE: &str = r#"{"skuId":"s","quantity":1}"#;

#[test]
fn the_example_of_the_contract_is_read() {
    let request = ok(
        r#"{"reservationId":"r-1","orderId":"o-1","customerId":"c-1","ttlSeconds":900,
        "items":[{"skuId":"sku-1","locationId":"default","quantity":2}], "metadata":{"any":"small JSON"}}"#,
    );
    assert_eq!(request.id.expect("an id").as_str(), "r-1");
    assert_eq!(request.order.expect("an order").as_str(), "o-1");
    assert_eq!(request.customer.expect("a customer").as_str(), "c-1");
    assert_eq!(request.ttl_seconds, Some(900));
    assert_eq!(shown(&request.lines), ["sku-1@default:2"]);
    assert_eq!(
        request.metadata.expect("metadata").as_json(),
        r#"{"any":"small JSON"}"#
    );
}

#[test]
fn only_items_are_required_and_null_is_absent() {
    let bare = ok(&format!(r#"{{"items":[{ONE}]}}"#));
    let nulls = r#"{"reservationId":null,"orderId":null,"customerId":null,"ttlSeconds":null,"metadata":null,
            "items":[{"skuId":"s","quantity":1,"locationId":null}]}"#;
    assert_eq!(ok(nulls), bare);
    assert_eq!(
        (bare.id, bare.ttl_seconds, bare.metadata),
        (None, None, None)
    );
    let escaped = ok(r#"{"it\u0065ms":[{"skuId":"s\u002d1","quantity":1}]}"#);
    assert_eq!(shown(&escaped.lines), ["s-1@default:1"]);
}

#[test]
fn lines_are_counted_before_they_are_summed() {
    let lines = |n: usize, quantity: u32| {
        let line = format!(r#"{{"skuId":"s","quantity":{quantity}}}"#);
        format!(r#"{{"items":[{}]}}"#, vec![line; n].join(","))
    };
    assert_eq!(shown(&ok(&lines(LINES_MAX, 3)).lines), ["s@default:300"]);
    assert_eq!(
        faults(lines(LINES_MAX + 1, 3)),
        ["items: must have at most 100 lines, has 101"]
    );
    assert_eq!(faults(lines(0, 3)), ["items: must have at least 1 line"]);
    assert_eq!(
        faults(lines(2, QUANTITY_MAX)),
        [
            "items[1].quantity: lines of the same SKU and location add up to 2000000, at most 1000000"
        ]
    );
}

#[test]
fn every_fault_is_named_with_its_path() {
    let body = r#"{"reservationId":"a b","orderId":7,"ttlSeconds":0,"color":"red","items":[
        {"skuId":"","quantity":2.0},
        {"skuId":"s","quantity":"2","locationId":"a:b","price":1},
        {"quantity":0},
        {"skuId":"s","quantity":1000001},
        {"skuId":"s","quantity":-1},
        {"skuId":"s"},
        7], "customerId":"c", "metadata":[]}"#;
    assert_eq!(
        faults(body),
        [
            "reservationId: may only contain A-Z a-z 0-9 . _ : -, found ' '",
            "orderId: must be a string, is a number",
            "ttlSeconds: must be 1 to 86400",
            "items[0].skuId: must not be empty",
            "items[0].quantity: must be an integer, has a fraction or an exponent",
            "items[1].locationId: must not contain ':'",
            "items[1].quantity: must be an integer, is a string",
            "items[1].price: is not a known field",
            "items[2].skuId: is required",
            "items[2].quantity: must be 1 to 1000000",
            "items[3].quantity: must be 1 to 1000000",
            "items[4].quantity: must be 1 to 1000000",
            "items[5].quantity: is required",
            "items[6]: must be a JSON object, is a number",
            "metadata: must be a JSON object",
            "color: is not a known field",
        ]
    );
}

#[test]
fn absurd_numbers_are_refused() {
    for number in [
        "1e2",
        "1.0",
        "-0",
        "99999999999999999999999999",
        "1e999",
        "0.1",
        "9223372036854775808",
    ] {
        let found = faults(format!(
            r#"{{"items":[{{"skuId":"s","quantity":{number}}}]}}"#
        ));
        assert!(
            found[0].starts_with("items[0].quantity: must be "),
            "{number}: {found:?}"
        );
    }
    let found = faults(format!(r#"{{"items":[{ONE}],"ttlSeconds":86401}}"#));
    assert_eq!(found, ["ttlSeconds: must be 1 to 86400"]);
}

#[test]
fn an_order_id_leaves_room_for_its_prefix() {
    let body = |len: usize| format!(r#"{{"orderId":"{}","items":[{ONE}]}}"#, "o".repeat(len));
    ok(&body(58));
    assert_eq!(
        faults(body(59)),
        ["orderId: must be at most 58 characters, has 59"]
    );
}

#[test]
fn a_name_given_twice_is_refused_also_in_disguise() {
    let one = format!(r#"{{"items":[{ONE}],"orderId":"a","orderId":"b"}}"#);
    assert_eq!(faults(one), ["orderId: is given twice"]);
    let disguised = format!(r#"{{"items":[{ONE}],"it\u0065ms":[{ONE}]}}"#);
    assert_eq!(faults(disguised), ["items: is given twice"]);
    let inside = r#"{"items":[{"skuId":"s","quantity":1,"quantity":2}]}"#;
    assert_eq!(faults(inside), ["items[0].quantity: is given twice"]);
}

#[test]
fn what_is_no_json_object_is_said_to_be_none() {
    for (body, begin) in [
        ("", "items: is required"),
        (" ", "body: is not valid JSON: EOF"),
        ("{", "body: is not valid JSON: EOF"),
        (
            r#"{"items":[{"skuId":"s","quan"#,
            "body: is not valid JSON: EOF",
        ),
        ("[]", "body: must be a JSON object, is an array"),
        ("null", "body: must be a JSON object, is null"),
        ("\"x\"", "body: must be a JSON object, is a string"),
        ("{} {}", "body: is not valid JSON: trailing characters"),
        (
            "{'items':1}",
            "body: is not valid JSON: key must be a string",
        ),
        (r#"{"items":[}"#, "body: is not valid JSON: expected value"),
        (r#"{"items":"s"}"#, "items: must be an array, is a string"),
        (r#"{"items":{}}"#, "items: must be an array, is an object"),
    ] {
        let found = faults(body);
        assert!(found[0].starts_with(begin), "{body:?}: {found:?}");
    }
    assert_eq!(faults(b"{\"items\":\xff}"), ["body: is not UTF-8 (byte 9)"]);
    let lone = faults(r#"{"items":[{"skuId":"\ud800","quantity":1}]}"#);
    assert!(
        lone[0].starts_with("items[0].skuId: is no valid text"),
        "{lone:?}"
    );
}

#[test]
fn depth_and_width_are_bounded() {
    let deep = format!(
        r#"{{"items":{}{}}}"#,
        "[".repeat(30_000),
        "]".repeat(30_000)
    );
    assert_eq!(
        faults(deep),
        ["items[0]: must be a JSON object, is an array"]
    );
    let open = format!(r#"{{"items":{}"#, "[".repeat(60_000));
    assert!(faults(open)[0].starts_with("body: is not valid JSON"));
    let wide: Vec<String> = (0..2_000).map(|n| format!(r#""f{n}":{n}"#)).collect();
    let found = faults(format!("{{{}}}", wide.join(",")));
    assert_eq!(found[0], "body: has 2000 fields, at most 32");
    let long = faults(format!(r#"{{"items":[{ONE}],"{}":1}}"#, "n".repeat(50_000)));
    assert!(long[0].len() < 120, "{long:?}");
    let many = vec![r#"{"a":1,"b":2,"c":3,"d":4}"#; 100].join(",");
    assert_eq!(
        faults(format!(r#"{{"items":[{many}]}}"#)).len(),
        crate::limits::FIELD_ERRORS_MAX
    );
}

#[test]
fn metadata_is_kept_compact_sound_and_small() {
    let kept = |json: &str| {
        ok(&format!(r#"{{"items":[{ONE}],"metadata":{json}}}"#))
            .metadata
            .as_ref()
            .map(|m| m.as_json().to_owned())
    };
    assert_eq!(kept(" { } ").as_deref(), Some("{}"));
    assert_eq!(
        kept("{ \"a b\\\" \\\\\" : [ 1.10 , \"x  y\\n\" ] ,\n\t\"c\":{\"d\" : null} }").as_deref(),
        Some(r#"{"a b\" \\":[1.10,"x  y\n"],"c":{"d":null}}"#)
    );
    // DEL is no control character of JSON.
    assert!(kept("{\"a\":\"\u{7f}\"}").is_some());
    let padded = format!(
        r#"{{"a":"{}"{}}}"#,
        "x".repeat(METADATA_LEN_MAX - 8),
        " ".repeat(500)
    );
    assert_eq!(kept(&padded).expect("just fits").len(), METADATA_LEN_MAX);
    for broken in [
        format!(r#"{{"a":"{}"}}"#, "x".repeat(METADATA_LEN_MAX - 7)),
        r#"{"a":1,"a":2}"#.to_owned(),
        r#"{"a":{"b":1,"\u0062":2}}"#.to_owned(),
        r#"{"a":"\ud800"}"#.to_owned(),
        r#"{"a":1e999}"#.to_owned(),
        format!(r#"{{"a":{}{}}}"#, "[".repeat(300), "]".repeat(300)),
        "[]".to_owned(),
        "7".to_owned(),
    ] {
        let found = faults(format!(r#"{{"items":[{ONE}],"metadata":{broken}}}"#));
        assert!(found[0].starts_with("metadata: "), "{broken}: {found:?}");
    }
}

#[test]
fn optional_bodies_may_be_empty_and_required_ones_not() {
    let request = confirm::parse(b"").expect("everything");
    assert!(request.lines.is_none() && !request.reacquire);
    let request = confirm::parse(format!(r#"{{"items":[{ONE}],"reacquire":true}}"#).as_bytes())
        .expect("a part");
    assert_eq!(shown(&request.lines.expect("lines")), ["s@default:1"]);
    assert!(request.reacquire);
    assert_eq!(
        faults_of(
            confirm::parse(br#"{"reacquire":1,"items":[],"reason":""}"#),
            "confirm"
        ),
        [
            "items: must have at least 1 line",
            "reacquire: must be true or false, is a number",
            "reason: is not a known field"
        ]
    );
    assert!(release::parse(b"").expect("no reason").is_none());
    let reason = release::parse(br#"{"reason":"changed \"mind\""}"#)
        .expect("a reason")
        .expect("a reason");
    assert_eq!(reason.as_str(), "changed \"mind\"");
    assert_eq!(
        faults_of(release::parse(br#"{"reason":"a\nb"}"#), "release"),
        ["reason: must not contain control characters"]
    );
    assert_eq!(
        extend::parse(br#"{"ttlSeconds":600}"#).expect("seconds"),
        600
    );
    assert_eq!(
        faults_of(extend::parse(b"{}"), "extend"),
        ["ttlSeconds: is required"]
    );
    assert_eq!(
        faults_of(extend::parse(b""), "extend"),
        ["ttlSeconds: is required"]
    );
    let request = return_goods::parse(br#"{"returnId":"ret-1"}"#).expect("a return");
    assert!(request.return_id.as_str() == "ret-1" && request.lines.is_none());
    assert_eq!(
        faults_of(return_goods::parse(br#"{"items":7}"#), "return"),
        [
            "returnId: is required",
            "items: must be an array, is a number"
        ]
    );
}

#[test]
fn a_count_keeps_sets_or_removes_the_limit() {
    let limit = |json: &str| {
        count::parse(format!(r#"{{"onHandQuantity":5{json}}}"#).as_bytes())
            .map(|request| request.limit)
    };
    let set = |quantity, window_seconds| {
        LimitChange::Set(PurchaseLimit {
            quantity,
            window_seconds,
        })
    };
    assert_eq!(limit("").expect("kept"), LimitChange::Keep);
    assert_eq!(
        limit(r#","purchaseLimit":null"#).expect("removed"),
        LimitChange::Remove
    );
    assert_eq!(
        limit(r#","purchaseLimit":{"quantity":2}"#).expect("set"),
        set(2, None)
    );
    assert_eq!(
        limit(r#","purchaseLimit":{"quantity":2,"windowSeconds":60}"#).expect("set"),
        set(2, Some(60))
    );
    assert_eq!(
        faults_of(
            limit(r#","purchaseLimit":{"quantity":0,"windowSeconds":31536001,"x":1}"#),
            "limit"
        ),
        [
            "purchaseLimit.quantity: must be 1 to 1000000",
            "purchaseLimit.windowSeconds: must be 1 to 31536000",
            "purchaseLimit.x: is not a known field"
        ]
    );
    assert_eq!(
        faults_of(limit(r#","purchaseLimit":3"#), "limit"),
        ["purchaseLimit: must be a JSON object, is a number"]
    );
    let request = count::parse(
        br#"{"onHandQuantity":9007199254740991,"expectedVersion":0,"locationId":"x"}"#,
    );
    let request = request.expect("the largest stock");
    assert_eq!(
        (request.on_hand, request.expected_version),
        (9_007_199_254_740_991, Some(0))
    );
    assert_eq!(
        faults_of(
            count::parse(br#"{"onHandQuantity":9007199254740992,"expectedVersion":-1}"#),
            "count"
        ),
        [
            "onHandQuantity: must be 0 to 9007199254740991",
            "expectedVersion: must be 0 to 9007199254740991"
        ]
    );
}

#[test]
fn an_adjustment_changes_something() {
    let request = adjust::parse(br#"{"adjustmentId":"a-1","delta":-10,"reason":"broken"}"#)
        .expect("an adjustment");
    assert_eq!((request.delta, request.location), (-10, None));
    assert_eq!(
        faults_of(adjust::parse(br#"{"delta":0}"#), "adjust"),
        ["delta: must not be 0"]
    );
    assert_eq!(
        faults_of(adjust::parse(br#"{"skuId":"s"}"#), "adjust"),
        ["delta: is required", "skuId: is not a known field"]
    );
}

#[test]
fn only_the_envelope_of_a_batch_is_read_at_first() {
    let elements = batch::parse(
        br#"{"reservations":[7,{"reservationId":"r"},"x"]}"#,
        "reservations",
    )
    .expect("three");
    assert_eq!(elements.len(), 3);
    let names: Vec<_> = elements
        .iter()
        .map(|e| batch::name_of(e, "reservationId"))
        .collect();
    assert_eq!(names, [None, Some("r".to_owned()), Some("x".to_owned())]);
    let many = |n: usize| format!(r#"{{"reservations":[{}]}}"#, vec!["1"; n].join(","));
    batch::parse(many(1_000).as_bytes(), "reservations").expect("a thousand");
    for (body, fault) in [
        (many(0), "reservations: must have 1 to 1000 elements, has 0"),
        (
            many(1_001),
            "reservations: must have 1 to 1000 elements, has 1001",
        ),
        ("{}".to_owned(), "reservations: is required"),
        (
            r#"{"reservations":{}}"#.to_owned(),
            "reservations: must be an array, is an object",
        ),
        (
            r#"{"reservations":[1],"x":1}"#.to_owned(),
            "x: is not a known field",
        ),
    ] {
        assert_eq!(
            faults_of(batch::parse(body.as_bytes(), "reservations"), &body),
            [fault]
        );
    }
    assert_eq!(
        faults_of(bulk::parse(br#"{"skuIds":["a",7,""]}"#), "bulk"),
        [
            "skuIds[1]: must be a string, is a number",
            "skuIds[2]: must not be empty"
        ]
    );
    let element =
        serde_json::from_str(r#"{"skuId":"s","delta":1,"adjustmentId":".."}"#).expect("JSON");
    assert_eq!(
        faults_of(adjust::parse_element(element, "adjustments[0]"), "element"),
        ["adjustmentId: must not be '.' or '..'"]
    );
    let element = serde_json::from_str("[]").expect("JSON");
    assert_eq!(
        faults_of(
            reserve::parse_element(element, "reservations[4]"),
            "element"
        ),
        ["reservations[4]: must be a JSON object, is an array"]
    );
}

#[test]
fn what_is_written_is_json() {
    let mut json = Writer::object(0);
    json.text("t", "a\"b\\c\nd\u{1}é你");
    json.array("none", [0; 0], |_, _| {});
    json.array("some", [1_u64, 2], |json, n| json.number("n", n));
    json.ids("ids", ["a", "b"]);
    json.nested("empty", |_| {});
    json.boolean("yes", true);
    let written = json.finish();
    let read: serde_json::Value = serde_json::from_slice(&written).expect("JSON");
    assert_eq!(
        read,
        serde_json::json!({"t": "a\"b\\c\nd\u{1}é你", "none": [], "some": [{"n": 1}, {"n": 2}],
            "ids": ["a", "b"], "empty": {}, "yes": true})
    );
    assert_eq!(&Writer::object(0).finish()[..], b"{}");
}

fn id(max: usize) -> impl Strategy<Value = String> {
    proptest::string::string_regex(&format!("[A-Za-z0-9_:-][A-Za-z0-9._:-]{{0,{}}}", max - 1))
        .expect("a pattern")
}

fn line() -> impl Strategy<Value = serde_json::Value> {
    let location = proptest::option::of("[a-z][a-z0-9._-]{0,63}");
    (id(64), location, 1..=1_000_u32).prop_map(|(sku, location, quantity)| {
        let mut line = serde_json::json!({"skuId": sku, "quantity": quantity});
        if let Some(location) = location {
            line["locationId"] = location.into();
        }
        line
    })
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..512)) {
        drop(parse(&body));
        drop(confirm::parse(&body));
        drop(count::parse(&body));
        drop(batch::parse(&body, "reservations"));
        drop(bulk::parse(&body));
    }

    #[test]
    fn no_broken_json_makes_a_reader_panic(body in r#"(\{|\}|\[|\]|,|:|"items"|"skuId"|"quantity"|"metadata"|1|-1|2\.5|"s"|"\\u00e9"|null|true| ){0,40}"#) {
        drop(parse(&body));
    }

    #[test]
    fn a_valid_request_is_read_as_it_was_written(
        reservation in proptest::option::of(id(64)),
        order in proptest::option::of(id(58)),
        customer in proptest::option::of(id(64)),
        ttl in proptest::option::of(1..=86_400_u32),
        lines in proptest::collection::vec(line(), 1..=LINES_MAX),
        note in proptest::option::of("\\PC{0,60}"),
        pretty in any::<bool>(),
    ) {
        let mut body = serde_json::json!({"items": lines});
        for (name, value) in [("reservationId", &reservation), ("orderId", &order), ("customerId", &customer)] {
            if let Some(value) = value {
                body[name] = value.clone().into();
            }
        }
        if let Some(ttl) = ttl {
            body["ttlSeconds"] = ttl.into();
        }
        let metadata = note.map(|note| serde_json::json!({"note": note}));
        if let Some(metadata) = &metadata {
            body["metadata"] = metadata.clone();
        }
        let text = if pretty { serde_json::to_string_pretty(&body) } else { serde_json::to_string(&body) };
        let request = parse(text.expect("JSON")).map_err(|e| TestCaseError::fail(format!("{e:?}")))?;
        let total: u64 = lines.iter().filter_map(|line| line["quantity"].as_u64()).sum();
        prop_assert_eq!(request.lines.iter().map(|l| u64::from(l.quantity)).sum::<u64>(), total);
        prop_assert_eq!(request.id.as_ref().map(|i| i.as_str()), reservation.as_deref());
        prop_assert_eq!(request.order.as_ref().map(|i| i.as_str()), order.as_deref());
        prop_assert_eq!(request.customer.as_ref().map(|i| i.as_str()), customer.as_deref());
        prop_assert_eq!(request.ttl_seconds, ttl);
        let kept = request.metadata.as_ref().map(Metadata::as_json).map(serde_json::from_str::<serde_json::Value>);
        prop_assert_eq!(kept.transpose().expect("JSON"), metadata);
    }
}
