//! Every operation against every role.

use test_support::ask_as_everybody;

use crate::support::{CONTRACT, site};

#[test]
fn every_operation_asks_for_its_role() {
    let site = site();
    let guarded = ask_as_everybody(
        &CONTRACT,
        "nobody",
        |roles| site.token_with("nobody", roles),
        |ask| site.auth.call(ask.method, ask.path, ask.token, ask.body),
    );
    assert_eq!(guarded, 2);
}

#[test]
fn the_document_is_whole() {
    CONTRACT.assert_whole(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/problems"));
}
