use std::fmt;

/// A service that writes events. It alone writes its types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Producer {
    /// sync-worker, on behalf of the engine.
    Inventory,
    /// order-service.
    Order,
    /// payment-service.
    Payment,
    /// catalog-service.
    Catalog,
    /// user-service.
    User,
}

impl Producer {
    /// All producers.
    pub const ALL: [Self; 5] = [
        Self::Inventory,
        Self::Order,
        Self::Payment,
        Self::Catalog,
        Self::User,
    ];

    /// The service's name, as in the table `<name>_outbox`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inventory => "inventory",
            Self::Order => "order",
            Self::Payment => "payment",
            Self::Catalog => "catalog",
            Self::User => "user",
        }
    }

    /// The `source` of its events, a URI reference.
    #[must_use]
    pub const fn source(self) -> &'static str {
        match self {
            Self::Inventory => "/services/inventory",
            Self::Order => "/services/order",
            Self::Payment => "/services/payment",
            Self::Catalog => "/services/catalog",
            Self::User => "/services/user",
        }
    }
}

impl fmt::Display for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
