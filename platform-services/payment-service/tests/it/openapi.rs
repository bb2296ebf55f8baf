//! The document about itself; answers are held against it by every other test.

use test_support::ask_as_everybody;

use crate::support::{CONTRACT, WORLD};

#[test]
fn the_document_is_whole() {
    CONTRACT.assert_whole(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/problems"));
}

#[test]
fn every_operation_asks_for_its_role() {
    let guarded = ask_as_everybody(
        &CONTRACT,
        "p-1",
        |roles| WORLD.around.issuer.token("somebody", roles),
        |ask| {
            let (token, body) = (ask.token.unwrap_or_default(), ask.body);
            let body = body.map(ToString::to_string);
            let sent = WORLD
                .http
                .send(ask.method, ask.path, token, body.as_deref(), &[]);
            let answer = sent.unwrap();
            CONTRACT.check(ask.method, ask.path, &answer);
            answer
        },
    );
    assert_eq!(guarded, 4);
}

#[test]
fn the_document_is_served() {
    let answer = WORLD.http.get("/openapi.json", "");
    assert_eq!(answer.body, *CONTRACT.document());
    assert_eq!(WORLD.http.get("/docs", "").status, 200);
    WORLD
        .get("/api/payments/a/b/c", "")
        .refused(404, "NOT_FOUND");
}
