//! A reservation as stored: 22 bytes of header, then text. See `lua/lib/record.lua`.

use std::fmt::Write as _;

use crate::domain::{
    Confirmed, Context, CustomerId, Epoch, JournalId, Line, Lines, Location, Metadata, OperationId,
    OrderId, Released, Reservation, ReservationId, Reserve, Returned, Sku, Status, Text,
    TimestampMs,
};

/// Bytes of the journal id that a stored record begins with.
pub(crate) const JOURNAL_ID_LEN: usize = 11;
const CREATED_LEN: usize = 6;

/// `[location|]sku=quantity,...`
pub(crate) fn items(lines: &Lines) -> String {
    let mut text = String::with_capacity(lines.as_slice().len().saturating_mul(24));
    write_items(&mut text, lines);
    text
}

fn write_items(text: &mut String, lines: &Lines) {
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        if !line.location.is_default() {
            text.push_str(line.location.as_str());
            text.push('|');
        }
        text.push_str(line.sku.as_str());
        // Writing to a String cannot fail.
        let _ = write!(text, "={}", line.quantity);
    }
}

/// State, ttl and first line of a new hold: what the reserve script appends to its header.
pub(crate) fn tail(command: &Reserve) -> Vec<u8> {
    let mut text = items(&command.lines);
    let parts = [
        command.order.as_ref().map(OrderId::as_str),
        command.customer.as_ref().map(CustomerId::as_str),
        command.metadata.as_ref().map(Metadata::as_json),
    ];
    let used = parts
        .iter()
        .rposition(Option::is_some)
        .map_or(0, |last| last.saturating_add(1));
    for part in &parts[..used] {
        text.push('\t');
        text.push_str(part.unwrap_or_default());
    }
    let mut bytes = Vec::with_capacity(text.len().saturating_add(5));
    bytes.push(b'R');
    bytes.extend_from_slice(&command.ttl_ms.to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// Letter, id and who asked: the name of a change in the journal.
pub(crate) fn head(letter: &str, id: &str, context: &Context) -> String {
    let parts = [&context.actor, &context.request_id, &context.traceparent];
    let used = parts
        .iter()
        .rposition(|p| p.is_some())
        .map_or(0, |last| last.saturating_add(1));
    let mut text = String::with_capacity(id.len().saturating_add(24));
    text.push_str(letter);
    text.push_str(id);
    for part in &parts[..used] {
        text.push('\t');
        text.push_str(part.as_ref().map_or("", Text::as_str));
    }
    text
}

/// The id and who asked, from the name of a change without its letter.
pub(crate) fn parse_head(text: &str) -> (&str, Context) {
    let mut parts = text.split('\t');
    let id = parts.next().unwrap_or_default();
    let mut next = || {
        parts
            .next()
            .filter(|p| !p.is_empty())
            .and_then(|p| Text::parse(p).ok())
    };
    let context = Context {
        actor: next(),
        request_id: next(),
        traceparent: next(),
    };
    (id, context)
}

/// Reads lines as an item text has them.
pub(crate) fn parse_items(text: &str) -> Option<Lines> {
    let mut lines = Vec::new();
    for item in text.split(',').filter(|item| !item.is_empty()) {
        let (name, quantity) = item.rsplit_once('=')?;
        let (location, sku) = match name.split_once('|') {
            Some((location, sku)) => (Location::parse(location).ok()?, sku),
            None => (Location::default(), name),
        };
        lines.push(Line {
            sku: Sku::parse(sku).ok()?,
            location,
            quantity: quantity.parse().ok()?,
        });
    }
    Some(Lines::stored(lines))
}

fn unsigned(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// A journal id as stored records begin with it.
pub(crate) fn packed(id: JournalId) -> [u8; JOURNAL_ID_LEN] {
    let mut bytes = [0; JOURNAL_ID_LEN];
    bytes[..6].copy_from_slice(&id.epoch.0.to_be_bytes()[2..]);
    bytes[6..].copy_from_slice(&id.n.to_be_bytes()[3..]);
    bytes
}

/// Reads a stored record. `None`: these bytes are none.
pub(crate) fn parse_stored(id: &ReservationId, bytes: &[u8]) -> Option<Reservation> {
    let (journal_id, rest) = bytes.split_at_checked(JOURNAL_ID_LEN)?;
    let (epoch, n) = journal_id.split_at_checked(6)?;
    parse(
        id,
        JournalId {
            epoch: Epoch(unsigned(epoch)),
            n: unsigned(n),
        },
        rest,
    )
}

/// Reads a record as the journal has it: without the entry's id.
pub(crate) fn parse(id: &ReservationId, change: JournalId, bytes: &[u8]) -> Option<Reservation> {
    let (created, rest) = bytes.split_at_checked(CREATED_LEN)?;
    parse_tail(id, change, TimestampMs(unsigned(created)), rest)
}

/// Reads a record as the journal has a new hold: without created, which is the entry's time.
pub(crate) fn parse_tail(
    id: &ReservationId,
    change: JournalId,
    created: TimestampMs,
    bytes: &[u8],
) -> Option<Reservation> {
    let (state, rest) = bytes.split_first()?;
    let (ttl, text) = rest.split_at_checked(4)?;
    let status = match state {
        b'R' => Status::Reserved,
        b'C' => Status::Confirmed,
        b'L' => Status::Released,
        b'X' => Status::Expired,
        b'P' => Status::PartiallyReturned,
        b'T' => Status::Returned,
        _ => return None,
    };
    let text = std::str::from_utf8(text).ok()?;
    let (first, marks) = text.split_once('\n').unwrap_or((text, ""));
    let mut parts = first.splitn(4, '\t');
    let lines = parse_items(parts.next()?)?;
    let order = optional(parts.next(), OrderId::parse)?;
    let customer = optional(parts.next(), CustomerId::parse)?;
    let metadata = optional(parts.next(), Metadata::from_compact_json)?;
    let mut reservation = Reservation {
        id: id.clone(),
        status,
        lines,
        order,
        customer,
        metadata,
        created,
        deadline: created.plus_ms(unsigned(ttl)),
        confirmed: None,
        released: None,
        expired_at: None,
        returns: Vec::new(),
        last_change: change,
    };
    for mark in marks.split('\n').filter(|mark| !mark.is_empty()) {
        read_mark(&mut reservation, mark)?;
    }
    Some(reservation)
}

fn optional<T, E>(part: Option<&str>, parse: impl Fn(&str) -> Result<T, E>) -> Option<Option<T>> {
    match part {
        None | Some("") => Some(None),
        Some(text) => parse(text).ok().map(Some),
    }
}

fn read_mark(reservation: &mut Reservation, mark: &str) -> Option<()> {
    let (kind, rest) = mark.split_at_checked(1)?;
    let mut parts = rest.split('\t');
    let created = reservation.created;
    let mut at = || {
        let delta: i64 = parts.next()?.parse().ok()?;
        created.0.checked_add_signed(delta).map(TimestampMs)
    };
    match kind {
        // For the scripts only: what was counted against a limit, what was bound later.
        "u" | "b" => {}
        "x" => reservation.expired_at = Some(at()?),
        "c" => {
            let at = at()?;
            let lines = match parts.next()? {
                "" => reservation.lines.clone(),
                text => parse_items(text)?,
            };
            let reacquired = parts.next() == Some("r");
            reservation.confirmed = Some(Confirmed {
                at,
                lines,
                reacquired,
            });
        }
        "l" => {
            let at = at()?;
            let reason = optional(parts.next(), Text::parse)?;
            reservation.released = Some(Released { at, reason });
        }
        "t" => {
            let at = at()?;
            let id = OperationId::derived(parts.next()?).ok()?;
            let lines = parse_items(parts.next()?)?;
            reservation.returns.push(Returned { id, at, lines });
        }
        _ => return None,
    }
    Some(())
}
