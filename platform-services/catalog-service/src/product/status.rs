use serde::{Deserialize, Serialize};

/// Where a product is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Status {
    /// Being prepared; nobody but admins sees it.
    Draft,
    /// Listed and sold.
    OnSale,
    /// Seen by who has its address, not listed, not sold.
    Stopped,
    /// Gone, for good; kept for the orders that name it.
    Deleted,
}

impl Status {
    pub(crate) const ALL: [Self; 4] = [Self::Draft, Self::OnSale, Self::Stopped, Self::Deleted];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::OnSale => "ON_SALE",
            Self::Stopped => "STOPPED",
            Self::Deleted => "DELETED",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Whether it may become that. It may always stay what it is, unless it is gone.
    pub(crate) const fn may_become(self, to: Self) -> bool {
        match (self, to) {
            (Self::Draft, Self::Draft | Self::OnSale | Self::Deleted)
            | (Self::OnSale | Self::Stopped, Self::OnSale | Self::Stopped | Self::Deleted) => true,
            (Self::Draft, Self::Stopped)
            | (Self::OnSale | Self::Stopped, Self::Draft)
            | (Self::Deleted, _) => false,
        }
    }

    /// Whether everybody may see it.
    pub(crate) const fn is_public(self) -> bool {
        match self {
            Self::OnSale | Self::Stopped => true,
            Self::Draft | Self::Deleted => false,
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_becomes_a_draft_again_and_nothing_comes_back() {
        let table: Vec<String> = Status::ALL
            .into_iter()
            .map(|from| {
                let to = Status::ALL.into_iter().filter(|to| from.may_become(*to));
                let to: Vec<&str> = to.map(Status::as_str).collect();
                format!("{from}: {}", to.join(" "))
            })
            .collect();
        assert_eq!(
            table,
            [
                "DRAFT: DRAFT ON_SALE DELETED",
                "ON_SALE: ON_SALE STOPPED DELETED",
                "STOPPED: ON_SALE STOPPED DELETED",
                "DELETED: ",
            ]
        );
        for status in Status::ALL {
            assert_eq!(Status::of_name(status.as_str()), Some(status));
        }
    }
}
