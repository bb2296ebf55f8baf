//! The page of one run.

use super::{
    html::{document, escape, section},
    sections,
};
use crate::result::RunResult;

pub(super) fn page(result: &RunResult) -> String {
    let mut body = format!(
        "<header>\n<h1>{} <small>{}</small></h1>\n<p class=\"when\">{}, revision {}</p>\n</header>\n",
        escape(&result.scenario),
        escape(&result.profile),
        escape(&result.started_at),
        escape(&result.revision)
    );
    body.push_str(&sections::verdict(result));
    body.push_str(&sections::key_figures(result));
    body.push_str(&section("Verification", &sections::verification(result)));
    body.push_str(&section("Over time", &sections::charts(result)));
    let parts = [
        ("Refusals", sections::refusals(result)),
        ("Counters", sections::counters(result)),
        ("Thresholds", sections::thresholds(result)),
        ("Surroundings", sections::environment(result)),
    ];
    body.push_str("<div class=\"columns\">\n");
    for (heading, part) in parts {
        body.push_str(&section(heading, &part));
    }
    body.push_str("</div>\n");
    document(&format!("{} {}", result.scenario, result.profile), &body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{report::sample, result::RunResult};

    fn headings(html: &str) -> Vec<&str> {
        let parts = html.split("<h2>").skip(1);
        parts
            .filter_map(|part| part.split("</h2>").next())
            .collect()
    }

    #[test]
    fn a_page_has_all_parts_in_order_and_asks_for_nothing_else() {
        let html = page(&sample::run());
        assert_eq!(
            headings(&html),
            [
                "Verification",
                "Over time",
                "Refusals",
                "Counters",
                "Thresholds",
                "Surroundings"
            ]
        );
        let charts = [
            "throughput-title",
            "latency-title",
            "stock-title",
            "lag-title",
            "memory-title",
        ];
        for chart in charts {
            assert!(html.contains(&format!("id=\"{chart}\"")), "no {chart}");
        }
        for outside in [
            "http://", "https://", "src=", "href=", "@import", "url(", "<script",
        ] {
            assert!(!html.contains(outside), "{outside} in the page");
        }
        assert!(html.contains("Redis, the journal, MariaDB and Kafka have exactly that"));
        assert!(html.contains("sku-&lt;1&gt;") && !html.contains("sku-<1>"));
        let opened = |tag: &str| html.matches(&format!("<{tag}")).count();
        for tag in ["section", "figure", "table", "details", "dl", "svg"] {
            let closed = html.matches(&format!("</{tag}>")).count();
            assert_eq!(opened(tag), closed, "{tag}");
        }
    }

    #[test]
    fn a_difference_is_seen_at_the_top_and_in_its_column() {
        let mut result = sample::run();
        result.ok = false;
        result.failures = vec!["MariaDB has 447 units, the clients counted 448".to_owned()];
        result.verification.ok = false;
        result.verification.mariadb = Some(447);
        result.verification.kafka = None;
        result.thresholds[0].ok = false;
        let html = page(&result);
        assert!(html.contains("class=\"verdict failed\""));
        assert!(html.contains("\u{2717} \u{2212}1") && html.contains("not asked"));
        assert!(html.contains("\u{2717} crossed: p(99)&lt;50"));
    }

    #[test]
    fn a_crossed_threshold_is_no_difference() {
        let mut result = sample::run();
        result.ok = false;
        result.failures = vec!["threshold crossed: p(99)<50".to_owned()];
        result.thresholds[0].ok = false;
        let html = page(&result);
        assert!(html.contains("class=\"verdict slow\"") && html.contains("have exactly that"));
    }

    #[test]
    fn a_run_without_anything_is_a_page_still() {
        let mut result: RunResult = sample::run();
        result.series.clear();
        result.refused.clear();
        result.thresholds.clear();
        result.counters.clear();
        result.verification.redis = None;
        result.verification.journal = None;
        result.verification.mariadb = None;
        result.verification.kafka = None;
        let html = page(&result);
        assert_eq!(headings(&html), ["Verification", "Surroundings"]);
        assert!(html.contains("No store was asked"));
        assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
    }
}
