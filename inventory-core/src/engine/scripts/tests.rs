//! The headers of the scripts say what the scripts do: here they are held to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use super::*;
use crate::limits;

const SECTIONS: [&str; 6] = ["USES", "KEYS", "ARGV", "RETURNS", "WRITES", "COST"];

/// A script's source, taken apart.
struct Source {
    name: &'static str,
    shebang: &'static str,
    sentence: String,
    sections: BTreeMap<&'static str, String>,
    body: &'static str,
}

fn sources() -> Vec<Source> {
    SOURCES
        .iter()
        .map(|&(name, text)| take_apart(name, text))
        .collect()
}

fn take_apart(name: &'static str, text: &'static str) -> Source {
    let (shebang, rest) = text.split_once('\n').unwrap();
    let header = rest.strip_prefix("--[[\n");
    let header = header.unwrap_or_else(|| panic!("{name}: no header"));
    let (header, body) = header.split_once("\n]]\n").unwrap();
    let mut sentence = String::new();
    let mut sections: BTreeMap<&str, String> = BTreeMap::new();
    let mut waiting = SECTIONS.iter().peekable();
    let mut current = None;
    for line in header.lines() {
        let word = line.split(' ').next().unwrap_or_default();
        if SECTIONS.contains(&word) {
            assert_eq!(Some(&word), waiting.next(), "{name}: order of sections");
            current = Some(word);
        }
        let text = match current {
            Some(section) => sections.entry(section).or_default(),
            None => &mut sentence,
        };
        text.push_str(line);
        text.push('\n');
    }
    assert_eq!(waiting.peek(), None, "{name}: a section is missing");
    Source {
        name,
        shebang,
        sentence,
        sections,
        body,
    }
}

/// `1` for each `[1]` that follows `before`; a dynamic `[4..]` or `[n]` is left out.
fn indexes(text: &str, before: &str) -> BTreeSet<u32> {
    let before = format!("{before}[");
    text.split(&before)
        .skip(1)
        .filter_map(|rest| rest.split_once(']')?.0.parse().ok())
        .collect()
}

/// The letters of a record's states stand together in quotes too.
const STATES: &str = "RCLXPT";

fn is_code(word: &str) -> bool {
    word.len() > 1 && word != STATES && word.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

/// Codes of a RETURNS section: in its braces, and where a line begins.
fn declared(returns: &str) -> BTreeSet<&str> {
    let braces = returns.split_once('{').and_then(|(_, r)| r.split_once('}'));
    let in_braces = braces.map_or("", |(inside, _)| inside).split(", ");
    let first_words = returns
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next());
    in_braces
        .chain(first_words)
        .filter(|w| is_code(w))
        .collect()
}

/// The body without its calls of Redis, whose arguments are no codes.
fn without_calls(body: &str) -> String {
    let mut text = body.to_owned();
    for call in ["redis.call(", "redis.pcall("] {
        while let Some(start) = text.find(call) {
            let mut depth = 0_usize;
            let end = text[start..].char_indices().find_map(|(at, c)| {
                match c {
                    '(' => depth = depth.saturating_add(1),
                    ')' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                (c == ')' && depth == 0).then_some(at)
            });
            text.replace_range(start..=start.checked_add(end.unwrap()).unwrap(), "");
        }
    }
    text
}

/// Codes that a body answers, not those that it compares with.
fn answered(body: &str) -> BTreeSet<String> {
    let text = without_calls(body);
    let parts: Vec<&str> = text.split('\'').collect();
    parts
        .windows(2)
        .filter(|pair| !pair[0].ends_with("== ") && !pair[0].ends_with("~= "))
        .map(|pair| pair[1].to_owned())
        .filter(|word| is_code(word))
        .collect()
}

fn lua_folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../lua"))
}

fn files_in(folder: &str) -> BTreeSet<String> {
    let files = fs::read_dir(lua_folder().join(folder)).unwrap();
    files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".lua").map(str::to_owned))
        .collect()
}

/// The numbers that Lua files give a constant.
fn constant(name: &str) -> BTreeSet<u64> {
    let pattern = format!("local {name} = ");
    let texts = SOURCES.iter().chain(LIBRARY).map(|(_, text)| text);
    texts
        .flat_map(|text| text.lines())
        .filter_map(|line| line.trim_start().strip_prefix(&pattern))
        .map(|number| number.parse().unwrap())
        .collect()
}

#[test]
fn every_script_is_assembled_with_its_library() {
    for script in Scripts::assemble().all() {
        assert!(script.text.starts_with("#!lua"), "{}", script.name);
        assert!(
            !script.text.contains("--[["),
            "{}: the header is left out",
            script.name
        );
    }
}

#[test]
fn every_file_is_registered_and_every_library_file_is_used() {
    let registered = SOURCES.iter().map(|(name, _)| (*name).to_owned());
    assert_eq!(files_in(""), registered.collect());
    let known = LIBRARY.iter().map(|(name, _)| (*name).to_owned());
    assert_eq!(files_in("lib"), known.collect());
    let used: BTreeSet<_> = SOURCES
        .iter()
        .flat_map(|(_, text)| uses(text))
        .map(str::to_owned)
        .collect();
    assert_eq!(files_in("lib"), used);
}

