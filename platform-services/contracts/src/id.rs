use uuid::{Uuid, uuid};

use crate::EventType;

/// The namespace that makes a UUID of a command event's id which is none.
///
/// Drawn once; another one would give every such `.failed` event another id.
pub const COMMAND_NAMESPACE: Uuid = uuid!("e5e2a026-5e3f-4cef-ae6d-1af9c83ffce2");

/// The number of an inventory event type in event ids, 0 to 15. It never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InventoryNumber(u8);

impl InventoryNumber {
    /// How many numbers there are: the step from one item to the next in an event id.
    pub const COUNT: u8 = 16;

    /// The number, 0 to 15. Only the table of types makes numbers: one too large does not compile.
    pub(crate) const fn new(number: u8) -> Self {
        assert!(number < Self::COUNT, "there are 16 numbers");
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// The id of an event that a journal entry caused:
/// `<lineage8>-<shard>-<epoch>-<n>-<item*16 + number of the event type>`.
///
/// A projector that repeats an entry gives its events the same ids. `lineage` is the shard's, of
/// which the first 8 characters count; `<epoch>-<n>` is the entry. `item` counts what the entry's
/// events are about: two events of one entry and one type need different items, also when one
/// change depletes several stocks.
#[must_use]
pub fn inventory_event_id(
    lineage: &str,
    shard: u16,
    epoch: u64,
    n: u64,
    item: u64,
    number: InventoryNumber,
) -> String {
    let lineage8 = lineage
        .char_indices()
        .nth(8)
        .map_or(lineage, |(end, _)| lineage.split_at(end).0);
    // In 128 bits every item has its place.
    let place = u128::from(item)
        .saturating_mul(u128::from(InventoryNumber::COUNT))
        .saturating_add(u128::from(number.0));
    format!("{lineage8}-{shard}-{epoch}-{n}-{place}")
}

/// The id of the event that answers a command with a refusal: the UUID of version 5 of the command
/// event's id (namespace) and the type's name. The same command, refused again, is the same event.
///
/// An id that is a UUID in its hyphenated form is the namespace itself; of any other id the
/// namespace is the UUID of version 5 of [`COMMAND_NAMESPACE`] and the id.
#[must_use]
pub fn failed_event_id(command_event_id: &str, failed: EventType) -> String {
    const HYPHENATED_LEN: usize = 36;
    let namespace = Uuid::parse_str(command_event_id)
        .ok()
        .filter(|_| command_event_id.len() == HYPHENATED_LEN)
        .unwrap_or_else(|| Uuid::new_v5(&COMMAND_NAMESPACE, command_event_id.as_bytes()));
    Uuid::new_v5(&namespace, failed.name().as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAND: &str = "0192f0c1-2f3a-7b4c-8d5e-6f708192a3b4";

    #[test]
    fn ids_of_inventory_events_name_the_place_in_the_journal() {
        let lineage = "0123456789abcdef0123456789abcdef";
        let id = |item, number| inventory_event_id(lineage, 0, 1_795_410_000_000, 42, item, number);
        assert_eq!(
            id(0, InventoryNumber::new(0)),
            "01234567-0-1795410000000-42-0"
        );
        assert_eq!(
            id(0, InventoryNumber::new(15)),
            "01234567-0-1795410000000-42-15"
        );
        assert_eq!(
            id(3, InventoryNumber::new(7)),
            "01234567-0-1795410000000-42-55"
        );
        assert_eq!(
            id(u64::MAX, InventoryNumber::new(15)),
            "01234567-0-1795410000000-42-295147905179352825855"
        );
    }

    #[test]
    fn a_short_lineage_is_taken_whole() {
        let number = InventoryNumber::new(1);
        assert_eq!(inventory_event_id("ab", 2, 3, 4, 0, number), "ab-2-3-4-1");
        assert_eq!(
            inventory_event_id("12345678", 0, 0, 0, 0, number),
            "12345678-0-0-0-1"
        );
    }

    /// Written down, as computed by Python's `uuid.uuid5`: another answer breaks deduplication.
    #[test]
    fn ids_of_refusals_stay_what_they_are() {
        let failed = EventType::InventoryReservationFailed;
        assert_eq!(
            failed_event_id(COMMAND, failed),
            "0877f3f7-ea64-57f5-bcf0-e935f16f2c62"
        );
        assert_eq!(
            failed_event_id(&COMMAND.to_uppercase(), failed),
            "0877f3f7-ea64-57f5-bcf0-e935f16f2c62"
        );
        assert_eq!(
            failed_event_id(COMMAND, EventType::InventoryConfirmFailed),
            "6862c042-fafd-511c-93c4-d2c82cd7e5b5"
        );
        assert_eq!(
            failed_event_id("evt-1", failed),
            "b06a573b-9f14-5fff-8038-adcf46e4cffd"
        );
    }

    #[test]
    fn only_the_hyphenated_form_is_taken_for_a_uuid() {
        let failed = EventType::InventoryReservationFailed;
        let simple = COMMAND.replace('-', "");
        let urn = format!("urn:uuid:{COMMAND}");
        for other in [simple.as_str(), urn.as_str(), "", "evt-2"] {
            assert_ne!(
                failed_event_id(other, failed),
                failed_event_id(COMMAND, failed)
            );
        }
    }
}
