//! Overlays that somebody may write: production, with components that no overlay of ours takes.

use std::{fs, path::Path, process::Command, sync::LazyLock};

use manifests::root;
use serde_json::Value;
use tempfile::TempDir;

use super::{kustomize, output, yaml};

/// What an overlay has to say for each component.
pub(crate) const EXTERNAL_REDIS: Component = Component {
    name: "external-redis",
    settings: &[
        ("redis-address", "redis.example.com:6380"),
        ("redis-network", "10.20.0.0/24"),
    ],
};
pub(crate) const EXTERNAL_MARIADB: Component = Component {
    name: "external-mariadb",
    settings: &[
        ("mariadb-address", "mariadb.example.com:3307"),
        ("mariadb-network", "10.20.1.0/24"),
    ],
};
pub(crate) const TRACING: Component = Component {
    name: "tracing",
    settings: &[
        ("traces-url", "http://collector.telemetry.svc:4319"),
        ("traces-share", "0.01"),
    ],
};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Component {
    pub(crate) name: &'static str,
    pub(crate) settings: &'static [(&'static str, &'static str)],
}

pub(crate) struct Variant {
    pub(crate) name: &'static str,
    pub(crate) resources: Vec<Value>,
}

/// Each component by itself, and all of them together.
pub(crate) static VARIANTS: LazyLock<[Variant; 4]> = LazyLock::new(|| {
    let of = |name, overlay, components: &[Component]| {
        let folder = Overlay::new(overlay, components, |_| true);
        let resources = yaml(&output(&mut folder.render()));
        Variant { name, resources }
    };
    let all = [EXTERNAL_REDIS, EXTERNAL_MARIADB, TRACING];
    [
        of("prod+external-redis", "prod", &[EXTERNAL_REDIS]),
        of("prod+external-mariadb", "prod", &[EXTERNAL_MARIADB]),
        of("prod+tracing", "prod", &[TRACING]),
        of("prod-debezium+all", "prod-debezium", &all),
    ]
});

pub(crate) fn variant(name: &str) -> &'static [Value] {
    let found = VARIANTS.iter().find(|variant| variant.name == name);
    &found.unwrap().resources
}

/// A folder with a kustomization.
pub(crate) struct Overlay(TempDir);

impl Overlay {
    /// On top of another, with components, and with those of their settings that are kept.
    pub(crate) fn new(below: &str, components: &[Component], keep: impl Fn(&str) -> bool) -> Self {
        let mut text = format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: shop\n\
             resources: [../{below}]\ncomponents:\n"
        );
        for component in components {
            text.push_str(&format!("  - ../../components/{}\n", component.name));
        }
        text.push_str(
            "configMapGenerator:\n  - name: shop\n    behavior: merge\n    literals:\n      - log-level=info\n",
        );
        let settings = components.iter().flat_map(|component| component.settings);
        for (key, value) in settings.filter(|(key, _)| keep(key)) {
            text.push_str(&format!("      - {key}={value}\n"));
        }
        Self::of(&text)
    }

    /// With paths as they are in a folder of `k8s/overlays`.
    pub(crate) fn of(text: &str) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let here = folder.path().canonicalize().unwrap();
        // kustomize takes no absolute path.
        let up = "../".repeat(here.components().count() - 1);
        let root = root().canonicalize().unwrap();
        let k8s = root.strip_prefix("/").unwrap().join("k8s");
        let k8s = format!("{up}{}", k8s.display());
        let text = text
            .replace("../../components/", &format!("{k8s}/components/"))
            .replace("[../", &format!("[{k8s}/overlays/"));
        fs::write(folder.path().join("kustomization.yaml"), text).unwrap();
        Self(folder)
    }

    pub(crate) fn render(&self) -> Command {
        let folder: &Path = self.0.path();
        kustomize(folder)
    }
}
