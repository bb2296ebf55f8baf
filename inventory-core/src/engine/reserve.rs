//! The hot path: many independent reservations in one script call.

use std::{
    collections::{HashMap, HashSet},
    time::Instant,
};

use redis::Value;

use super::{
    Engine, Held,
    call::{Answer, Route, Shard, protocol},
    codec::{
        numbers::Numbers,
        record::{head, parse_stored, tail},
    },
};
use crate::{
    domain::{
        Fault, LimitExceeded, Line, Outcome, Refusal, Reserve, ShardId, Shortage, Success,
        TimestampMs,
    },
    limits::{BATCH_LINES_MAX, BATCH_RESERVATIONS_MAX},
};

/// What one reservation of a batch comes to.
type Decision = Result<Outcome<Held>, Fault>;

impl Engine {
    /// Holds the lines of one reservation, all or nothing; see [`Reserve`].
    ///
    /// # Errors
    /// [`Fault`]; an outcome that stays unknown at `deadline` may be asked for again.
    pub async fn reserve(
        &self,
        shard: ShardId,
        command: &Reserve,
        deadline: Instant,
    ) -> Result<Outcome<Held>, Fault> {
        let mut decisions = self
            .reserve_batch(shard, std::slice::from_ref(command), deadline)
            .await;
        decisions
            .pop()
            .unwrap_or_else(|| Err(protocol("a batch of one has no answer")))
    }

    /// Holds many independent reservations, each all or nothing. One decision per command, in
    /// order. As many go into one script call as [`BATCH_RESERVATIONS_MAX`] and
    /// [`BATCH_LINES_MAX`] allow; two commands with the same id go into different calls.
    pub async fn reserve_batch(
        &self,
        shard: ShardId,
        commands: &[Reserve],
        deadline: Instant,
    ) -> Vec<Result<Outcome<Held>, Fault>> {
        let shard = self.shard(shard);
        let mut decisions: Vec<Option<Decision>> = commands.iter().map(|_| None).collect();
        let mut waiting: Vec<usize> = (0..commands.len()).collect();
        while !waiting.is_empty() {
            let call = next_call(commands, &waiting);
            let batch: Vec<&Reserve> = call.iter().filter_map(|&i| commands.get(i)).collect();
            match reserve_call(shard, &batch, deadline).await {
                Ok(answers) => {
                    let late = Instant::now() >= deadline;
                    for (&index, answer) in call.iter().zip(answers) {
                        // Holds were expired; ask again for those that they stood in the way of.
                        let again = matches!(answer, Err(Fault::ReapMore)) && !late;
                        if let Some(decision) = decisions.get_mut(index).filter(|_| !again) {
                            *decision = Some(answer);
                        }
                    }
                }
                Err(fault) => {
                    for &index in &call {
                        if let Some(decision) = decisions.get_mut(index) {
                            *decision = Some(Err(fault.clone()));
                        }
                    }
                }
            }
            waiting.retain(|&index| decisions.get(index).is_some_and(Option::is_none));
        }
        decisions.into_iter().flatten().collect()
    }
}

/// The first of the waiting that fit into one script call.
fn next_call(commands: &[Reserve], waiting: &[usize]) -> Vec<usize> {
    let mut ids = HashSet::with_capacity(waiting.len().min(BATCH_RESERVATIONS_MAX));
    let mut lines = 0_usize;
    let mut call = Vec::with_capacity(waiting.len().min(BATCH_RESERVATIONS_MAX));
    for &index in waiting {
        let Some(command) = commands.get(index) else {
            continue;
        };
        lines = lines.saturating_add(command.lines.as_slice().len());
        let full = call.len() == BATCH_RESERVATIONS_MAX || lines > BATCH_LINES_MAX;
        if (full && !call.is_empty()) || !ids.insert(command.id.as_str()) {
            break;
        }
        call.push(index);
    }
    call
}

async fn reserve_call(
    shard: &Shard,
    batch: &[&Reserve],
    deadline: Instant,
) -> Result<Vec<Decision>, Fault> {
    let arguments = Arguments::pack(shard, batch);
    let call = shard.call(
        Route::Lane,
        &shard.scripts.reserve,
        deadline,
        |cmd, epoch| {
            let keys = 3_usize
                .saturating_add(arguments.stocks.len())
                .saturating_add(batch.len());
            cmd.arg(keys)
                .arg(&shard.keys.meta)
                .arg(&shard.keys.journal)
                .arg(&shard.keys.deadlines);
            for key in &arguments.stocks {
                cmd.arg(key);
            }
            for command in batch {
                cmd.arg(shard.keys.reservation(&command.id));
            }
            cmd.arg(epoch.0)
                .arg(shard.config.clock.argument())
                .arg(&arguments.numbers);
            for (head, tail) in &arguments.texts {
                cmd.arg(head).arg(tail);
            }
        },
    );
    let mut answer = call.await?;
    if answer.code != "OK" {
        return Err(protocol(&answer.code));
    }
    let n: i64 = answer.next()?;
    let now = TimestampMs(answer.next()?);
    let reaped: u32 = answer.next()?;
    let decisions: Vec<Decision> = batch
        .iter()
        .map(|command| decision(command, now, &mut answer))
        .collect();
    let held = decisions
        .iter()
        .filter(|d| matches!(d, Ok(Ok(held)) if !held.replayed))
        .count();
    let changes = u32::try_from(held)
        .unwrap_or(u32::MAX)
        .saturating_add(reaped);
    shard.acknowledged(answer.epoch, n, changes);
    Ok(decisions)
}

