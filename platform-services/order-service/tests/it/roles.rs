use access_token::Role;
use test_support::ask_as_everybody;

use crate::support::{CONTRACT, Client, SERVICE, text, token, unique};

#[test]
fn every_operation_wants_one_of_its_roles() {
    let guarded = ask_as_everybody(
        &CONTRACT,
        "o-1",
        |roles| token(&unique("user"), roles),
        |ask| {
            let client = Client::new(&SERVICE.address, ask.token.map(str::to_owned));
            let body = ask.body.map(ToString::to_string);
            client.send(ask.method, ask.path, &[], body.as_deref())
        },
    );
    assert_eq!(guarded, 11);
}

#[test]
fn orders_of_others_are_not_there() {
    let owner = SERVICE.customer();
    let id = text(&owner.place(&[("a", 1)]), "orderId").to_owned();
    let path = format!("/api/orders/{id}");
    let other = SERVICE.customer();
    for (client, order) in [
        (&other, id.as_str()),
        (&owner, "o-1"),
        (&owner, "%20"),
        (&owner, "ä"),
    ] {
        let order = if order.is_ascii() { order } else { "%C3%A4" };
        client
            .get(&format!("/api/orders/{order}"))
            .refused(404, "ORDER_NOT_FOUND");
        for verb in ["cancel", "refund"] {
            client
                .post_empty(&format!("/api/orders/{order}/{verb}"))
                .refused(404, "ORDER_NOT_FOUND");
        }
    }
    assert_eq!(owner.order(&id)["status"], "PLACED");
    SERVICE.admin().get(&path).expect(200);
    let service = SERVICE.with_roles("payment-service", &[Role::Service]);
    service.get(&path).expect(200);
    let cancelled = SERVICE
        .admin()
        .post_empty(&format!("{path}/cancel"))
        .expect(202);
    assert_eq!(cancelled["cancelReason"], "USER_REQUEST");
}

#[test]
fn the_document_is_served_and_whole() {
    let served = SERVICE.anybody().get("/openapi.json");
    assert_eq!(served.text, order_service::http::OPENAPI);
    CONTRACT.assert_whole(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/problems"));
}
