//! A body's fields, read one by one, so that every fault is found and named.

use serde_json::{Map, Value};

use super::{FieldError, Problem};

/// The fields of a JSON object that a request brought. Fields that nobody asks for are passed over.
///
/// ```
/// use service_kit::http::Form;
///
/// let body = serde_json::json!({"name": " Kim ", "age": "x"});
/// let mut form = Form::new(body.as_object().cloned().unwrap_or_default());
/// let name = form.text("name", |text| Ok(text.trim().to_owned()));
/// let mail = form.text("email", |text| Ok(text.to_owned()));
/// assert_eq!((name.as_str(), mail.as_str()), ("Kim", ""));
/// assert!(form.finish().is_err()); // email is missing
/// ```
#[derive(Debug)]
#[must_use = "faults that nobody asks for are forgotten: call finish"]
pub struct Form {
    fields: Map<String, Value>,
    faults: Vec<FieldError>,
}

impl Form {
    /// Of these fields.
    pub fn new(fields: Map<String, Value>) -> Self {
        Self {
            fields,
            faults: Vec::new(),
        }
    }

    /// Notes a fault of a field.
    pub fn fault(&mut self, field: &str, reason: impl ToString) {
        self.faults.push(FieldError {
            field: field.to_owned(),
            reason: reason.to_string(),
        });
    }

    /// Whether the field is there, be it `null`.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// A text that must be there, as `read` makes it; the default where there is a fault.
    pub fn text<T: Default>(
        &mut self,
        field: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        let before = self.faults.len();
        match self.text_if_any(field, read) {
            Some(value) => value,
            None => {
                if self.faults.len() == before {
                    self.fault(field, "is required");
                }
                T::default()
            }
        }
    }

    /// A text that may be missing or `null`.
    pub fn text_if_any<T>(
        &mut self,
        field: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let read = match self.fields.get(field) {
            None | Some(Value::Null) => return None,
            Some(Value::String(text)) => read(text),
            Some(_) => Err("must be a text".to_owned()),
        };
        match read {
            Ok(value) => Some(value),
            Err(reason) => {
                self.fault(field, reason);
                None
            }
        }
    }

    /// `true` or `false`, which may be missing or `null`.
    pub fn truth_if_any(&mut self, field: &str) -> Option<bool> {
        match self.fields.get(field) {
            None | Some(Value::Null) => None,
            Some(Value::Bool(truth)) => Some(*truth),
            Some(_) => {
                self.fault(field, "must be true or false");
                None
            }
        }
    }

    /// Whether all was well.
    ///
    /// # Errors
    /// 400 `INVALID_REQUEST` with every fault.
    pub fn finish(self) -> Result<(), Problem> {
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(self.faults))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_found() {
        let fields = serde_json::json!({"a": 1, "b": null, "c": "x", "d": "yes"});
        let mut form = Form::new(fields.as_object().cloned().expect("an object"));
        let keep = |text: &str| Ok::<_, String>(text.to_owned());
        assert_eq!(form.text("a", keep), "");
        assert_eq!(form.text("b", keep), "");
        assert_eq!(
            form.text("c", |_| Err::<String, _>("is bad".to_owned())),
            ""
        );
        assert_eq!(form.truth_if_any("d"), None);
        assert_eq!(form.text_if_any("e", keep), None);
        assert!(form.has("b") && !form.has("e"));
        let found: Vec<_> = form.faults.iter().map(|it| it.field.as_str()).collect();
        assert_eq!(found, ["a", "b", "c", "d"]);
        assert_eq!(form.finish().expect_err("faults").status(), 400);
    }
}
