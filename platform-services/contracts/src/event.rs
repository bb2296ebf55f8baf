use serde::{Serialize, de::DeserializeOwned};

use crate::EventType;

/// The `data` of one event type.
///
/// Reading checks the shape only: fields nobody knows are passed over, and a quantity that no
/// producer may send is read all the same, so that a command with it can be answered. What a
/// producer may send, the type's schema says.
pub trait EventData: Serialize + DeserializeOwned {
    /// The type.
    const EVENT_TYPE: EventType;

    /// The type's name, which is its topic.
    const TYPE: &'static str = Self::EVENT_TYPE.name();

    /// The Kafka key: events of one key stay in order within their topic.
    fn key(&self) -> String;

    /// The `subject`: the id of what the event is about.
    fn subject(&self) -> String;
}

/// `event_data!(Struct = Variant, key: |it| &str, subject: |it| &str)`.
macro_rules! event_data {
    ($data:ident = $variant:ident, key: |$k:ident| $key:expr, subject: |$s:ident| $subject:expr) => {
        impl crate::EventData for $data {
            const EVENT_TYPE: crate::EventType = crate::EventType::$variant;

            fn key(&self) -> String {
                let $k = self;
                String::from($key)
            }

            fn subject(&self) -> String {
                let $s = self;
                String::from($subject)
            }
        }
    };
}
pub(crate) use event_data;
