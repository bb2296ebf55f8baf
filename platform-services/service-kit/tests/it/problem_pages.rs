//! Every code that the kit answers with has a page.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// All Rust files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "rs");
    let below = folders.iter().flat_map(|folder| sources(folder));
    below.chain(files.into_iter().filter(is_rust)).collect()
}

/// A code follows the status that it is answered with: `StatusCode::CONFLICT, "TAKEN",`.
fn codes(text: &str) -> BTreeSet<String> {
    let statuses = text.split("StatusCode::").skip(1);
    let code = |rest: &str| {
        let (_, rest) = rest.split_once(',')?;
        let (code, _) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
        let is_code = code
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        is_code.then(|| code.to_owned())
    };
    statuses.filter_map(code).collect()
}

#[test]
fn every_code_has_a_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let texts = sources(&root.join("src"))
        .into_iter()
        .map(fs::read_to_string);
    let codes: BTreeSet<String> = texts.flat_map(|text| codes(&text.unwrap())).collect();
    for known in ["INVALID_REQUEST", "UNAUTHENTICATED", "OUTCOME_UNKNOWN"] {
        assert!(codes.contains(known), "{codes:?}");
    }
    for code in codes {
        let slug = code.to_ascii_lowercase().replace('_', "-");
        let page = root.join(format!("../../docs/problems/{slug}.md"));
        let text = fs::read_to_string(&page)
            .unwrap_or_else(|error| panic!("{code} has no page {}: {error}", page.display()));
        assert!(
            text.starts_with(&format!("# {code}\n")),
            "{}",
            page.display()
        );
        assert!(
            text.contains(&format!("\"code\":\"{code}\"")),
            "{}",
            page.display()
        );
    }
}
