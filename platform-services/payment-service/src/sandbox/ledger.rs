//! The books of the sandbox: payments, answers by idempotency key, and the file that outlives it.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use contracts::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service_kit::{clock, ids};

use super::script::{ALWAYS, OnCancel};
use crate::toss::wire::{Cancel, CancelDone, Confirm, Failure, Payment, Status};

/// An answer: HTTP status and body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn refusal(status: u16, code: &str, message: &str) -> Self {
        let failure = Failure {
            code: code.to_owned(),
            message: message.to_owned(),
        };
        Self {
            status,
            body: json!(failure),
        }
    }

    pub(crate) fn payment(payment: &Payment) -> Self {
        Self {
            status: 200,
            body: json!(payment),
        }
    }
}

/// A payment and how often it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    payment: Payment,
    /// Queries do not see it.
    hidden: bool,
    confirm_calls: u32,
    cancel_calls: u32,
    /// Cancels that were refused or spoiled on purpose.
    cancels_spoiled: u32,
}

impl Entry {
    /// A payment of what is asked for, without money, under this key.
    fn begun(asked: &Confirm, payment_key: &str, status: Status) -> Self {
        let payment = Payment {
            payment_key: payment_key.to_owned(),
            order_id: asked.order_id.clone(),
            status,
            total_amount: asked.amount,
            balance_amount: 0,
            currency: contracts::KRW.to_owned(),
            last_transaction_key: None,
            cancels: None,
            failure: None,
            requested_at: now(),
            approved_at: None,
            method: Some("카드".to_owned()),
        };
        Self {
            payment,
            hidden: false,
            confirm_calls: 0,
            cancel_calls: 0,
            cancels_spoiled: 0,
        }
    }
}

/// What was answered to an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Answered {
    /// The operation, the key, and what was asked.
    key: String,
    request: Value,
    /// None while the first request is under way.
    reply: Option<Reply>,
}

/// A line of the state file; the last line about something counts.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    Entry(Entry),
    Answered(Answered),
}

#[derive(Debug, Default)]
struct Books {
    entries: BTreeMap<String, Entry>,
    answered: BTreeMap<String, Answered>,
    file: Option<File>,
}

/// What to do with a request that has an idempotency key.
#[derive(Debug)]
pub(crate) enum Turn {
    /// It is the first: do it.
    First,
    /// It was answered.
    Again(Reply),
}

/// The books. All methods lock them for a moment.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Books>);

fn now() -> Option<String> {
    Timestamp::from_unix_ms(clock::unix_ms())
        .ok()
        .map(|at| at.to_string())
}

impl Ledger {
    /// The books in this file, which is made if it is missing.
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let mut books = Books::default();
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .open(path)?;
        for line in BufReader::new(&file).lines() {
            match serde_json::from_str(&line?) {
                Ok(Line::Entry(entry)) => {
                    let key = entry.payment.payment_key.clone();
                    books.entries.insert(key, entry);
                }
                Ok(Line::Answered(answered)) => {
                    books.answered.insert(answered.key.clone(), answered);
                }
                // The last line of a sandbox that was killed.
                Err(error) => tracing::warn!(%error, "a line of the state file was passed over"),
            }
        }
        // What was under way when the sandbox ended is not any more.
        books
            .answered
            .retain(|_, answered| answered.reply.is_some());
        let mut file = file;
        // Never in the middle of a torn line.
        file.write_all(b"\n")?;
        books.file = Some(file);
        Ok(Self(Mutex::new(books)))
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks a request up by its idempotency key and notes that it is under way.
    pub(crate) fn turn(&self, key: Option<&str>, request: &Value) -> Turn {
        let Some(key) = key else { return Turn::First };
        let mut books = self.books();
        let Some(before) = books.answered.get(key) else {
            let answered = Answered {
                key: key.to_owned(),
                request: request.clone(),
                reply: None,
            };
            books.answered.insert(key.to_owned(), answered);
            return Turn::First;
        };
        if before.request != *request {
            return Turn::Again(Reply::refusal(
                400,
                "INVALID_IDEMPOTENCY_KEY",
                "the key was used for another request",
            ));
        }
        Turn::Again(before.reply.clone().unwrap_or_else(|| {
            Reply::refusal(
                409,
                "IDEMPOTENT_REQUEST_PROCESSING",
                "이전 멱등 요청이 처리중입니다.",
            )
        }))
    }

    /// Notes the answer to an idempotency key.
    pub(crate) fn answered(&self, key: Option<&str>, reply: &Reply) {
        let Some(key) = key else { return };
        let mut books = self.books();
        let Some(answered) = books.answered.get_mut(key) else {
            return;
        };
        answered.reply = Some(reply.clone());
        let line = Line::Answered(answered.clone());
        books.write(&line);
    }

