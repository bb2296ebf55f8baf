//! What a scenario is, and what a run of it seeds: its JSON block with one of its profiles laid over it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::cli::RunOptions;

/// What must run for a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Needs {
    /// inventory-server with its stores.
    Inventory,
    /// All services.
    Shop,
}

/// What a run seeds and expects. k6 reads the same file.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// One line for people.
    pub about: String,
    /// What must run.
    pub needs: Needs,
    /// How many SKUs are made.
    pub skus: usize,
    /// Units of each.
    pub units: u64,
    /// The purchase limit of each.
    pub max_per_customer: Option<u32>,
    /// How long a hold lives, where the script says it.
    pub ttl_seconds: Option<u64>,
    /// Holds may stay open when the script has ended; else all end, by the clients or by the clock.
    #[serde(default)]
    pub open_at_end: bool,
    /// Seconds of load.
    pub duration_seconds: u64,
}

impl Plan {
    /// Reads `<scenario>.json` in the folder of the scripts.
    ///
    /// # Errors
    /// There is no such scenario or profile, or its file is not understood.
    pub fn read(options: &RunOptions) -> Result<Self, String> {
        let name = &options.scenario;
        let path = options.scripts.join(format!("{name}.json"));
        let text = fs::read_to_string(&path).map_err(|error| {
            let known = names(&options.scripts).join(", ");
            format!(
                "there is no scenario {name} ({}: {error}); there are: {known}",
                path.display()
            )
        })?;
        let mut plan = Self::parse(&text, options.profile.name())
            .map_err(|error| format!("{}: {error}", path.display()))?;
        plan.units = options.units.unwrap_or(plan.units);
        plan.duration_seconds = options.duration.unwrap_or(plan.duration_seconds);
        Ok(plan)
    }

    fn parse(text: &str, profile: &str) -> Result<Self, String> {
        let mut block: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| error.to_string())?;
        let profiles = block.remove("profiles").unwrap_or_default();
        let own = profiles
            .get(profile)
            .and_then(Value::as_object)
            .ok_or_else(|| format!("it has no profile {profile}"))?;
        block.extend(own.clone());
        serde_json::from_value(Value::Object(block)).map_err(|error| error.to_string())
    }

    /// Units of all SKUs together.
    #[must_use]
    pub fn all_units(&self) -> i64 {
        let skus = i64::try_from(self.skus).unwrap_or(i64::MAX);
        i64::try_from(self.units)
            .unwrap_or(i64::MAX)
            .saturating_mul(skus)
    }
}

/// The names of all scenarios in a folder.
#[must_use]
pub fn names(scripts: &Path) -> Vec<String> {
    let entries = fs::read_dir(scripts).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let jsons = paths.filter(|path| path.extension().is_some_and(|it| it == "json"));
    let stem = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut names: Vec<String> = jsons.filter_map(stem).collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"about": "x", "needs": "inventory", "skus": 2, "units": 10, "maxPerCustomer": null,
        "ttlSeconds": 30, "openAtEnd": false, "profiles": {
          "smoke": {"rate": 3, "durationSeconds": 10, "units": 4, "ttlSeconds": 6},
          "baseline": {"rate": 3, "durationSeconds": 60}}}"#;

    #[test]
    fn a_profile_overrides_what_all_have() {
        let smoke = Plan::parse(TEXT, "smoke").unwrap();
        assert_eq!(
            (smoke.units, smoke.ttl_seconds, smoke.all_units()),
            (4, Some(6), 8)
        );
        let baseline = Plan::parse(TEXT, "baseline").unwrap();
        assert_eq!((baseline.units, baseline.ttl_seconds), (10, Some(30)));
        assert!(
            Plan::parse(TEXT, "soak")
                .unwrap_err()
                .contains("no profile soak")
        );
    }

    #[test]
    fn every_scenario_here_is_understood_in_every_profile() {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("k6");
        let names = names(&scripts);
        assert!(names.contains(&"flash-sale".to_owned()), "{names:?}");
        for name in names {
            let text = fs::read_to_string(scripts.join(format!("{name}.json"))).unwrap();
            for profile in ["smoke", "baseline", "stress", "breakpoint", "soak"] {
                let plan =
                    Plan::parse(&text, profile).unwrap_or_else(|error| panic!("{name}: {error}"));
                if profile == "smoke" {
                    assert_eq!(plan.duration_seconds, 10, "{name}");
                }
            }
            assert!(scripts.join(format!("{name}.js")).is_file(), "{name}");
        }
    }

    /// The table of rates in README.md, row by row, is what the files say.
    #[test]
    fn the_rates_in_the_readme_are_those_of_the_files() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let readme = fs::read_to_string(here.join("README.md")).unwrap();
        for name in names(&here.join("k6")) {
            let text = fs::read_to_string(here.join(format!("k6/{name}.json"))).unwrap();
            let file: Value = serde_json::from_str(&text).unwrap();
            let cells = ["smoke", "baseline", "stress", "breakpoint", "soak"].map(|profile| {
                let profile = &file["profiles"][profile];
                let rate = thousands(profile["rate"].as_u64().unwrap());
                let lasts = lasts(profile["durationSeconds"].as_u64().unwrap());
                format!("{rate}/s, {lasts}")
            });
            let row = format!("| `{name}` | {} |", cells.join(" | "));
            assert!(readme.contains(&row), "README.md should have:\n{row}");
        }
    }

    fn thousands(number: u64) -> String {
        match (number / 1_000, number % 1_000) {
            (0, rest) => rest.to_string(),
            (some, rest) => format!("{some},{rest:03}"),
        }
    }

    fn lasts(seconds: u64) -> String {
        match seconds {
            3_600 => "1 h".to_owned(),
            more if more > 60 && more % 60 == 0 => format!("{} min", more / 60),
            few => format!("{few} s"),
        }
    }
}
