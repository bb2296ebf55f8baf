/// The table of event types, handed to `$callback!`: variant, data, name, producer with the number
/// in ids of inventory events, and what the event is about.
///
/// A line here, a struct, a schema and an example are an event type. Numbers are never given anew.
macro_rules! with_event_types {
    ($callback:ident) => {
        $callback! {
            InventoryReserved: inventory::Reserved = "inventory.reserved", Inventory[0], "reservation";
            InventoryReservationFailed: inventory::ReservationFailed = "inventory.reservation.failed", Inventory[1], "order";
            InventoryConfirmed: inventory::Confirmed = "inventory.confirmed", Inventory[2], "reservation";
            InventoryConfirmFailed: inventory::ConfirmFailed = "inventory.confirm.failed", Inventory[3], "reservation";
            InventoryReleased: inventory::Released = "inventory.released", Inventory[4], "reservation";
            InventoryExpired: inventory::Expired = "inventory.expired", Inventory[5], "reservation";
            InventoryReturned: inventory::Returned = "inventory.returned", Inventory[6], "reservation";
            InventoryDepleted: inventory::Depleted = "inventory.depleted", Inventory[7], "stock";
            InventoryRestored: inventory::Restored = "inventory.restored", Inventory[8], "stock";
            InventoryAdjusted: inventory::Adjusted = "inventory.adjusted", Inventory[9], "stock";
            OrderPlaced: order::Placed = "order.placed", Order[], "order";
            OrderConfirmed: order::Confirmed = "order.confirmed", Order[], "order";
            OrderCancelled: order::Cancelled = "order.cancelled", Order[], "order";
            OrderRefundRequested: order::RefundRequested = "order.refund.requested", Order[], "order";
            PaymentCreated: payment::Created = "payment.created", Payment[], "payment";
            PaymentCompleted: payment::Completed = "payment.completed", Payment[], "payment";
            PaymentFailed: payment::Failed = "payment.failed", Payment[], "payment";
            PaymentCancelled: payment::Cancelled = "payment.cancelled", Payment[], "payment";
            ProductSkuCreated: catalog::SkuCreated = "product.sku.created", Catalog[], "sku";
            ProductChanged: catalog::ProductChanged = "product.changed", Catalog[], "product";
            UserRegistered: user::Registered = "user.registered", User[], "user";
            UserLocked: user::Locked = "user.locked", User[], "user";
        }
    };
}
