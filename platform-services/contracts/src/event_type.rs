use std::fmt;

use crate::{InventoryNumber, Producer};

/// A known type in a version that this build does not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event_type} in version {version:?} is not known here")]
pub struct UnknownVersion {
    /// The type without its version.
    pub event_type: EventType,
    /// The version, such as `v2`.
    pub version: String,
}

macro_rules! inventory_number {
    () => {
        None
    };
    ($number:literal) => {
        Some(const { InventoryNumber::new($number) })
    };
}

macro_rules! event_types {
    ($($variant:ident: $module:ident::$data:ident = $name:literal, $producer:ident[$($number:literal)?], $about:literal;)*) => {
        /// Every event type. Its name is its topic.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum EventType {
            $(
                #[doc = concat!("`", $name, "`, with [`crate::", stringify!($module), "::", stringify!($data), "`].")]
                $variant,
            )*
        }

        impl EventType {
            /// All types.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The topic of what no consumer could handle.
            #[must_use]
            pub const fn dlq_topic(self) -> &'static str {
                match self { $(Self::$variant => concat!($name, ".dlq"),)* }
            }

            /// The service that writes it.
            #[must_use]
            pub const fn producer(self) -> Producer {
                match self { $(Self::$variant => Producer::$producer,)* }
            }

            /// What its subject is an id of; the `aggregate_type` of its outbox row.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)* }
            }

            /// Its number in the ids of events that the journal causes; only inventory events have one.
            #[must_use]
            pub const fn inventory_number(self) -> Option<InventoryNumber> {
                match self { $(Self::$variant => inventory_number!($($number)?),)* }
            }

            /// The JSON Schema (2020-12) of its data.
            #[must_use]
            pub const fn schema(self) -> &'static str {
                match self { $(Self::$variant => include_str!(concat!("../schemas/", $name, ".json")),)* }
            }

            /// A whole event of this type, with every optional field.
            #[must_use]
            pub const fn example(self) -> &'static str {
                match self { $(Self::$variant => include_str!(concat!("../examples/", $name, ".json")),)* }
            }
        }
    };
}

with_event_types!(event_types);

impl EventType {
    /// The topic, which has the type's name.
    #[must_use]
    pub const fn topic(self) -> &'static str {
        self.name()
    }

    /// The type that a `type` attribute names; `None` for one that this build has never heard of.
    ///
    /// # Errors
    /// [`UnknownVersion`] for a known name with a version behind it, such as `order.placed.v2`: the
    /// event matters, and cannot be read.
    pub fn parse(name: &str) -> Result<Option<Self>, UnknownVersion> {
        let known = |name: &str| Self::ALL.iter().copied().find(|known| known.name() == name);
        if let Some(event_type) = known(name) {
            return Ok(Some(event_type));
        }
        let versioned = name.rsplit_once('.').filter(|(_, version)| {
            version.strip_prefix('v').is_some_and(|number| {
                !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
            })
        });
        match versioned.and_then(|(base, version)| Some((known(base)?, version))) {
            None => Ok(None),
            Some((event_type, version)) => Err(UnknownVersion {
                event_type,
                version: version.to_owned(),
            }),
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_version_that_is_not_known_is_told_from_a_type_that_is_not() {
        assert_eq!(
            EventType::parse("order.placed"),
            Ok(Some(EventType::OrderPlaced))
        );
        for unknown in [
            "",
            "order",
            "order.lost",
            "order.lost.v2",
            "order.placed.",
            "order.placed.v",
            "order.placed.vx",
            "order.placed.x2",
            "Order.placed",
            "order.placed.dlq",
        ] {
            assert_eq!(EventType::parse(unknown), Ok(None), "{unknown}");
        }
        for version in ["v1", "v2", "v10"] {
            let unknown = UnknownVersion {
                event_type: EventType::OrderPlaced,
                version: version.to_owned(),
            };
            assert_eq!(
                EventType::parse(&format!("order.placed.{version}")),
                Err(unknown)
            );
        }
    }

    #[test]
    fn names_and_numbers_are_given_once() {
        let names: BTreeSet<_> = EventType::ALL.iter().map(|known| known.name()).collect();
        assert_eq!(names.len(), EventType::ALL.len());
        let numbered = EventType::ALL
            .iter()
            .filter_map(|known| Some((known, known.inventory_number()?)));
        let numbers: BTreeSet<_> = numbered.clone().map(|(_, number)| number).collect();
        assert_eq!(numbers.len(), numbered.count());
    }

    /// Ids of events that are out there have these numbers.
    #[test]
    fn numbers_never_change() {
        let numbers: Vec<_> = EventType::ALL
            .iter()
            .filter_map(|known| Some((known.name(), known.inventory_number()?.get())))
            .collect();
        assert_eq!(
            numbers,
            [
                ("inventory.reserved", 0),
                ("inventory.reservation.failed", 1),
                ("inventory.confirmed", 2),
                ("inventory.confirm.failed", 3),
                ("inventory.released", 4),
                ("inventory.expired", 5),
                ("inventory.returned", 6),
                ("inventory.depleted", 7),
                ("inventory.restored", 8),
                ("inventory.adjusted", 9),
            ]
        );
    }

    #[test]
    fn the_inventory_has_numbers_and_nobody_else() {
        for known in EventType::ALL {
            let inventory = known.producer() == Producer::Inventory;
            assert_eq!(known.inventory_number().is_some(), inventory, "{known}");
            assert_eq!(known.name().starts_with("inventory."), inventory, "{known}");
            assert_eq!(known.dlq_topic(), format!("{}.dlq", known.topic()));
        }
    }
}
