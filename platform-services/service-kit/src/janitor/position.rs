//! Places in a binary log, compared so that doubt means "not there yet".

use std::{collections::BTreeMap, str::FromStr};

/// Where a binary log ended when it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    file: File,
    pos: u64,
    gtids: Gtids,
}

/// Such as `binlog.000012`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    base: String,
    number: u64,
}

/// The last transaction of each domain, such as `0-1-270,1-7-3`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Gtids(BTreeMap<u32, u64>);

/// It is not what MariaDB writes.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no place in a binary log")]
pub(super) struct NoPosition(String);

impl Position {
    pub(super) fn new(file: &str, pos: u64, gtids: &str) -> Result<Self, NoPosition> {
        Ok(Self {
            file: file.parse()?,
            pos,
            gtids: gtids.parse()?,
        })
    }

    /// Whether it is at `mark` or behind it, in both ways to count: by bytes and by transactions. A server that
    /// took over from another counts its files anew, one whose log was reset counts both anew.
    pub(super) fn has_reached(&self, mark: &Self) -> bool {
        self.file.base == mark.file.base
            && (self.file.number, self.pos) >= (mark.file.number, mark.pos)
            && mark.gtids.0.iter().all(|(domain, last)| {
                let here = self.gtids.0.get(domain);
                here.is_some_and(|here| here >= last)
            })
    }
}

impl FromStr for File {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        let parsed = text.rsplit_once('.').and_then(|(base, number)| {
            Some(Self {
                base: base.to_owned(),
                number: number.parse().ok()?,
            })
        });
        parsed.ok_or_else(|| NoPosition(text.to_owned()))
    }
}

impl FromStr for Gtids {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        let mut last = BTreeMap::new();
        for gtid in text
            .split(',')
            .map(str::trim)
            .filter(|gtid| !gtid.is_empty())
        {
            let (domain, sequence) =
                domain_and_sequence(gtid).ok_or_else(|| NoPosition(text.to_owned()))?;
            let highest: &mut u64 = last.entry(domain).or_default();
            *highest = sequence.max(*highest);
        }
        Ok(Self(last))
    }
}

/// `domain-server-sequence`.
fn domain_and_sequence(gtid: &str) -> Option<(u32, u64)> {
    let mut parts = gtid.split('-');
    let (domain, server, sequence) = (parts.next()?, parts.next()?, parts.next()?);
    let _: u32 = server.parse().ok()?;
    let end = parts.next().is_none();
    end.then_some((domain.parse().ok()?, sequence.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(file: &str, pos: u64, gtids: &str) -> Position {
        Position::new(file, pos, gtids).expect("a position")
    }

    #[test]
    fn both_bytes_and_transactions_must_be_reached() {
        let mark = at("binlog.000009", 500, "0-1-20");
        for reached in [
            at("binlog.000009", 500, "0-1-20"),
            at("binlog.000010", 4, "0-2-21"),
            at("binlog.1000000", 4, "0-1-20,1-1-1"),
            at("binlog.000009", 501, "0-1-3,0-2-20"),
        ] {
            assert!(reached.has_reached(&mark), "{reached:?}");
        }
        for short in [
            at("binlog.000009", 499, "0-1-20"),
            at("binlog.000008", 900, "0-1-20"),
            at("binlog.000009", 500, "0-1-19"),
            // Another server's files, another domain, and nothing known.
            at("other.000010", 500, "0-1-20"),
            at("binlog.000010", 500, "1-1-20"),
            at("binlog.000010", 500, ""),
        ] {
            assert!(!short.has_reached(&mark), "{short:?}");
        }
    }

    #[test]
    fn what_mariadb_does_not_write_is_refused() {
        for (file, gtids) in [
            ("binlog", ""),
            ("binlog.one", ""),
            ("binlog.000001", "0-1"),
            ("binlog.000001", "0-1-2-3"),
            ("binlog.000001", "a-1-2"),
        ] {
            assert!(Position::new(file, 4, gtids).is_err(), "{file} {gtids}");
        }
    }
}
