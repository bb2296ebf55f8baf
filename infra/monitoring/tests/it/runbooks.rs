use std::{collections::BTreeSet, fs};

use monitoring::{page, repository, rules, typed};

use crate::{markdown::Document, support::prometheus};

fn alerts() -> BTreeSet<String> {
    let rules = rules::all(&prometheus()).unwrap();
    let alerts = rules.into_iter().filter(|rule| rule.alert.is_some());
    alerts.map(|rule| rule.name).collect()
}

#[test]
fn every_alert_names_the_page_of_its_name() {
    for rule in rules::all(&prometheus()).unwrap() {
        if let Some(alert) = &rule.alert {
            assert_eq!(alert.runbook, page(&rule.name), "{rule:?}");
        }
    }
}

/// What a page has to say, in this order.
const PARTS: [&str; 4] = ["What it means", "Look", "Do", "Do not"];

#[test]
fn a_page_says_what_it_means_where_to_look_what_to_do_and_what_not() {
    let alerts = alerts();
    assert!(alerts.len() > 20, "{alerts:?}");
    for alert in alerts {
        let path = page(&alert);
        assert!(repository(&path).exists(), "no {path}");
    }
    let mut seen = 0;
    for page in typed::pages().unwrap() {
        if page.name == "README.md" {
            continue;
        }
        let name = &page.name;
        let document = Document::parse(&page.text);
        let parts = document.sections.iter().filter(|part| part.level == 2);
        let titles: Vec<&str> = parts.map(|part| part.title.as_str()).collect();
        assert!(titles.starts_with(&PARTS), "{name}: {titles:?}");
        for part in document.sections.iter().filter(|part| part.level == 2) {
            let is_empty = part.prose().trim().is_empty() && part.spans().is_empty();
            assert!(!is_empty, "{name} says nothing under {:?}", part.title);
        }
        assert!(!page.blocks().is_empty(), "{name} has nothing to type");
        let links = document.links();
        let place = "README.md#where-to-type";
        assert!(links.iter().any(|link| link == place), "{name}: {place}");
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn the_index_leads_from_each_alert_to_its_page_and_leaves_out_none() {
    let folder = repository("docs/runbooks");
    let index = fs::read_to_string(folder.join("README.md")).unwrap();
    for alert in alerts() {
        let file = page(&alert).replace("docs/runbooks/", "");
        let row = format!("| `{alert}` | [{}]({file}) |", file.trim_end_matches(".md"));
        assert!(index.contains(&row), "no row: {row}");
    }
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            name == "README.md" || index.contains(&format!("({name})")),
            "{name} is not in the index"
        );
    }
}

#[test]
fn pages_lead_to_pages_that_exist() {
    let folder = repository("docs/runbooks");
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            if target.starts_with("http") {
                continue;
            }
            let file = target.split('#').next().unwrap();
            assert!(
                folder.join(file).exists(),
                "{} leads to {target}",
                path.display()
            );
        }
    }
}
