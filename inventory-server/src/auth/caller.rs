//! What a customer may do to which hold.

use access_token::{Claims, Role};
use inventory_core::{CustomerId, Reservation, ReservationId, Text};

use super::forbidden;
use crate::{ids, problem::Problem};

/// Reservations that the saga makes have ids that begin so.
const ORDER_PREFIX: &str = "order-";

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Nobody is known: `--auth none`.
    Anybody,
    /// Somebody without a token, or without a role.
    Stranger,
    /// A customer: only their own holds exist for them.
    Customer(CustomerId),
    /// A service or an administrator, with what the journal calls them.
    Staff(Option<Text>),
}

impl Caller {
    /// Whoever is more than a customer is no customer.
    pub(super) fn of(claims: &Claims) -> Self {
        let staff = [(Role::Admin, "admin"), (Role::Service, "service")];
        if let Some((_, role)) = staff.iter().find(|(role, _)| claims.has(*role)) {
            return Self::Staff(Text::parse(&format!("{role}:{}", claims.sub)).ok());
        }
        match CustomerId::parse(&claims.sub) {
            Ok(customer) if claims.has(Role::Customer) => Self::Customer(customer),
            Ok(_) | Err(_) => Self::Stranger,
        }
    }

    /// Whether they are an administrator.
    pub(crate) fn is_admin(&self) -> bool {
        match self {
            Self::Staff(Some(actor)) => actor.as_str().starts_with("admin:"),
            Self::Anybody | Self::Stranger | Self::Customer(_) | Self::Staff(None) => false,
        }
    }

    /// What the journal calls them.
    pub(crate) fn actor(&self) -> Option<Text> {
        match self {
            Self::Anybody | Self::Stranger => None,
            Self::Customer(customer) => Text::parse(&format!("customer:{customer}")).ok(),
            Self::Staff(actor) => actor.clone(),
        }
    }

    /// The id of a new hold whose id is an idempotency key. Customers choose keys without knowing
    /// of one another.
    pub(crate) fn id_of_key(&self, key: ReservationId) -> Result<ReservationId, Problem> {
        let Self::Customer(customer) = self else {
            return Ok(key);
        };
        ids::scoped(customer, &key)
            .map_err(|error| Problem::invalid_field("Idempotency-Key", error))
    }

    /// For whom a new hold is, if it may be taken.
    pub(crate) fn holder(
        &self,
        id: &ReservationId,
        asked: Option<CustomerId>,
    ) -> Result<Option<CustomerId>, Problem> {
        let Self::Customer(customer) = self else {
            return Ok(asked);
        };
        if id.as_str().starts_with(ORDER_PREFIX) {
            return Err(order_id());
        }
        match asked {
            Some(other) if other != *customer => Err(forbidden(
                "customerId must be absent, or the `sub` of the token",
            )),
            Some(_) | None => Ok(Some(customer.clone())),
        }
    }

    /// Whether they may change a hold at all, before it is looked up.
    pub(crate) fn may_change(&self, id: &ReservationId) -> Result<(), Problem> {
        match self {
            Self::Customer(_) if id.as_str().starts_with(ORDER_PREFIX) => Err(order_id()),
            Self::Customer(_) | Self::Anybody | Self::Stranger | Self::Staff(_) => Ok(()),
        }
    }

    /// Whether a reservation exists for them.
    pub(crate) fn sees(&self, reservation: &Reservation) -> bool {
        match self {
            Self::Customer(customer) => reservation.customer.as_ref() == Some(customer),
            Self::Anybody | Self::Stranger | Self::Staff(_) => true,
        }
    }
}

fn order_id() -> Problem {
    forbidden(format!(
        "reservations whose id begins with {ORDER_PREFIX:?} are the order service's; this needs the role SERVICE or ADMIN"
    ))
}

/// 403 for a hold that an order is bound to.
pub(crate) fn bound_to_order() -> Problem {
    forbidden(
        "an order is bound to this reservation: cancel the order instead; this needs the role SERVICE or ADMIN",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(sub: &str, roles: &[Role]) -> Claims {
        Claims {
            iss: "i".to_owned(),
            sub: sub.to_owned(),
            aud: vec!["a".to_owned()],
            exp: 2,
            iat: 1,
            nbf: None,
            jti: "j".to_owned(),
            roles: roles.to_vec(),
        }
    }

    fn id(text: &str) -> ReservationId {
        ReservationId::parse(text).unwrap()
    }

    #[test]
    fn the_highest_role_counts_and_no_role_is_nobody() {
        let admin = Caller::of(&claims("u-1", &[Role::Customer, Role::Admin]));
        assert_eq!(admin.actor().unwrap().as_str(), "admin:u-1");
        let customer = Caller::of(&claims("u-1", &[Role::Customer]));
        assert_eq!(customer.actor().unwrap().as_str(), "customer:u-1");
        assert_eq!(Caller::of(&claims("u-1", &[])), Caller::Stranger);
        assert_eq!(
            Caller::of(&claims("no id", &[Role::Customer])),
            Caller::Stranger
        );
    }

    #[test]
    fn the_same_key_of_two_customers_is_two_holds() {
        let one = Caller::of(&claims("u-1", &[Role::Customer]));
        let two = Caller::of(&claims("u-2", &[Role::Customer]));
        let scoped = |caller: &Caller, key| caller.id_of_key(id(key)).unwrap();
        assert_eq!(scoped(&one, "k"), scoped(&one, "k"));
        assert_ne!(scoped(&one, "k"), scoped(&two, "k"));
        assert_ne!(scoped(&one, "k"), scoped(&one, "k-2"));
        assert_eq!(scoped(&Caller::Anybody, "k"), id("k"));
    }

    #[test]
    fn a_customer_holds_for_nobody_else() {
        let customer = CustomerId::parse("u-1").unwrap();
        let one = Caller::Customer(customer.clone());
        assert_eq!(one.holder(&id("r"), None).unwrap(), Some(customer.clone()));
        let own = one.holder(&id("r"), Some(customer.clone()));
        assert_eq!(own.unwrap(), Some(customer));
        let other = CustomerId::parse("u-2").unwrap();
        assert!(one.holder(&id("r"), Some(other.clone())).is_err());
        assert!(one.holder(&id("order-1"), None).is_err());
        assert!(one.may_change(&id("order-1")).is_err());
        let staff = Caller::Staff(None);
        assert_eq!(
            staff.holder(&id("order-1"), Some(other.clone())).unwrap(),
            Some(other)
        );
        assert_eq!(Caller::Anybody.holder(&id("order-1"), None).unwrap(), None);
    }
}
