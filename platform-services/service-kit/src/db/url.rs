//! What a database URL says of TLS.

use std::{os::unix::ffi::OsStrExt as _, path::Path};

use tls::Trust;

/// Settings of TLS in a URL. `sslmode` and so on mean the same.
pub(super) const SETTINGS: [&str; 4] = ["ssl-mode", "ssl-ca", "ssl-cert", "ssl-key"];

/// The URL with the file of `trust` (`--tls-ca`) as its `ssl-ca`, where it names none itself. Whether a
/// certificate is looked at says its `ssl-mode`.
#[must_use]
pub fn trusting(url: &str, trust: &Trust) -> String {
    let Some(file) = trust.file() else {
        return url.to_owned();
    };
    if settings(url).any(|name| plain(name) == "sslca") {
        return url.to_owned();
    }
    let (url, fragment) = url.find('#').map_or((url, ""), |place| url.split_at(place));
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}ssl-ca={}{fragment}", encoded(file))
}

/// The first setting that begins as those of TLS do and is none: it would be ignored, and what it was to
/// protect would travel in the open.
pub(super) fn misspelt(url: &str) -> Option<&str> {
    settings(url).find(|name| {
        let known = SETTINGS
            .iter()
            .any(|known| *name == *known || *name == plain(known));
        !known && name.to_ascii_lowercase().starts_with("ssl")
    })
}

/// Names of what follows the question mark.
fn settings(url: &str) -> impl Iterator<Item = &str> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query
        .split(['&', '#'])
        .map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name))
}

fn plain(name: &str) -> String {
    name.replace('-', "")
}

/// For the query of a URL.
fn encoded(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes().iter();
    bytes
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                char::from(*byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_survives_the_url() {
        assert_eq!(encoded(Path::new("/a b/c&d.pem")), "/a%20b/c%26d.pem");
    }

    #[test]
    fn a_setting_that_means_nothing_is_not_ignored() {
        let bad = [
            "ssl_mode=REQUIRED",
            "charset=x&sslMode=REQUIRED",
            "ssl=true",
        ];
        for (query, name) in bad.iter().zip(["ssl_mode", "sslMode", "ssl"]) {
            let url = format!("mysql://u:p@h/d?{query}");
            assert_eq!(misspelt(&url), Some(name), "{query}");
        }
        for good in [
            "",
            "?ssl-mode=REQUIRED&ssl-ca=/a.pem",
            "?sslmode=DISABLED",
            "?charset=x",
        ] {
            assert_eq!(misspelt(&format!("mysql://u:p@h/d{good}")), None, "{good}");
        }
    }
}