    /// Takes note of a confirm: the reply if it is refused, else nothing, and it is in progress.
    pub(crate) fn begin(&self, asked: &Confirm) -> Result<(), Reply> {
        let mut books = self.books();
        let taken_by_another = books.entries.values().any(|entry| {
            let payment = &entry.payment;
            payment.order_id == asked.order_id
                && payment.payment_key != asked.payment_key
                && payment.approved_at.is_some()
        });
        if let Some(entry) = books.entries.get_mut(&asked.payment_key) {
            entry.confirm_calls += 1;
            let payment = &entry.payment;
            if payment.order_id != asked.order_id || payment.total_amount != asked.amount {
                return Err(Reply::refusal(
                    403,
                    "FORBIDDEN_REQUEST",
                    "허용되지 않은 요청입니다.",
                ));
            }
            if payment.status != Status::InProgress {
                return Err(Reply::refusal(
                    400,
                    "ALREADY_PROCESSED_PAYMENT",
                    "이미 처리된 결제 입니다.",
                ));
            }
            return Ok(());
        }
        if taken_by_another {
            return Err(Reply::refusal(
                400,
                "DUPLICATED_ORDER_ID",
                "이미 승인 및 취소가 진행된 중복된 주문번호 입니다.",
            ));
        }
        let mut entry = Entry::begun(asked, &asked.payment_key, Status::InProgress);
        entry.confirm_calls = 1;
        books.keep(entry);
        Ok(())
    }

    /// Another payment of the order, which the customer began and did not go on with.
    pub(crate) fn abandon(&self, asked: &Confirm) {
        let key = format!("{}-before", asked.payment_key);
        self.books()
            .keep(Entry::begun(asked, &key, Status::Expired));
    }

    /// Hides a payment that was begun from queries, as if nobody had asked.
    pub(crate) fn hide(&self, payment_key: &str) {
        self.change(payment_key, |entry| entry.hidden = true);
    }

    /// Takes the money of a payment that is in progress.
    pub(crate) fn approve(&self, payment_key: &str, hidden: bool) -> Option<Payment> {
        self.change(payment_key, |entry| {
            entry.hidden = hidden;
            let payment = &mut entry.payment;
            payment.status = Status::Done;
            payment.balance_amount = payment.total_amount;
            payment.last_transaction_key = Some(ids::uuid());
            payment.approved_at = now();
        })
    }

    /// Declines a payment that is in progress.
    pub(crate) fn decline(&self, payment_key: &str, failure: Failure) -> Option<Payment> {
        self.change(payment_key, |entry| {
            entry.hidden = false;
            entry.payment.status = Status::Aborted;
            entry.payment.failure = Some(failure);
        })
    }

    /// Lets queries see a payment.
    pub(crate) fn show(&self, payment_key: &str) -> Option<Payment> {
        self.change(payment_key, |entry| entry.hidden = false)
    }

    fn change(&self, payment_key: &str, change: impl FnOnce(&mut Entry)) -> Option<Payment> {
        let mut books = self.books();
        let mut entry = books.entries.get(payment_key)?.clone();
        change(&mut entry);
        let payment = entry.payment.clone();
        books.keep(entry);
        Some(payment)
    }

    /// What is to become of this cancel, and notes that it came.
    pub(crate) fn spoil(&self, payment_key: &str) -> OnCancel {
        let mut books = self.books();
        let told = OnCancel::of(payment_key);
        let Some(mut entry) = books.entries.get(payment_key).cloned() else {
            return OnCancel::PayBack;
        };
        entry.cancel_calls += 1;
        let spoiled = match told {
            OnCancel::PayBack => false,
            OnCancel::Refuse(ALWAYS) => true,
            OnCancel::Refuse(times) => entry.cancels_spoiled < times,
            OnCancel::ErrorOnce | OnCancel::HoldBeforeOnce | OnCancel::HoldAfterOnce => {
                entry.cancels_spoiled == 0
            }
        };
        entry.cancels_spoiled += u32::from(spoiled);
        books.keep(entry);
        if spoiled { told } else { OnCancel::PayBack }
    }

