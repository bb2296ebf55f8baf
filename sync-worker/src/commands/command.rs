//! Commands, as they are understood.

use contracts::inventory;
use inventory_core::{Confirm, Count, OrderId, Release, Reserve, Return};

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Reserve,
    Confirm,
    Release,
    Return,
    Create,
}

impl Kind {
    /// In front of a command's key, and in metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Confirm => "confirm",
            Self::Release => "release",
            Self::Return => "return",
            Self::Create => "create",
        }
    }

    /// In the table.
    pub(super) const fn column(self) -> &'static str {
        match self {
            Self::Reserve => "RESERVE",
            Self::Confirm => "CONFIRM",
            Self::Release => "RELEASE",
            Self::Return => "RETURN",
            Self::Create => "CREATE",
        }
    }

    /// The key of such a command about `subject`.
    pub(super) fn key(self, subject: &str) -> String {
        format!("{}:{subject}", self.name())
    }
}

/// A command.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) kind: Kind,
    /// The order, refund or SKU: a repeat of the command has it again.
    pub(super) subject: String,
    /// The order, also where its id is not valid.
    pub(super) order: Option<String>,
    pub(super) task: Task,
    /// What a refusal is told by.
    pub(super) refusal: Refused,
}

impl Command {
    pub(super) fn key(&self) -> String {
        self.kind.key(&self.subject)
    }
}

/// What the engine is asked.
#[derive(Debug)]
pub(super) enum Task {
    /// The hold has a name of its own, or that of its order.
    Reserve(Box<Reserve>),
    Confirm {
        order: OrderId,
        confirm: Confirm,
    },
    Release {
        order: OrderId,
        release: Release,
        /// What the order is about, as far as that is valid.
        lines: Option<inventory_core::Lines>,
    },
    Return {
        order: OrderId,
        give: Return,
    },
    Create(Count),
    /// Nothing can be there under such an id.
    Nothing,
    /// The command is not valid, and is answered so.
    Invalid(String),
}

/// The event that tells a refusal.
#[derive(Debug)]
pub(super) enum Refused {
    /// None is told.
    Silent,
    /// `inventory.reservation.failed`
    Reservation,
    /// `inventory.confirm.failed`
    Confirm {
        reservation_id: String,
        items: Vec<inventory::Line>,
    },
}

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is as it was wanted. The note says why nothing had to be done.
    Done { note: Option<&'static str> },
    /// It is not, and will not be.
    Refused {
        reason: &'static str,
        shortages: Vec<inventory_core::Shortage>,
    },
}

impl Verdict {
    pub(super) const DONE: Self = Self::Done { note: None };

    pub(super) const fn refused(reason: &'static str) -> Self {
        Self::Refused {
            reason,
            shortages: Vec::new(),
        }
    }

    pub(super) const fn is_done(&self) -> bool {
        matches!(self, Self::Done { .. })
    }

    /// Of what is done: why nothing had to be. Of what is refused: why.
    pub(super) const fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Done { note } => *note,
            Self::Refused { reason, .. } => Some(reason),
        }
    }
}

impl From<inventory_core::Refusal> for Verdict {
    /// The engine's table of refusals has the code; only one refusal has more to tell.
    fn from(refusal: inventory_core::Refusal) -> Self {
        let reason = refusal.code().as_str();
        if let inventory_core::Refusal::InsufficientStock(shortages) = refusal {
            return Self::Refused { reason, shortages };
        }
        Self::refused(reason)
    }
}
