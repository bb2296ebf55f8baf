//! The file: every faulty row is found, by line and field.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read},
    path::Path,
};

use csv::StringRecord;
use inventory_core::{
    LimitChange, Location, PurchaseLimit, PurchaseLimitError, Sku, StockKey,
    limits::{LIMIT_WINDOW_SECONDS_MAX, QUANTITY_MAX, STOCK_MAX},
};

use super::{COLUMNS, Rejected, Row};
use crate::{
    limits::{IMPORT_BYTES_MAX, IMPORT_ROWS_MAX},
    reconcile::exit::Trouble,
};

/// What a file says.
#[derive(Debug)]
pub(super) struct Content {
    /// 128 bits of its bytes, in hexadecimal: the same file has the same.
    pub(super) fingerprint: String,
    pub(super) rows: Vec<Row>,
    pub(super) rejected: Vec<Rejected>,
}

pub(super) fn read(path: &Path) -> Result<Content, Trouble> {
    let named = |error: io::Error| {
        let text = format!("{}: {error}", path.display());
        Trouble::File(io::Error::new(error.kind(), text))
    };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(IMPORT_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(named)?;
    if bytes.len() as u64 > IMPORT_BYTES_MAX {
        return Err(Trouble::Unclear(format!(
            "{}: larger than {} MiB",
            path.display(),
            IMPORT_BYTES_MAX >> 20
        )));
    }
    Ok(parse(&bytes))
}

fn parse(bytes: &[u8]) -> Content {
    let mut content = Content {
        fingerprint: fingerprint(bytes),
        rows: Vec::new(),
        rejected: Vec::new(),
    };
    // Spreadsheets put a mark before the first column's name.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let places = match header(reader.headers()) {
        Ok(places) => places,
        Err(rejected) => {
            content.rejected = rejected;
            return content;
        }
    };
    let mut seen = Seen::default();
    let mut lines = Lines { at: 0, line: 1 };
    let mut record = StringRecord::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {
                let line = lines.of(bytes, record.position());
                match row(&record, &places, line, &mut seen) {
                    Ok(row) => content.rows.push(row),
                    Err(mut faults) => content.rejected.append(&mut faults),
                }
            }
            Err(error) => {
                let line = lines.of(bytes, error.position());
                let reason = if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) {
                    "is not UTF-8".to_owned()
                } else {
                    error.to_string()
                };
                content.rejected.push(fault(line, "row", reason));
            }
        }
        if content.rows.len() > IMPORT_ROWS_MAX {
            let reason = format!("at most {IMPORT_ROWS_MAX} rows at once");
            content.rejected.push(fault(0, "file", reason));
            content.rows.clear();
            break;
        }
    }
    content
}

/// Counts lines. A position of the reader is the place before the end of the line before, where that
/// is `\r\n`, and before empty lines; its own count goes wrong there.
#[derive(Debug)]
struct Lines {
    at: usize,
    line: u64,
}

impl Lines {
    fn of(&mut self, bytes: &[u8], position: Option<&csv::Position>) -> u64 {
        let begin = position.and_then(|position| usize::try_from(position.byte()).ok());
        let begin = begin.unwrap_or(self.at).clamp(self.at, bytes.len());
        let rest = &bytes[begin..];
        let ends = rest.iter().take_while(|b| matches!(b, b'\r' | b'\n'));
        let end = begin + ends.count();
        let passed = bytes[self.at..end].iter().filter(|b| **b == b'\n');
        self.line += passed.count() as u64;
        self.at = end;
        self.line
    }
}

fn fault(line: u64, field: &str, reason: impl Into<String>) -> Rejected {
    Rejected {
        line,
        field: field.to_owned(),
        reason: reason.into(),
    }
}

/// Where each of [`COLUMNS`] stands.
fn header(header: csv::Result<&StringRecord>) -> Result<[Option<usize>; 5], Vec<Rejected>> {
    let header = header.map_err(|error| vec![fault(1, "header", error.to_string())])?;
    let mut places = [None; 5];
    let mut faults = Vec::new();
    for (place, name) in header.iter().enumerate() {
        match COLUMNS.iter().position(|column| *column == name.trim()) {
            Some(column) if places[column].is_none() => places[column] = Some(place),
            Some(_) => faults.push(fault(1, name, "is given twice")),
            None => faults.push(fault(1, name, "is not a known column")),
        }
    }
    for (column, place) in COLUMNS.iter().zip(places).take(3) {
        if place.is_none() {
            faults.push(fault(1, column, "is missing in the header"));
        }
    }
    if places[4].is_some() && places[3].is_none() {
        faults.push(fault(1, COLUMNS[3], "is missing in the header"));
    }
    if faults.is_empty() {
        Ok(places)
    } else {
        Err(faults)
    }
}

/// What earlier rows said.
#[derive(Debug, Default)]
struct Seen {
    /// Line by stock.
    stocks: HashMap<StockKey, u64>,
    /// Line and limit by SKU: a limit is one of all its locations.
    limits: HashMap<Sku, (u64, PurchaseLimit)>,
}

