//! The accounts that `docs/tls.md` tells people to make.

/// The command that makes the account `name` in Redis with this password, word by word as the page has it.
#[must_use]
pub fn redis_login(name: &str, password: &str) -> Vec<String> {
    let page = include_str!("../../../docs/tls.md");
    let begin = format!("ACL SETUSER {name} ");
    let line = page.lines().find(|line| line.starts_with(&begin)).unwrap();
    let line = line.replace("PASSWORD", password);
    line.split_whitespace().map(ToOwned::to_owned).collect()
}
