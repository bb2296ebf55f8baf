//! What each route needs.

use crate::route::Route;

/// Whom a route serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Everybody.
    Nothing,
    /// Customers, for their own holds, and all below.
    Holder,
    /// Services and administrators.
    Staff,
}

impl Need {
    /// Of a route. What a customer may do to which hold, [`super::Caller`] says.
    pub(crate) const fn of(route: &Route<'_>) -> Self {
        match route {
            Route::StockList
            | Route::StockBulk
            | Route::Stock(_)
            | Route::Stream(_)
            | Route::Healthz
            | Route::Readyz
            | Route::Metrics
            | Route::OpenApi
            | Route::Docs
            | Route::ProblemPage(_) => Self::Nothing,
            Route::Reserve
            | Route::ReserveBatch
            | Route::ReleaseBatch
            | Route::Reservation(_)
            | Route::Release(_)
            | Route::Extend(_) => Self::Holder,
            Route::Confirm(_)
            | Route::ConfirmBatch
            | Route::Return(_)
            | Route::AdjustBatch
            | Route::Count(_)
            | Route::Retire(_)
            | Route::Adjust(_) => Self::Staff,
        }
    }
}
