//! What Prometheus answers.

use serde_json::Value;

use crate::Error;

/// A Prometheus.
#[derive(Debug, Clone)]
pub struct Api {
    agent: ureq::Agent,
    base: String,
}

/// A series at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its labels, as JSON.
    pub labels: Value,
    /// Its value; not a number where nothing was counted.
    pub value: f64,
}

impl Api {
    /// The one at this URL, without a slash at its end.
    #[must_use]
    pub fn new(base: &str) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        Self {
            agent: config.build().into(),
            base: base.to_owned(),
        }
    }

    /// What an expression is now.
    ///
    /// # Errors
    /// [`Error::Refused`] where it is none; [`Error::Http`].
    pub fn query(&self, expression: &str) -> Result<Vec<Sample>, Error> {
        let data = self.get("/api/v1/query", &[("query", expression)])?;
        let form = || Error::Form(format!("{expression} answers {data}"));
        let number = |value: &Value| -> Option<f64> { value[1].as_str()?.parse().ok() };
        let samples = match data["resultType"].as_str() {
            Some("vector") => data["result"].as_array().and_then(|series| {
                let samples = series.iter().map(|series| {
                    Some(Sample {
                        labels: series["metric"].clone(),
                        value: number(&series["value"])?,
                    })
                });
                samples.collect()
            }),
            Some("scalar") => number(&data["result"]).map(|value| {
                vec![Sample {
                    labels: Value::Null,
                    value,
                }]
            }),
            _ => None,
        };
        samples.ok_or_else(form)
    }

    /// What `GET path` has under `data`.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Http`].
    pub fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value, Error> {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        for (name, value) in parameters {
            request = request.query(*name, *value);
        }
        let mut answer: Value = request.call()?.body_mut().read_json()?;
        if answer["status"] == "success" {
            return Ok(answer["data"].take());
        }
        Err(Error::Refused {
            asked: format!("{path} {parameters:?}"),
            why: answer["error"].as_str().unwrap_or_default().to_owned(),
        })
    }
}