#[test]
fn libraries_stand_in_one_order() {
    let place = |name: &str| LIBRARY.iter().position(|(known, _)| *known == name);
    for (name, text) in SOURCES {
        let places: Vec<_> = uses(text).map(place).collect();
        assert!(places.is_sorted() && !places.contains(&None), "{name}");
    }
}

#[test]
fn every_header_begins_with_its_name_and_a_sentence() {
    for source in sources() {
        let begins = format!("{}: ", source.name);
        assert!(source.sentence.starts_with(&begins), "{}", source.name);
        assert!(source.sentence.trim_end().ends_with('.'), "{}", source.name);
    }
}

#[test]
fn headers_name_exactly_the_keys_and_arguments_that_are_read() {
    for source in sources() {
        for section in ["KEYS", "ARGV"] {
            let named = indexes(&source.sections[section], "");
            let read = indexes(source.body, section);
            assert_eq!(named, read, "{} {section}", source.name);
            let count = u32::try_from(named.len()).unwrap();
            assert_eq!(named, (1..=count).collect(), "{} {section}", source.name);
        }
        let first = source.sections["KEYS"].lines().nth(1).unwrap();
        assert!(first.ends_with("inv:{s}:meta"), "{}: {first}", source.name);
    }
}

#[test]
fn headers_name_exactly_the_codes_that_are_answered() {
    for source in sources() {
        let name = source.name;
        let declared = declared(&source.sections["RETURNS"]);
        let mut answered = answered(source.body);
        if source.body.contains("return fenced") {
            answered.insert("FENCED".to_owned());
        }
        // What loaded() says is passed on.
        if source.body.contains("finish(code") || source.body.contains("{code, -1, now, unpack") {
            answered.extend(["UNKNOWN_SKU", "STORE_CORRUPT"].map(str::to_owned));
        }
        let answered: BTreeSet<&str> = answered.iter().map(String::as_str).collect();
        assert_eq!(declared, answered, "{name}");
    }
}

#[test]
fn flags_say_what_memory_and_writes_a_script_may_have() {
    let reads = [
        "reservation",
        "stock",
        "list",
        "status",
        "survey",
        "cut",
        "cut_hash",
    ];
    let takes_memory = ["reserve", "adjust", "count"];
    for source in sources() {
        let flags = match source.name {
            name if reads.contains(&name) => " flags=no-writes",
            name if takes_memory.contains(&name) => "",
            _ => " flags=allow-oom",
        };
        assert_eq!(source.shebang, format!("#!lua{flags}"), "{}", source.name);
    }
}

#[test]
fn whoever_writes_is_admitted_before_the_first_write() {
    for source in sources() {
        let by_epoch = ![
            "bless", "restore", "detach", "stock", "list", "status", "survey", "cut", "cut_hash",
        ]
        .contains(&source.name);
        let admitted = source.body.find("local fenced = admit(meta_key, epoch)");
        assert_eq!(admitted.is_some(), by_epoch, "{}", source.name);
        let called = source.body.find("redis.call(");
        if let (Some(admitted), Some(called)) = (admitted, called) {
            assert!(admitted < called, "{}", source.name);
        }
    }
}

#[test]
fn no_script_walks_the_keyspace() {
    for (name, text) in SOURCES.iter().chain(LIBRARY) {
        for command in [
            "KEYS",
            "SCAN",
            "HSCAN",
            "SSCAN",
            "ZSCAN",
            "RANDOMKEY",
            "DBSIZE",
        ] {
            // A page of one hash, bounded by its COUNT.
            let is_page = *name == "cut_hash" && command == "HSCAN";
            let walks = text.contains(&format!("'{command}'"));
            assert_eq!(walks, is_page, "{name}: {command}");
        }
    }
}

#[test]
fn constants_are_the_limits_of_the_crate() {
    let number = |limit: usize| BTreeSet::from([u64::try_from(limit).unwrap()]);
    assert_eq!(constant("REAP_MAX"), number(limits::REAP_MAX));
    let lines = number(limits::REAP_LINES_MAX);
    assert_eq!(constant("REAP_LINES_MAX"), lines);
    assert_eq!(constant("RETURNS_MAX"), number(limits::RETURNS_MAX));
    assert_eq!(constant("STOCK_MAX"), BTreeSet::from([limits::STOCK_MAX]));
    let slices = BTreeSet::from([limits::LIMIT_WINDOW_SLICES]);
    assert_eq!(constant("WINDOW_SLICES"), slices);
}

#[test]
fn the_readme_names_every_script_and_library_file() {
    let readme = fs::read_to_string(lua_folder().join("README.md")).unwrap();
    for (name, _) in SOURCES {
        assert!(readme.contains(&format!("`{name}.lua`")), "{name}.lua");
    }
    for (name, _) in LIBRARY {
        assert!(
            readme.contains(&format!("`lib/{name}.lua`")),
            "lib/{name}.lua"
        );
    }
    for source in sources() {
        for code in declared(&source.sections["RETURNS"]) {
            assert!(readme.contains(&format!("`{code}`")), "{code}");
        }
    }
}
