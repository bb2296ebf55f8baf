use crate::{
    DecodeError, Envelope, EventData, EventType, RawEnvelope, catalog, inventory, order, payment,
    user,
};

macro_rules! any_event {
    ($($variant:ident: $module:ident::$data:ident = $name:literal, $producer:ident[$($number:literal)?], $about:literal;)*) => {
        /// The data of an event of whatever type.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum AnyEvent {
            $(
                #[doc = concat!("`", $name, "`.")]
                $variant($module::$data),
            )*
            /// A type that this build has never heard of, by its name. To be skipped and counted.
            Unknown(String),
        }

        impl AnyEvent {
            /// The type; `None` for one that is not known here.
            #[must_use]
            pub const fn event_type(&self) -> Option<EventType> {
                match self {
                    $(Self::$variant(_) => Some(EventType::$variant),)*
                    Self::Unknown(_) => None,
                }
            }

            /// The Kafka key; `None` for a type that is not known here.
            #[must_use]
            pub fn key(&self) -> Option<String> {
                match self {
                    $(Self::$variant(data) => Some(data.key()),)*
                    Self::Unknown(_) => None,
                }
            }
        }

        impl RawEnvelope<'_> {
            /// Reads the data as what the envelope says it is.
            ///
            /// # Errors
            /// [`DecodeError::Version`] for a version that is not known here, [`DecodeError::Data`]
            /// when the data is not that of its type.
            pub fn decode_any(self) -> Result<Envelope<AnyEvent>, DecodeError> {
                match EventType::parse(&self.event_type)? {
                    $(
                        Some(EventType::$variant) => {
                            Ok(self.decode_data()?.map(AnyEvent::$variant))
                        }
                    )*
                    None => Ok(self.envelope.map(|_| AnyEvent::Unknown(self.event_type))),
                }
            }
        }
    };
}

with_event_types!(any_event);

impl Envelope<AnyEvent> {
    /// Reads a whole event of whatever type.
    ///
    /// # Errors
    /// [`DecodeError`]: it can never be read, and belongs into the dead letter queue.
    pub fn decode_any(payload: &[u8]) -> Result<Self, DecodeError> {
        RawEnvelope::decode(payload)?.decode_any()
    }
}
