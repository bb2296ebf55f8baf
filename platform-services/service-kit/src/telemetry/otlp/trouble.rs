use std::error::Error;

use super::CERTIFICATE_VARIABLE;

/// Why an export came to nothing, with all its causes, and what to do about it where that is known.
pub(super) fn of(error: &(dyn Error + 'static)) -> String {
    let mut why = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        why = format!("{why}: {error}");
        cause = error.source();
    }
    let advice = advice(&why);
    why + &advice
}

fn advice(why: &str) -> String {
    if why.contains("UnknownIssuer") {
        format!(
            ": nobody whom this machine trusts has signed its certificate; name the authority that did by \
             --tls-ca, or by {CERTIFICATE_VARIABLE}, which takes its place"
        )
    } else if why.contains("not valid for name") {
        ": its certificate is for another host; say the host that stands in it".to_owned()
    } else {
        String::new()
    }
}
