//! Fields looked at one by one, all faults found.

use service_kit::http::{FieldError, Problem};
use unicode_normalization::UnicodeNormalization as _;

use crate::{
    ids::{Id, IdText, sku_id_fault},
    limits::{INITIAL_QUANTITY_MAX, PAGE_DEFAULT, PAGE_MAX, PRICE_MAX, URL_BYTES_MAX},
};

/// The faults of a request.
#[derive(Debug, Default)]
#[must_use = "faults that nobody asks for are forgotten: call finish"]
pub(super) struct Faults(Vec<FieldError>);

impl Faults {
    pub(super) fn add(&mut self, field: impl Into<String>, reason: impl ToString) {
        self.0.push(FieldError {
            field: field.into(),
            reason: reason.to_string(),
        });
    }

    pub(super) fn finish<T>(self, value: T) -> Result<T, Problem> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(Problem::invalid(self.0))
        }
    }

    /// A text for people, composed and without blanks around it; 1 to `chars_max` characters.
    pub(super) fn text(&mut self, field: &str, text: &str, chars_max: usize) -> String {
        let text: String = text.trim().nfc().collect();
        if text.is_empty() {
            self.add(field, "must not be empty");
        }
        self.longest(field, text, chars_max)
    }

    /// As [`Self::text`], but it may be empty.
    pub(super) fn any_text(&mut self, field: &str, text: &str, chars_max: usize) -> String {
        let text: String = text.trim().nfc().collect();
        self.longest(field, text, chars_max)
    }

    fn longest(&mut self, field: &str, text: String, chars_max: usize) -> String {
        if text.chars().count() > chars_max {
            self.add(field, format!("may have {chars_max} characters"));
        }
        // A tab or a line break is part of a text, other control characters are not.
        if text
            .chars()
            .any(|c| c.is_control() && !"\t\r\n".contains(c))
        {
            self.add(field, "must not contain control characters");
        }
        text
    }

    pub(super) fn number(&mut self, field: &str, number: i64, min: i64, max: i64) -> i64 {
        if !(min..=max).contains(&number) {
            self.add(field, format!("must be {min} to {max}"));
        }
        number
    }

    pub(super) fn price(&mut self, field: &str, price: i64) -> i64 {
        self.number(field, price, 0, PRICE_MAX)
    }

    pub(super) fn quantity(&mut self, field: &str, quantity: i64) -> i64 {
        self.number(field, quantity, 0, INITIAL_QUANTITY_MAX)
    }

    /// The address of a picture: http, https, or a path on this host.
    pub(super) fn url(&mut self, field: &str, url: Option<String>) -> Option<String> {
        let url = url?;
        let fits = url.len() <= URL_BYTES_MAX
            && ["https://", "http://", "/"]
                .iter()
                .any(|start| url.starts_with(start))
            && url.bytes().all(|b| b.is_ascii_graphic());
        if !fits {
            self.add(
                field,
                format!(
                    "must be http://…, https://… or /…, at most {URL_BYTES_MAX} bytes of ASCII"
                ),
            );
        }
        Some(url)
    }

    /// An id that a body or a query names.
    pub(super) fn id(&mut self, field: &str, id: Option<IdText>) -> Option<Id> {
        let id = id?;
        let parsed = Id::parse(&id.0);
        if parsed.is_none() {
            self.add(
                field,
                "must be an id as we write it: a number of 1 and more",
            );
        }
        parsed
    }

    pub(super) fn sku_id(&mut self, field: &str, id: IdText) -> String {
        if let Some(fault) = sku_id_fault(&id.0) {
            self.add(field, fault);
        }
        id.0
    }

    pub(super) fn limit(&mut self, limit: Option<&str>) -> u32 {
        let Some(limit) = limit else {
            return PAGE_DEFAULT;
        };
        match limit.parse() {
            Ok(limit) if (1..=PAGE_MAX).contains(&limit) => limit,
            Ok(_) | Err(_) => {
                self.add("limit", format!("must be 1 to {PAGE_MAX}"));
                PAGE_DEFAULT
            }
        }
    }

    /// A number in a query.
    pub(super) fn query_number(
        &mut self,
        field: &str,
        text: Option<&str>,
        max: i64,
    ) -> Option<i64> {
        let text = text?;
        match text.parse() {
            Ok(number) if (0..=max).contains(&number) => Some(number),
            Ok(_) | Err(_) => {
                self.add(field, format!("must be 0 to {max}"));
                None
            }
        }
    }

    /// A version in a query.
    pub(super) fn version(&mut self, text: Option<&str>) -> Option<u64> {
        let text = text?;
        let version = text.parse().ok();
        if version.is_none() {
            self.add("version", "must be a number, as it was read");
        }
        version
    }
}
