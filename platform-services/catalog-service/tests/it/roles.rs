//! Every operation of the document: who may not is told so, before anything else is looked at.

use test_support::ask_as_everybody;
use tokio::{runtime::Handle, task::block_in_place};

use crate::support::{CONTRACT, Catalog, token};

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_is_for_its_roles_only() {
    let catalog = Catalog::start().await;
    let guarded = block_in_place(|| {
        ask_as_everybody(&CONTRACT, "1", token, |ask| {
            let method = ask.method.parse().unwrap();
            let sent = catalog.send(method, ask.path, ask.token, ask.body);
            Handle::current().block_on(sent)
        })
    });
    assert_eq!(guarded, 13);
}

#[test]
fn the_document_is_whole() {
    CONTRACT.assert_whole(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/problems"));
}
