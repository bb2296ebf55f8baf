//! The Secrets that pods refer to: as make-secrets.sh draws them.

use std::{collections::BTreeMap, process::Command, sync::LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use manifests::root;
use serde_json::Value;

use super::{name, output, yaml};

/// Documents as they are printed.
pub(crate) static DOCUMENTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let mut draw = Command::new("bash");
    draw.arg("k8s/make-secrets.sh").current_dir(root());
    yaml(&output(&mut draw))
});

/// Values by the name of the Secret and the key in it.
pub(crate) static DRAWN: LazyLock<BTreeMap<(String, String), String>> = LazyLock::new(|| {
    let mut values = BTreeMap::new();
    for document in DOCUMENTS.iter() {
        for (key, value) in document["data"].as_object().unwrap() {
            let bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
            let value = String::from_utf8(bytes).unwrap();
            values.insert((name(document).to_owned(), key.clone()), value);
        }
    }
    values
});

/// Made by hand when they are wanted: the first administrator, the certificate, the login to a registry.
pub(crate) const BY_HAND: [&str; 3] = ["first-admin", "shop-tls", "registry"];

pub(crate) fn value(secret: &str, key: &str) -> String {
    let drawn = DRAWN.get(&(secret.to_owned(), key.to_owned()));
    match drawn {
        Some(value) => value.clone(),
        None if secret == "first-admin" => "somebody@example.com".to_owned(),
        None => panic!("make-secrets.sh draws no {secret}/{key}"),
    }
}
