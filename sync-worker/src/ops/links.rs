//! What the parts beside the projection depend on, as the ops port tells it.

use std::sync::{Arc, Mutex, PoisonError};

use inventory_core::{ShardId, engine::Engine};
use serde_json::{Value, json};

/// Which parts run, and how it stands with what they need. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Links {
    /// Whether this process projects: then only that decides whether it is ready.
    pub(super) projection: bool,
    has_kafka: bool,
    has_commands: bool,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// `None`: nobody has asked yet.
    kafka: Option<Result<(), String>>,
    /// Of the commands.
    engine: Option<Engine>,
}

impl Links {
    /// Of a process with these parts.
    #[must_use]
    pub fn new(projection: bool, has_kafka: bool, has_commands: bool) -> Self {
        Self {
            projection,
            has_kafka,
            has_commands,
            state: Arc::default(),
        }
    }

    /// Whether Kafka answered, or why not.
    pub fn kafka(&self, answer: Result<(), String>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.kafka.as_ref().map(Result::is_ok) != Some(answer.is_ok()) {
            match &answer {
                Ok(()) => tracing::info!("Kafka is there"),
                Err(why) => tracing::warn!(why, "Kafka is not there"),
            }
        }
        state.kafka = Some(answer);
    }

    /// The engine that commands go to, once it is connected.
    pub fn engine(&self, engine: Engine) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.engine = Some(engine);
    }

    /// Kafka, as a dependency: whether it is as it should be, and its JSON.
    pub(super) fn kafka_now(&self) -> (bool, Value) {
        if !self.has_kafka {
            return (true, json!({"status": "off"}));
        }
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &state.kafka {
            None => (false, json!({"status": "unknown"})),
            Some(Ok(())) => (true, json!({"status": "up"})),
            Some(Err(why)) => (false, json!({"status": "down", "detail": why})),
        }
    }

    /// The engine of the commands, as a dependency; `None` where no commands run.
    pub(super) fn engine_now(&self) -> Option<(bool, Value)> {
        if !self.has_commands {
            return None;
        }
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(engine) = &state.engine else {
            return Some((false, json!({"status": "unknown"})));
        };
        Some(match engine.gate(ShardId::ZERO) {
            Ok(_) => (true, json!({"status": "up"})),
            Err(why) => (false, json!({"status": "down", "detail": why})),
        })
    }
}