fn row(
    record: &StringRecord,
    places: &[Option<usize>; 5],
    line: u64,
    seen: &mut Seen,
) -> Result<Row, Vec<Rejected>> {
    let mut faults = Vec::new();
    let columns = places.iter().flatten().count();
    if record.len() != columns {
        let reason = format!("has {} fields, the header {columns}", record.len());
        return Err(vec![fault(line, "row", reason)]);
    }
    let field = |column: usize| {
        let text = places[column].and_then(|place| record.get(place));
        text.unwrap_or_default().trim()
    };
    let mut noted =
        |column: usize, reason: String| faults.push(fault(line, COLUMNS[column], reason));
    let sku = Sku::parse(field(0))
        .map_err(|e| noted(0, e.to_string()))
        .ok();
    let location = match field(1) {
        "" => Some(Location::default()),
        text => Location::parse(text)
            .map_err(|e| noted(1, e.to_string()))
            .ok(),
    };
    let on_hand = digits(field(2)).filter(|units| *units <= STOCK_MAX);
    if on_hand.is_none() {
        noted(2, format!("must be 0 to {STOCK_MAX}"));
    }
    let limit = limit(field(3), field(4)).map_err(|(column, reason)| noted(column, reason));
    let (Some(sku), Some(location), Some(on_hand), Ok(limit)) = (sku, location, on_hand, limit)
    else {
        return Err(faults);
    };
    let key = StockKey { location, sku };
    if let Some(first) = seen.stocks.get(&key) {
        noted(
            0,
            format!("stands on line {first} already, at this location"),
        );
    }
    if let LimitChange::Set(limit) = limit {
        match seen.limits.get(&key.sku) {
            Some((first, other)) if *other != limit => {
                noted(
                    3,
                    format!("is another on line {first}; a limit is one of all locations"),
                );
            }
            _ => drop(seen.limits.insert(key.sku.clone(), (line, limit))),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    seen.stocks.insert(key.clone(), line);
    Ok(Row {
        line,
        key,
        on_hand,
        limit,
    })
}

/// The limit of two fields; the column of the faulty one.
fn limit(quantity: &str, window: &str) -> Result<LimitChange, (usize, String)> {
    if quantity.is_empty() {
        return match window.is_empty() {
            true => Ok(LimitChange::Keep),
            false => Err((4, "is given without purchaseLimit".to_owned())),
        };
    }
    let range = |column: usize| match column {
        3 => (3, format!("must be 1 to {QUANTITY_MAX}")),
        _ => (
            4,
            format!("must be 1 to {LIMIT_WINDOW_SECONDS_MAX}, or empty for life"),
        ),
    };
    let number = |text: &str| digits(text).and_then(|n| u32::try_from(n).ok());
    let quantity = number(quantity).ok_or_else(|| range(3))?;
    let window_seconds = match window {
        "" => None,
        text => Some(number(text).ok_or_else(|| range(4))?),
    };
    PurchaseLimit::new(quantity, window_seconds)
        .map(LimitChange::Set)
        .map_err(|error| match error {
            PurchaseLimitError::Quantity => range(3),
            PurchaseLimitError::Window => range(4),
        })
}

fn digits(text: &str) -> Option<u64> {
    let sound = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    sound.then(|| text.parse().ok()).flatten()
}

/// FNV-1a of 128 bits: it need not withstand anybody, and must be the same in every release.
fn fingerprint(bytes: &[u8]) -> String {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let hash = bytes.iter().fold(OFFSET, |hash, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(PRIME)
    });
    format!("{hash:032x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<(u64, String)> {
        let rejected = parse(text.as_bytes()).rejected;
        rejected.into_iter().map(|r| (r.line, r.field)).collect()
    }

    #[test]
    fn a_sound_file_is_read() {
        let text = "skuId,locationId,onHandQuantity,purchaseLimit,purchaseLimitWindowSeconds\r\n\
                    a,default,5,,\r\n\"b\",seoul,7,2,3600\r\n\r\nc,,0,3,\r\n";
        let content = parse(format!("\u{feff}{text}").as_bytes());
        assert_eq!(content.rejected, []);
        let rows: Vec<_> = content
            .rows
            .iter()
            .map(|row| (row.line, row.key.to_string(), row.on_hand))
            .collect();
        let row = |line, key: &str, on_hand| (line, key.to_owned(), on_hand);
        assert_eq!(
            rows,
            [
                row(2, "default|a", 5),
                row(3, "seoul|b", 7),
                row(5, "default|c", 0)
            ]
        );
        let window_of = |seconds| LimitChange::Set(PurchaseLimit::new(2, seconds).expect("sound"));
        assert_eq!(content.rows[0].limit, LimitChange::Keep);
        assert_eq!(content.rows[1].limit, window_of(Some(3600)));
    }

    #[test]
    fn every_fault_is_found_by_line_and_field() {
        let text = "skuId,locationId,onHandQuantity,purchaseLimit,purchaseLimitWindowSeconds\n\
                    a b,x:y,-1,0,5\n\
                    a,default,5\n\
                    a,default,5,2,\n\
                    a,default,6,2,\n\
                    a,seoul,6,3,\n\
                    b,seoul,1.0,,60\n";
        let found = faults(text);
        let fault = |line, field: &str| (line, field.to_owned());
        assert_eq!(
            found,
            [
                fault(2, "skuId"),
                fault(2, "locationId"),
                fault(2, "onHandQuantity"),
                fault(2, "purchaseLimit"),
                fault(3, "row"),
                fault(5, "skuId"),
                fault(6, "purchaseLimit"),
                fault(7, "onHandQuantity"),
                fault(7, "purchaseLimitWindowSeconds"),
            ]
        );
    }

    #[test]
    fn the_header_is_required() {
        assert_eq!(faults("a,default,5\n").len(), 6);
        assert_eq!(
            faults(""),
            [(1, "skuId"), (1, "locationId"), (1, "onHandQuantity")]
                .map(|(l, f)| (l, f.to_owned()))
        );
        assert_eq!(
            faults("skuId,skuId,locationId,onHandQuantity\n"),
            [(1, "skuId".to_owned())]
        );
    }

    #[test]
    fn the_fingerprint_is_that_of_the_algorithm() {
        assert_eq!(fingerprint(b""), "6c62272e07bb014262b821756295c58d");
        assert_eq!(fingerprint(b"a"), "d228cb696f1a8caf78912b704e4a8964");
    }
}
