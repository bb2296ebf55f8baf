//! The saga as a whole: this crate's decisions between a small model of the stock and one of the
//! payment, with events that are late, repeated and in any order across topics. Whatever happens, it
//! ends well.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a model of a few lines: what it does not name does nothing"
)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Command, Decision, Event, State, Status, decide};

const UNITS: u64 = 3;
const PRICE: i64 = 1000;
const TOTAL: i64 = PRICE * 3;

/// What goes over Kafka, as far as it matters. One topic each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Topic {
    OrderPlaced,
    OrderConfirmed,
    OrderCancelled,
    RefundRequested,
    Reserved,
    ReservationFailed,
    Confirmed,
    ConfirmFailed,
    Released,
    Expired,
    Returned,
    PaymentCreated,
    PaymentCompleted,
    PaymentFailed,
    PaymentCancelled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Consumer {
    Order,
    Payment,
    Stock,
}

impl Topic {
    fn consumers(self) -> &'static [Consumer] {
        use Consumer::{Order, Payment, Stock};
        match self {
            Self::OrderPlaced | Self::OrderCancelled => &[Stock, Payment],
            Self::OrderConfirmed => &[Stock],
            Self::RefundRequested => &[Payment],
            Self::Reserved => &[Order, Payment],
            Self::ReservationFailed
            | Self::Confirmed
            | Self::ConfirmFailed
            | Self::Released
            | Self::Expired
            | Self::Returned
            | Self::PaymentCreated
            | Self::PaymentCompleted
            | Self::PaymentFailed => &[Order],
            Self::PaymentCancelled => &[Order, Stock],
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Message {
    id: usize,
    amount: i64,
    /// The refund and its units.
    refund: Option<(usize, u64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    None,
    Open,
    Released,
    Expired,
    Sold,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Payment {
    None,
    Ready,
    /// The gateway timed out; whether it took the money shows later.
    Unknown {
        taken: bool,
    },
    Approved,
    Failed,
    Closed,
}

/// What people, clocks and networks do.
#[derive(Debug, Clone, Copy)]
enum Action {
    /// The next message of the topic for one of its consumers.
    Deliver(usize, usize),
    /// A consumer starts over with a topic.
    Rewind(usize, usize),
    Pay,
    Decline,
    PayAndTimeOut {
        taken: bool,
    },
    Settle,
    Expire,
    Cancel,
    GiveUp,
    Refund {
        units: u64,
    },
    /// Support pays back by hand.
    PayBackByHand {
        amount: i64,
    },
    /// The watchdog says it again.
    Redrive,
}

#[derive(Debug)]
struct World {
    topics: BTreeMap<Topic, Vec<Message>>,
    /// How far each consumer has read each topic.
    read: BTreeMap<(Topic, usize), usize>,
    inboxes: [BTreeSet<usize>; 3],
    next_id: usize,

    state: State,
    refunds_asked: u64,
    /// Refunds of ours: units, and whether they are done.
    refunds: Vec<(u64, bool)>,

    in_stock: bool,
    can_reacquire: bool,
    hold: Hold,
    commands: BTreeSet<Topic>,
    units_back: u64,
    units_refused: u64,

    payment: Payment,
    knows_order: bool,
    knows_hold: bool,
    called_off: bool,
    taken: i64,
    given_back: i64,
}

impl World {
    fn new(in_stock: bool, can_reacquire: bool) -> Self {
        let mut world = Self {
            topics: BTreeMap::new(),
            read: BTreeMap::new(),
            inboxes: Default::default(),
            next_id: 0,
            state: State {
                status: Status::Placed,
                sold_early: false,
                total_amount: TOTAL,
                refunded_amount: 0,
                units: UNITS,
                units_refunded: 0,
            },
            refunds_asked: 0,
            refunds: Vec::new(),
            in_stock,
            can_reacquire,
            hold: Hold::None,
            commands: BTreeSet::new(),
            units_back: 0,
            units_refused: 0,
            payment: Payment::None,
            knows_order: false,
            knows_hold: false,
            called_off: false,
            taken: 0,
            given_back: 0,
        };
        world.send(Topic::OrderPlaced, Message::default());
        world
    }

    fn send(&mut self, topic: Topic, message: Message) {
        self.next_id += 1;
        let message = Message {
            id: self.next_id,
            ..message
        };
        self.topics.entry(topic).or_default().push(message);
    }

    /// Whether there was something to deliver.
    fn deliver(&mut self, topic: Topic, consumer: usize) -> bool {
        let at = self.read.entry((topic, consumer)).or_default();
        let Some(message) = self.topics.get(&topic).and_then(|all| all.get(*at)) else {
            return false;
        };
        let message = *message;
        *at += 1;
        let who = topic.consumers()[consumer];
        match who {
            Consumer::Order => {
                if self.inboxes[0].insert(message.id) {
                    self.order(topic, message);
                }
            }
            Consumer::Payment => {
                if self.inboxes[1].insert(message.id) {
                    self.payment(topic, message);
                }
            }
            Consumer::Stock => self.stock(topic, message),
        }
        true
    }

    // === the order: the decisions under test ===

    fn order(&mut self, topic: Topic, message: Message) {
        let event = match topic {
            Topic::Reserved => Event::HoldReserved,
            Topic::ReservationFailed => Event::HoldRefused,
            Topic::Confirmed => Event::HoldConfirmed,
            Topic::ConfirmFailed => Event::HoldConfirmFailed,
            Topic::Released => Event::HoldReleased,
            Topic::Expired => Event::HoldExpired,
            Topic::Returned => Event::HoldReturned,
            Topic::PaymentCreated => Event::PaymentCreated,
            Topic::PaymentCompleted => Event::PaymentCompleted {
                amount: message.amount,
            },
            Topic::PaymentFailed => Event::PaymentFailed,
            Topic::PaymentCancelled => match message.refund {
                Some((refund, units)) if !self.refunds[refund].1 => {
                    self.refunds[refund].1 = true;
                    Event::RefundPaid {
                        amount: message.amount,
                        units,
                    }
                }
                _ => Event::PaymentCancelled {
                    amount: message.amount,
                },
            },
            Topic::OrderPlaced
            | Topic::OrderConfirmed
            | Topic::OrderCancelled
            | Topic::RefundRequested => return,
        };
        self.happen(event);
    }

    fn happen(&mut self, event: Event) {
        let decision = decide(&self.state, event);
        match event {
            Event::HoldConfirmed if self.state.status.is_unpaid() => self.state.sold_early = true,
            Event::PaymentCancelled { amount } => self.state.refunded_amount += amount,
            Event::RefundPaid { amount, units } => {
                self.state.refunded_amount += amount;
                self.state.units_refunded += units;
            }
            _ => {}
        }
        let command = match decision {
            Decision::Move {
                transition,
                command,
            } => {
                self.state.status = transition.to;
                command
            }
            Decision::Tell(command) => Some(command),
            Decision::Ignore(_) => None,
        };
        match command {
            Some(Command::SellStock) => self.send(Topic::OrderConfirmed, Message::default()),
            Some(Command::CallOff) => self.send(Topic::OrderCancelled, Message::default()),
            Some(Command::PayBack) | None => {}
        }
    }

    fn ask_refund(&mut self, units: u64) {
        let left = UNITS - self.refunds_asked;
        let units = units.min(left);
        let promised: i64 = self
            .refunds
            .iter()
            .filter(|(_, done)| !done)
            .map(|(units, _)| PRICE * i64::try_from(*units).unwrap())
            .sum();
        let amount = PRICE * i64::try_from(units).unwrap();
        let money_left = TOTAL - self.state.refunded_amount - promised;
        if units == 0
            || amount > money_left
            || decide(&self.state, Event::RefundRequested) != Decision::Tell(Command::PayBack)
        {
            return;
        }
        self.refunds_asked += units;
        self.refunds.push((units, false));
        let refund = Some((self.refunds.len() - 1, units));
        self.send(
            Topic::RefundRequested,
            Message {
                amount,
                refund,
                ..Message::default()
            },
        );
    }

    fn redrive(&mut self) {
        match self.state.status {
            Status::Placed | Status::Reserved => {
                self.send(Topic::OrderPlaced, Message::default());
            }
            Status::Paid => self.send(Topic::OrderConfirmed, Message::default()),
            _ => {}
        }
    }

    // === the stock: a hold, and commands that each count once ===

    fn stock(&mut self, topic: Topic, message: Message) {
        if topic == Topic::PaymentCancelled {
            if let Some((_, units)) = message.refund
                && self.inboxes[2].insert(message.id)
            {
                self.units_back += units;
                self.send(Topic::Returned, Message::default());
            }
            return;
        }
        if topic == Topic::OrderPlaced && self.commands.contains(&Topic::OrderCancelled) {
            return;
        }
        if !self.commands.insert(topic) {
            return;
        }
        let answer = match (topic, self.hold) {
            (Topic::OrderPlaced, Hold::None) if self.in_stock => {
                self.hold = Hold::Open;
                Topic::Reserved
            }
            (Topic::OrderPlaced, _) => Topic::ReservationFailed,
            (Topic::OrderConfirmed, Hold::Open) => {
                self.hold = Hold::Sold;
                Topic::Confirmed
            }
            (Topic::OrderConfirmed, Hold::Expired) if self.can_reacquire => {
                self.hold = Hold::Sold;
                Topic::Confirmed
            }
            (Topic::OrderConfirmed, _) => Topic::ConfirmFailed,
            (Topic::OrderCancelled, Hold::None | Hold::Open) => {
                self.hold = Hold::Released;
                Topic::Released
            }
            _ => return,
        };
        self.send(answer, Message::default());
    }

    // === the payment ===

    fn payment(&mut self, topic: Topic, message: Message) {
        match topic {
            Topic::OrderPlaced => self.knows_order = true,
            Topic::Reserved => self.knows_hold = true,
            Topic::OrderCancelled => self.call_off(),
            // The gateway refuses what is more than was left, after something was paid back by hand.
            Topic::RefundRequested if self.given_back + message.amount > TOTAL => {
                self.units_refused += message.refund.map_or(0, |(_, units)| units);
            }
            Topic::RefundRequested => {
                self.given_back += message.amount;
                self.send(Topic::PaymentCancelled, message);
            }
            _ => {}
        }
        if self.payment == Payment::None && self.knows_order && self.knows_hold {
            self.payment = Payment::Ready;
            self.send(Topic::PaymentCreated, Message::default());
        }
    }

    fn call_off(&mut self) {
        self.called_off = true;
        match self.payment {
            Payment::None | Payment::Ready => {
                self.payment = Payment::Closed;
                self.send(Topic::PaymentCancelled, Message::default());
            }
            Payment::Approved => self.give_back(TOTAL - self.given_back),
            // Settled first.
            Payment::Unknown { .. } | Payment::Failed | Payment::Closed => {}
        }
    }

    fn give_back(&mut self, amount: i64) {
        if amount > 0 {
            self.given_back += amount;
            let message = Message {
                amount,
                ..Message::default()
            };
            self.send(Topic::PaymentCancelled, message);
        }
    }

    fn approve(&mut self) {
        self.payment = Payment::Approved;
        self.taken += TOTAL;
        let message = Message {
            amount: TOTAL,
            ..Message::default()
        };
        self.send(Topic::PaymentCompleted, message);
        if self.called_off {
            self.give_back(TOTAL);
        }
    }

    fn fail(&mut self) {
        self.payment = Payment::Failed;
        self.send(Topic::PaymentFailed, Message::default());
    }

    fn settle(&mut self) {
        match self.payment {
            Payment::Unknown { taken: true } => self.approve(),
            Payment::Unknown { taken: false } => self.fail(),
            _ => {}
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Deliver(topic, consumer) => {
                let topic = *self.topics.keys().nth(topic % self.topics.len()).unwrap();
                self.deliver(topic, consumer % topic.consumers().len());
            }
            Action::Rewind(topic, consumer) => {
                let topic = *self.topics.keys().nth(topic % self.topics.len()).unwrap();
                self.read
                    .insert((topic, consumer % topic.consumers().len()), 0);
            }
            Action::Pay if self.payment == Payment::Ready => self.approve(),
            Action::Decline if self.payment == Payment::Ready => self.fail(),
            Action::PayAndTimeOut { taken } if self.payment == Payment::Ready => {
                self.payment = Payment::Unknown { taken };
            }
            Action::Settle => self.settle(),
            Action::Expire if self.hold == Hold::Open => {
                self.hold = Hold::Expired;
                self.send(Topic::Expired, Message::default());
            }
            Action::Cancel => self.happen(Event::CancelRequested),
            Action::GiveUp => self.happen(Event::TimedOut),
            Action::Refund { units } => self.ask_refund(units),
            Action::PayBackByHand { amount } if self.payment == Payment::Approved => {
                self.give_back(amount.min(TOTAL - self.given_back));
            }
            Action::Redrive => self.redrive(),
            _ => {}
        }
    }

    fn drain(&mut self) {
        loop {
            let topics: Vec<Topic> = self.topics.keys().copied().collect();
            let mut moved = false;
            for topic in topics {
                for consumer in 0..topic.consumers().len() {
                    while self.deliver(topic, consumer) {
                        moved = true;
                    }
                }
            }
            if !moved {
                return;
            }
        }
    }

    fn end(&mut self) {
        self.drain();
        self.settle();
        self.drain();
        // Who has not paid by now will not; the hold's end tells the order, or the watchdog does.
        self.act(Action::Expire);
        self.drain();
        self.act(Action::GiveUp);
        self.drain();
    }
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        40 => (0..15_usize, 0..2_usize).prop_map(|(topic, to)| Action::Deliver(topic, to)),
        4 => (0..15_usize, 0..2_usize).prop_map(|(topic, to)| Action::Rewind(topic, to)),
        8 => Just(Action::Pay),
        2 => Just(Action::Decline),
        2 => any::<bool>().prop_map(|taken| Action::PayAndTimeOut { taken }),
        2 => Just(Action::Settle),
        2 => Just(Action::Expire),
        2 => Just(Action::Cancel),
        1 => Just(Action::GiveUp),
        4 => (1..=UNITS).prop_map(|units| Action::Refund { units }),
        1 => (1..=TOTAL).prop_map(|amount| Action::PayBackByHand { amount }),
        2 => Just(Action::Redrive),
    ];
    prop::collection::vec(action, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn it_ends_well(in_stock in prop::bool::weighted(0.9), can_reacquire: bool, actions in actions()) {
        let mut world = World::new(in_stock, can_reacquire);
        for action in actions {
            let before = world.state.status;
            world.act(action);
            prop_assert!(world.state.status >= before, "no way back: {before} {world:?}");
        }
        world.end();

        let kept = world.taken - world.given_back;
        let state = &world.state;
        match state.status {
            Status::Cancelled => {
                prop_assert_eq!(kept, 0, "charged and cancelled: {:?}", world);
                prop_assert!(
                    !matches!(world.hold, Hold::Open | Hold::Sold),
                    "cancelled with its units: {:?}", world
                );
                prop_assert!(
                    !matches!(world.payment, Payment::Ready | Payment::Unknown { .. }),
                    "cancelled and still to be paid: {:?}", world
                );
            }
            Status::Confirmed | Status::PartiallyRefunded | Status::Refunded => {
                prop_assert_eq!(world.taken, TOTAL, "sold and not paid: {:?}", world);
                prop_assert_eq!(state.refunded_amount, world.given_back, "{:?}", world);
                prop_assert_eq!(world.hold, Hold::Sold, "{:?}", world);
                prop_assert_eq!(state.units_refunded, world.units_back, "{:?}", world);
                prop_assert_eq!(state.units_refunded + world.units_refused, world.refunds_asked, "{:?}", world);
                let expected = if world.given_back == TOTAL {
                    Status::Refunded
                } else if world.given_back > 0 {
                    Status::PartiallyRefunded
                } else {
                    Status::Confirmed
                };
                prop_assert_eq!(state.status, expected, "{:?}", world);
            }
            Status::Placed | Status::Reserved | Status::PaymentPending | Status::Paid => {
                prop_assert!(false, "no end: {:?}", world);
            }
        }
    }
}
