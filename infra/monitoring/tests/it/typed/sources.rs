//! Files of the repository.

use std::{
    fs,
    path::{Path, PathBuf},
};

use monitoring::repository;

/// The crates that keep something in MariaDB, and what their database is called.
pub(super) const DATABASES: [(&str, &str); 6] = [
    ("inventory", "sync-worker"),
    ("shop_auth", "platform-services/auth-service"),
    ("shop_user", "platform-services/user-service"),
    ("shop_catalog", "platform-services/catalog-service"),
    ("shop_order", "platform-services/order-service"),
    ("shop_payment", "platform-services/payment-service"),
];

pub(super) fn read(path: &str) -> String {
    let path = repository(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// The files below a folder whose names end so.
pub(super) fn below(folder: &str, ending: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![repository(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if is_named(&path, ending) {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "{folder}");
    found
}

fn is_named(path: &Path, ending: &str) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.ends_with(ending))
}

/// All migrations of a crate, one text.
pub(super) fn migrations(crate_folder: &str) -> String {
    let files = below(&format!("{crate_folder}/migrations"), ".sql");
    let texts: Vec<String> = files.into_iter().map(|(_, text)| text).collect();
    texts.join("\n")
}

/// The words of a text: letters, digits, `_`, and what `also` says.
pub(super) fn words<'a>(text: &'a str, also: &'static [char]) -> impl Iterator<Item = &'a str> {
    let is_part = move |letter: char| {
        letter.is_ascii_alphanumeric() || letter == '_' || also.contains(&letter)
    };
    text.split(move |letter| !is_part(letter))
        .filter(|word| !word.is_empty())
}