    /// Pays back.
    pub(crate) fn cancel(&self, payment_key: &str, asked: &Cancel) -> Result<Payment, Reply> {
        let mut books = self.books();
        let Some(mut entry) = books.seen(payment_key).cloned() else {
            return Err(not_found());
        };
        let payment = &mut entry.payment;
        match payment.status {
            Status::Done | Status::PartialCanceled => {}
            Status::Canceled => {
                return Err(Reply::refusal(
                    400,
                    "ALREADY_CANCELED_PAYMENT",
                    "이미 취소된 결제 입니다.",
                ));
            }
            Status::Ready
            | Status::InProgress
            | Status::WaitingForDeposit
            | Status::Aborted
            | Status::Expired
            | Status::Other => {
                return Err(Reply::refusal(
                    403,
                    "NOT_CANCELABLE_PAYMENT",
                    "취소 할 수 없는 결제 입니다.",
                ));
            }
        }
        let amount = asked.cancel_amount.unwrap_or(payment.balance_amount);
        if amount < 1 || amount > payment.balance_amount {
            return Err(Reply::refusal(
                403,
                "NOT_CANCELABLE_AMOUNT",
                "취소 할 수 없는 금액 입니다.",
            ));
        }
        payment.balance_amount -= amount;
        payment.status = if payment.balance_amount == 0 {
            Status::Canceled
        } else {
            Status::PartialCanceled
        };
        let transaction_key = ids::uuid();
        payment.last_transaction_key = Some(transaction_key.clone());
        payment.cancels.get_or_insert_default().push(CancelDone {
            cancel_amount: amount,
            cancel_reason: asked.cancel_reason.clone(),
            transaction_key,
            cancel_status: CancelDone::DONE.to_owned(),
            canceled_at: now(),
        });
        let payment = payment.clone();
        books.keep(entry);
        Ok(payment)
    }

    /// A payment by its key.
    pub(crate) fn by_key(&self, payment_key: &str) -> Reply {
        let books = self.books();
        let seen = books.seen(payment_key);
        seen.map_or_else(not_found, |entry| Reply::payment(&entry.payment))
    }

    /// The payment of an order: the one with money, else the last one begun.
    pub(crate) fn by_order(&self, order_id: &str) -> Reply {
        let books = self.books();
        let best = books
            .entries
            .values()
            .filter(|entry| !entry.hidden && entry.payment.order_id == order_id)
            .max_by_key(|entry| {
                let payment = &entry.payment;
                (payment.approved_at.is_some(), payment.requested_at.clone())
            });
        best.map_or_else(not_found, |entry| Reply::payment(&entry.payment))
    }

    /// The books for people and tests; of one order, or of all.
    pub(crate) fn written(&self, order_id: Option<&str>) -> Value {
        let books = self.books();
        let mut orders: BTreeMap<&str, (i64, i64, Vec<Value>)> = BTreeMap::new();
        for entry in books.entries.values() {
            let payment = &entry.payment;
            if order_id.is_some_and(|wanted| wanted != payment.order_id) {
                continue;
            }
            let approved = payment
                .approved_at
                .as_ref()
                .map_or(0, |_| payment.total_amount);
            let cancelled = payment
                .cancels
                .iter()
                .flatten()
                .map(|cancel| cancel.cancel_amount)
                .sum::<i64>();
            let (sum_approved, sum_cancelled, payments) =
                orders.entry(&payment.order_id).or_default();
            *sum_approved += approved;
            *sum_cancelled += cancelled;
            payments.push(json!({
                "paymentKey": payment.payment_key,
                "status": payment.status,
                "totalAmount": payment.total_amount,
                "approved": approved,
                "cancelled": cancelled,
                "confirmCalls": entry.confirm_calls,
                "cancelCalls": entry.cancel_calls,
            }));
        }
        let approved: i64 = orders.values().map(|(approved, _, _)| approved).sum();
        let cancelled: i64 = orders.values().map(|(_, cancelled, _)| cancelled).sum();
        let orders: Vec<Value> = orders
            .into_iter()
            .map(|(order_id, (approved, cancelled, payments))| {
                json!({
                    "orderId": order_id,
                    "approved": approved,
                    "cancelled": cancelled,
                    "net": approved - cancelled,
                    "payments": payments,
                })
            })
            .collect();
        json!({
            "approved": approved,
            "cancelled": cancelled,
            "net": approved - cancelled,
            "orders": orders,
        })
    }
}

fn not_found() -> Reply {
    Reply::refusal(404, "NOT_FOUND_PAYMENT", "존재하지 않는 결제 입니다.")
}

impl Books {
    fn seen(&self, payment_key: &str) -> Option<&Entry> {
        self.entries.get(payment_key).filter(|entry| !entry.hidden)
    }

    fn keep(&mut self, entry: Entry) {
        self.write(&Line::Entry(entry.clone()));
        self.entries
            .insert(entry.payment.payment_key.clone(), entry);
    }

    fn write(&mut self, line: &Line) {
        let Some(file) = &mut self.file else { return };
        let mut text = json!(line).to_string();
        text.push('\n');
        // One write for each line: a kill leaves whole lines, or a torn one at the end.
        if let Err(error) = file.write_all(text.as_bytes()) {
            tracing::error!(%error, "the state file cannot be written");
        }
    }
}