/// The arguments that do not depend on the epoch.
struct Arguments {
    stocks: Vec<String>,
    numbers: Vec<u8>,
    texts: Vec<(String, Vec<u8>)>,
}

impl Arguments {
    fn pack(shard: &Shard, batch: &[&Reserve]) -> Self {
        let lines: usize = batch.iter().map(|c| c.lines.as_slice().len()).sum();
        let mut places: HashMap<(&str, &str), u32> = HashMap::with_capacity(lines);
        let mut stocks = Vec::with_capacity(lines);
        let mut per_reservation = Vec::with_capacity(batch.len().saturating_mul(4));
        let mut texts = Vec::with_capacity(batch.len());
        for command in batch {
            per_reservation.push(command.ttl_ms);
            per_reservation.push(count(command.lines.as_slice().len()));
            for line in &command.lines {
                let place = places
                    .entry((line.location.as_str(), line.sku.as_str()))
                    .or_insert_with(|| {
                        stocks.push(shard.keys.stock(&line.stock_key()));
                        count(stocks.len())
                    });
                per_reservation.push(*place);
                per_reservation.push(line.quantity);
            }
            texts.push((
                head("R", command.id.as_str(), &command.context),
                tail(command),
            ));
        }
        let mut numbers = Numbers::with_capacity(per_reservation.len().saturating_add(2));
        numbers.push(count(stocks.len()));
        numbers.push(count(batch.len()));
        for number in per_reservation {
            numbers.push(number);
        }
        Self {
            stocks,
            numbers: numbers.finish(),
            texts,
        }
    }
}

/// Lengths that limits keep far below `u32::MAX`.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn decision(command: &Reserve, now: TimestampMs, answer: &mut Answer) -> Decision {
    match answer.next_value() {
        Some(Value::Int(0)) => {
            let deadline = now.plus_ms(u64::from(command.ttl_ms));
            Ok(Ok(Success {
                value: Held::New {
                    created: now,
                    deadline,
                },
                replayed: false,
            }))
        }
        Some(Value::Array(parts)) => refused_or_known(command, parts),
        _ => Err(protocol("a reservation of a batch has no answer")),
    }
}

fn refused_or_known(command: &Reserve, parts: Vec<Value>) -> Decision {
    let mut parts = parts.into_iter();
    let code: String = part(&mut parts)?;
    match code.as_str() {
        "REPLAYED" => {
            let bytes: Vec<u8> = part(&mut parts)?;
            let corrupt = || Fault::Corrupt {
                key: format!("rsv:{}", command.id),
            };
            let record = parse_stored(&command.id, &bytes).ok_or_else(corrupt)?;
            Ok(Ok(Success {
                value: Held::Existing(Box::new(record)),
                replayed: true,
            }))
        }
        "IDEMPOTENCY_MISMATCH" => Ok(Err(Refusal::IdempotencyMismatch)),
        "RESERVATION_RELEASED" => Ok(Err(Refusal::ReservationReleased)),
        "REAP_MORE" => Err(Fault::ReapMore),
        "STORE_CORRUPT" => Err(Fault::Corrupt {
            key: part(&mut parts)?,
        }),
        _ => lines_refused(command, &code, &mut parts),
    }
}

fn lines_refused(command: &Reserve, code: &str, parts: &mut std::vec::IntoIter<Value>) -> Decision {
    let mut shortages = Vec::new();
    let mut unknown = Vec::new();
    let mut exceeded = Vec::new();
    let mut skus = Vec::new();
    while parts.len() > 0 {
        let line = line_of(command, parts)?;
        match code {
            "INSUFFICIENT_STOCK" => shortages.push(Shortage {
                key: line.stock_key(),
                requested: u64::from(line.quantity),
                available: part(parts)?,
            }),
            "UNKNOWN_SKU" => unknown.push(line.stock_key()),
            "PURCHASE_LIMIT_EXCEEDED" => exceeded.push(LimitExceeded {
                sku: line.sku.clone(),
                limit: part(parts)?,
                used: part(parts)?,
                requested: part(parts)?,
            }),
            "CUSTOMER_REQUIRED" => skus.push(line.sku.clone()),
            code => return Err(protocol(&format!("no script answers {code}"))),
        }
    }
    Ok(Err(match code {
        "INSUFFICIENT_STOCK" => Refusal::InsufficientStock(shortages),
        "UNKNOWN_SKU" => Refusal::UnknownSku(unknown),
        "PURCHASE_LIMIT_EXCEEDED" => Refusal::PurchaseLimitExceeded(exceeded),
        _ => Refusal::CustomerRequired(skus),
    }))
}

fn part<T: redis::FromRedisValue>(parts: &mut std::vec::IntoIter<Value>) -> Result<T, Fault> {
    let value = parts
        .next()
        .ok_or_else(|| protocol("an answer is too short"))?;
    redis::from_redis_value(value).map_err(|error| protocol(&error.to_string()))
}

fn line_of<'a>(
    command: &'a Reserve,
    parts: &mut std::vec::IntoIter<Value>,
) -> Result<&'a Line, Fault> {
    let index: usize = part(parts)?;
    let line = index
        .checked_sub(1)
        .and_then(|index| command.lines.as_slice().get(index));
    line.ok_or_else(|| protocol("an answer names a line that was not asked"))
}
