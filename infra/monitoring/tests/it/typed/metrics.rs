//! A figure that a page names is registered somewhere, or recorded by a rule.

use std::collections::BTreeSet;

use monitoring::typed::{self, Page, Typed};

use super::sources::{DATABASES, below, migrations, words};

/// What the names of a process begin with, its port, and its sources.
const PROCESSES: [(&str, u16, &str); 7] = [
    ("user", 8081, "platform-services/user-service"),
    ("inventory", 8083, "inventory-server"),
    ("catalog", 8084, "platform-services/catalog-service"),
    ("order", 8085, "platform-services/order-service"),
    ("payment", 8087, "platform-services/payment-service"),
    ("auth", 8089, "platform-services/auth-service"),
    ("sync_worker", 8090, "sync-worker"),
];

/// What several processes register.
const SHARED: [&str; 3] = [
    "platform-services/service-kit",
    "platform-services/tls",
    "platform-services/process-metrics",
];

/// Behind these a source names what it registers.
const REGISTERS: [&str; 5] = [
    "register(",
    "register_with_unit(",
    "encode_descriptor(",
    "counter(",
    "gauge(",
];

/// What a registry adds.
const UNITS: [&str; 3] = ["", "_seconds", "_bytes"];
const KINDS: [&str; 6] = ["", "_total", "_sum", "_count", "_bucket", "_info"];

fn registered(folder: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (_, text) in below(&format!("{folder}/src"), ".rs") {
        for register in REGISTERS {
            for rest in text.split(register).skip(1) {
                let rest = rest.trim_start().strip_prefix('"');
                let name = rest.and_then(|rest| rest.split('"').next());
                names.extend(name.map(str::to_owned));
            }
        }
    }
    names
}

/// The full names of each process's figures.
fn known() -> Vec<(&'static str, u16, BTreeSet<String>)> {
    let shared: BTreeSet<String> = SHARED
        .iter()
        .flat_map(|folder| registered(folder))
        .collect();
    assert!(shared.len() > 20, "{shared:?}");
    let all = PROCESSES.map(|(prefix, port, folder)| {
        let mut full = BTreeSet::new();
        for name in registered(folder).union(&shared) {
            for unit in UNITS {
                full.extend(KINDS.map(|kind| format!("{prefix}_{name}{unit}{kind}")));
            }
        }
        (prefix, port, full)
    });
    all.into()
}

/// What a page has between backquotes and in blocks, but for patterns.
fn code(page: &Page) -> Vec<String> {
    let blocks = page.blocks().into_iter();
    let lines = blocks.filter(|block| ["sh", "promql"].contains(&&*block.language));
    let lines = lines.flat_map(|block| block.text.lines().map(str::to_owned).collect::<Vec<_>>());
    let lines = lines.filter(|line| !line.contains("grep"));
    lines.chain(page.spans()).collect()
}

#[test]
fn every_figure_that_a_page_names_is_one() {
    let known = known();
    let columns: Vec<String> = DATABASES
        .iter()
        .map(|(_, folder)| migrations(folder))
        .collect();
    let columns: BTreeSet<&str> = columns.iter().flat_map(|text| words(text, &[])).collect();
    let rules = below("infra/prometheus/rules", ".yml");
    let mut seen = 0;
    for page in typed::pages().unwrap() {
        for text in code(&page) {
            for word in words(&text, &[':']) {
                let name = &page.name;
                if word.matches(':').count() > 1 {
                    let record = format!("record: {word}\n");
                    let is_one = rules.iter().any(|(_, text)| text.contains(&record));
                    assert!(is_one, "{name}: no rule records {word}");
                    continue;
                }
                // The names of every service end so.
                if word.starts_with('_') && word.to_lowercase() == word {
                    let ends = known
                        .iter()
                        .any(|(_, _, full)| full.iter().any(|known| known.ends_with(word)));
                    assert!(ends, "{name}: nobody registers …{word}");
                    seen += 1;
                    continue;
                }
                let of = |(prefix, _, full): &(&str, u16, BTreeSet<String>)| {
                    let rest = word.strip_prefix(prefix)?;
                    let is_one = if rest.ends_with('_') {
                        full.iter().any(|known| known.starts_with(word))
                    } else {
                        full.contains(word)
                    };
                    rest.starts_with('_').then_some(is_one)
                };
                let is_one = known.iter().find_map(of);
                if let Some(is_one) = is_one.filter(|_| !columns.contains(word)) {
                    assert!(is_one, "{name}: nobody registers {word}");
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 30, "{seen}");
}

/// `curl … localhost:PORT/metrics | grep -E 'a_(b|c)'`: that process has figures of each of these names.
#[test]
fn every_pattern_finds_a_figure_of_the_process_that_is_asked() {
    let known = known();
    let mut seen = 0;
    let commands = typed::commands().unwrap();
    for two in commands.windows(2) {
        let [asked, Typed { page, words, .. }] = two else {
            continue;
        };
        let url = asked.words.last().filter(|word| word.ends_with("/metrics"));
        let Some(url) = url.filter(|_| words.first().is_some_and(|word| word == "grep")) else {
            continue;
        };
        let place = |port: u16| url.contains(&format!("localhost:{port}/"));
        let process = known.iter().find(|(_, port, _)| place(*port));
        let (_, _, full) = process.unwrap_or_else(|| panic!("{page}: {url} is nobody's"));
        for name in alternatives(words.last().unwrap()) {
            let found = match name.strip_prefix('^') {
                Some(name) => full.iter().any(|known| known.starts_with(name)),
                None => full.iter().any(|known| known.contains(&name)),
            };
            assert!(found, "{page}: {url} has no {name}");
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen}");
}

/// What a pattern stands for, up to where it is no plain text any more.
fn alternatives(pattern: &str) -> Vec<String> {
    let end = pattern
        .find(".*")
        .into_iter()
        .chain(pattern.find('\\'))
        .min();
    let pattern = &pattern[..end.unwrap_or(pattern.len())];
    let mut depth = 0_usize;
    let mut parts = vec![String::new()];
    for letter in pattern.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if letter == '|' && depth == 0 {
            parts.push(String::new());
        } else {
            parts.last_mut().unwrap().push(letter);
        }
    }
    if let [one] = parts.as_slice() {
        let Some((before, rest)) = one.split_once('(') else {
            return parts;
        };
        let mut depth = 1;
        let end = rest.find(|letter: char| {
            depth += i32::from(letter == '(') - i32::from(letter == ')');
            depth == 0
        });
        let (inside, after) = rest.split_at(end.unwrap());
        let inside = alternatives(inside).into_iter();
        return inside
            .flat_map(|part| alternatives(&format!("{before}{part}{}", &after[1..])))
            .collect();
    }
    parts.iter().flat_map(|part| alternatives(part)).collect()
}

#[test]
fn a_pattern_is_taken_apart() {
    for (pattern, expected) in [
        ("a", &["a"][..]),
        ("a_(b|c_(d|e))|f", &["a_b", "a_c_d", "a_c_e", "f"]),
        ("^a.*b", &["^a"]),
        (r#"^a\{b="c""#, &["^a"]),
    ] {
        assert_eq!(alternatives(pattern), expected, "{pattern}");
    }
}
