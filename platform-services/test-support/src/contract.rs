use jsonschema::Draft;
use serde_json::{Value, json};

use crate::Answer;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// What every server has beside its document.
const BESIDE: [&str; 5] = ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"];

/// An OpenAPI document.
#[derive(Debug)]
pub struct Contract {
    document: Value,
}

/// An operation of it.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'a> {
    /// In small letters.
    pub method: &'a str,
    /// With its parameters in braces.
    pub path: &'a str,
    /// What the document says of it.
    pub says: &'a Value,
}

impl Operation<'_> {
    /// Who may ask for it; nobody in particular where it is empty.
    #[must_use]
    #[track_caller]
    pub fn roles(&self) -> Vec<&str> {
        let Some(roles) = self.says["x-roles"].as_array() else {
            panic!("{} {} has no x-roles", self.method, self.path);
        };
        roles.iter().filter_map(Value::as_str).collect()
    }
}

impl Contract {
    /// Of the document's text.
    #[must_use]
    pub fn new(document: &str) -> Self {
        let document = serde_json::from_str(document).expect("a JSON document");
        Self { document }
    }

    /// All of it.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Every operation.
    pub fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        let paths = self.document["paths"].as_object().expect("paths");
        paths.iter().flat_map(|(path, item)| {
            METHODS.into_iter().filter_map(move |method| {
                let says = item.get(method)?;
                Some(Operation { method, path, says })
            })
        })
    }

    /// Everything that is wrong with `value` by a schema of the document.
    #[must_use]
    pub fn errors(&self, schema: &Value, value: &Value) -> Vec<String> {
        let whole = json!({"components": self.document["components"], "allOf": [schema]});
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true)
            .build(&whole)
            .unwrap();
        validator
            .iter_errors(value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }

    /// Panics when the document does not promise this answer.
    #[track_caller]
    pub fn check(&self, method: &str, path: &str, answer: &Answer) {
        let what = format!("{method} {path} -> {} {}", answer.status, answer.text);
        assert!(answer.header("x-request-id").is_some(), "{what}");
        let path = path.split('?').next().unwrap_or_default();
        let Some(operation) = self.operation(&method.to_ascii_lowercase(), path) else {
            let unknown = ["NOT_FOUND", "METHOD_NOT_ALLOWED"].contains(&answer.code());
            assert!(unknown || BESIDE.contains(&path), "undocumented: {what}");
            return;
        };
        let response = &operation.says["responses"][answer.status.to_string()];
        assert!(response.is_object(), "an undocumented status: {what}");
        if let Some(codes) = response["x-codes"].as_array() {
            let known = codes.contains(&json!(answer.code()));
            assert!(known, "an undocumented code: {what}");
        }
        let replayed = answer.header("idempotent-replayed").is_some();
        let promised = &response["headers"];
        assert!(
            !replayed || promised["Idempotent-Replayed"].is_object(),
            "{what}"
        );
        for (name, header) in promised.as_object().into_iter().flatten() {
            let there = answer.header(name).is_some();
            assert!(there || header["required"] != true, "no {name}: {what}");
        }
        let Some(content) = response["content"].as_object() else {
            assert_eq!(answer.text, "", "{what}");
            return;
        };
        let kind = answer.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default();
        let Some(described) = content.get(kind) else {
            panic!("an undocumented type {kind:?}: {what}");
        };
        if kind.ends_with("json") {
            let found = self.errors(&described["schema"], &answer.body);
            assert!(found.is_empty(), "{found:#?} in {what}");
        }
    }

    /// The operation that a method and a path name. A path without parameters wins.
    fn operation(&self, method: &str, path: &str) -> Option<Operation<'_>> {
        let parts: Vec<&str> = path.split('/').collect();
        let fits = |template: &str| {
            let template: Vec<&str> = template.split('/').collect();
            template.len() == parts.len()
                && template
                    .iter()
                    .zip(&parts)
                    .all(|(known, part)| known.starts_with('{') || known == part)
        };
        self.operations()
            .filter(|known| known.method == method && fits(known.path))
            .min_by_key(|known| known.path.matches('{').count())
    }

    /// Panics unless every operation has its roles, every example is what it is an example of, and
    /// every code has a page in the folder `pages`.
    #[track_caller]
    pub fn assert_whole(&self, pages: &str) {
        for operation in self.operations() {
            let name = format!("{} {}", operation.method, operation.path);
            for role in operation.roles() {
                let known = ["CUSTOMER", "SERVICE", "ADMIN"].contains(&role);
                assert!(known, "{name}: {role}");
            }
            self.assert_examples(&name, &operation.says["requestBody"]["content"]);
            let responses = operation.says["responses"].as_object();
            for (status, response) in responses.into_iter().flatten() {
                self.assert_examples(&format!("{name} {status}"), &response["content"]);
                for code in response["x-codes"].as_array().into_iter().flatten() {
                    let code = code.as_str().unwrap_or_default();
                    let slug = code.to_ascii_lowercase().replace('_', "-");
                    let page = format!("{pages}/{slug}.md");
                    assert!(std::path::Path::new(&page).exists(), "{name}: no {page}");
                }
            }
        }
    }

    #[track_caller]
    fn assert_examples(&self, name: &str, content: &Value) {
        for (kind, content) in content.as_object().into_iter().flatten() {
            let named = content["examples"].as_object().into_iter().flatten();
            let named = named.map(|(_, example)| &example["value"]);
            for example in content.get("example").into_iter().chain(named) {
                let found = self.errors(&content["schema"], example);
                assert!(found.is_empty(), "{name} {kind}: {found:#?}");
            }
        }
    }
}
