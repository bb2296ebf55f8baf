use std::fmt::Debug;

use contracts::{Envelope, EventData, EventType};
use proptest::prelude::*;

use crate::{generate::event, support::EventSchema};

/// An event is read as what was written, and is what its schema says.
fn check<T>(event: &Envelope<T>, schema: &EventSchema) -> Result<(), TestCaseError>
where
    T: EventData + Clone + PartialEq + Debug,
{
    let payload = event.encode().expect("JSON");
    let json = serde_json::from_slice(&payload).expect("JSON");
    prop_assert_eq!(schema.errors(&json), Vec::<String>::new());
    let read = Envelope::<T>::decode(&payload).expect("an event");
    prop_assert_eq!(&read, event);
    prop_assert_eq!(read.encode().expect("JSON"), payload);
    Ok(())
}

fn decode<T: EventData>(_: &impl Strategy<Value = T>, payload: &[u8]) -> Envelope<T> {
    Envelope::decode(payload).expect("an event")
}

fn type_of<T: EventData>(_: &impl Strategy<Value = T>) -> EventType {
    T::EVENT_TYPE
}

macro_rules! every_type {
    ($($strategy:ident: $variant:ident;)*) => {
        proptest! {
            $(
                #[test]
                fn $strategy(event in event(crate::generate::$strategy())) {
                    thread_local!(
                        static SCHEMA: EventSchema = EventSchema::of(EventType::$variant);
                    );
                    SCHEMA.with(|schema| check(&event, schema))?;
                }
            )*
        }

        /// What the type writes when it has read `payload`.
        pub(crate) fn encode_again(event_type: EventType, payload: &[u8]) -> Vec<u8> {
            // A type without a line below does not compile.
            match event_type {
                $(
                    EventType::$variant => decode(&crate::generate::$strategy(), payload)
                        .encode()
                        .expect("JSON"),
                )*
            }
        }

        /// The subject that the type gives the data of `payload`.
        pub(crate) fn subject_of(event_type: EventType, payload: &[u8]) -> String {
            match event_type {
                $(
                    EventType::$variant => decode(&crate::generate::$strategy(), payload)
                        .data
                        .subject(),
                )*
            }
        }

        #[test]
        fn every_strategy_is_of_the_type_beside_it() {
            $(assert_eq!(type_of(&crate::generate::$strategy()), EventType::$variant);)*
        }
    };
}

every_type! {
    reserved: InventoryReserved;
    reservation_failed: InventoryReservationFailed;
    confirmed: InventoryConfirmed;
    confirm_failed: InventoryConfirmFailed;
    released: InventoryReleased;
    expired: InventoryExpired;
    returned: InventoryReturned;
    depleted: InventoryDepleted;
    restored: InventoryRestored;
    adjusted: InventoryAdjusted;
    order_placed: OrderPlaced;
    order_confirmed: OrderConfirmed;
    order_cancelled: OrderCancelled;
    refund_requested: OrderRefundRequested;
    payment_created: PaymentCreated;
    payment_completed: PaymentCompleted;
    payment_failed: PaymentFailed;
    payment_cancelled: PaymentCancelled;
    sku_created: ProductSkuCreated;
    product_changed: ProductChanged;
    user_registered: UserRegistered;
    user_locked: UserLocked;
}
