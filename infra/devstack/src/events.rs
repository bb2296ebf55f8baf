//! Events of the stack, read with Kafka's own commands.
//!
//! No Kafka client is linked in: the good ones are C.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _, Seek as _},
    process::{Child, ChildStdout, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use devstack::kafka::Tools;
use serde::Deserialize;

use crate::failure::Failure;

const CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";

/// Between key and value; neither has one in it.
const SEPARATOR: char = '\t';

/// An event, of whatever producer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) kind: String,
    pub(crate) key: String,
    pub(crate) id: String,
}

/// Reads topics from their beginning, until dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    consumer: Child,
    errors: File,
    lines: Receiver<Event>,
    seen: Vec<Event>,
}

impl Watch {
    /// All topics that match the pattern, also those that are yet to be made; of their events those whose key
    /// begins with `prefix`.
    pub(crate) fn start(
        tools: &Tools,
        brokers: &str,
        topics: &str,
        prefix: &str,
    ) -> Result<Self, Failure> {
        let errors = tempfile::tempfile().map_err(Failure::io("making a temporary file"))?;
        let copy = errors
            .try_clone()
            .map_err(Failure::io("making a temporary file"))?;
        let mut consumer = tools
            .command(CONSUMER)
            .args(["--bootstrap-server", brokers, "--include", topics])
            .arg("--from-beginning")
            .args(["--property", "print.key=true"])
            .args(["--consumer-property", "metadata.max.age.ms=500"])
            .args(["--consumer-property", "isolation.level=read_committed"])
            .args(["--consumer-property", "enable.auto.commit=false"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(copy)
            .spawn()
            .map_err(Failure::io("starting Kafka's console consumer"))?;
        let (sender, lines) = channel();
        if let Some(output) = consumer.stdout.take() {
            // Ends with the consumer, whose output ends then.
            let prefix = prefix.to_owned();
            thread::spawn(move || read(output, &prefix, &sender));
        }
        Ok(Self {
            consumer,
            errors,
            lines,
            seen: Vec::new(),
        })
    }

    /// The first event of this key and type.
    pub(crate) fn wait_for(
        &mut self,
        key: &str,
        kind: &str,
        timeout: Duration,
    ) -> Result<Event, Failure> {
        let started = Instant::now();
        loop {
            let mut seen = self.seen.iter();
            if let Some(event) = seen.find(|event| event.key == key && event.kind == kind) {
                return Ok(event.clone());
            }
            let left = timeout.saturating_sub(started.elapsed());
            match self.lines.recv_timeout(left) {
                Ok(event) => self.seen.push(event),
                Err(RecvTimeoutError::Timeout) => {
                    let others = self.seen.iter().filter(|event| event.key == key);
                    let others: Vec<&str> = others.map(|event| event.kind.as_str()).collect();
                    let message = format!(
                        "{kind} with the key {key} is not on Kafka within {timeout:?}; with this key there is {others:?}"
                    );
                    let next = "cargo dev status, cargo dev logs sync-worker, cargo dev logs kafka";
                    return Err(Failure::new(message, next));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.ended()),
            }
        }
    }

    fn ended(&mut self) -> Failure {
        let mut text = String::new();
        // Without its words there still is the fact.
        let _ = self.errors.rewind();
        let _ = self.errors.read_to_string(&mut text);
        let message = format!("Kafka's console consumer ended: {}", text.trim_end());
        Failure::new(message, "cargo dev status, cargo dev logs kafka")
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.consumer.kill();
        let _ = self.consumer.wait();
    }
}

fn read(output: ChildStdout, prefix: &str, sender: &Sender<Event>) {
    let lines = BufReader::new(output).lines().map_while(Result::ok);
    for event in lines.filter_map(|line| parse(&line)) {
        if event.key.starts_with(prefix) && sender.send(event).is_err() {
            return;
        }
    }
}

#[derive(Deserialize)]
struct Envelope {
    id: String,
    #[serde(rename = "type")]
    kind: String,
}

/// `None` for what is no event.
fn parse(line: &str) -> Option<Event> {
    let (key, value) = line.split_once(SEPARATOR)?;
    let Envelope { id, kind } = serde_json::from_str(value).ok()?;
    let key = key.to_owned();
    Some(Event { kind, key, id })
}

#[cfg(test)]
mod tests {
    use devstack::{command, kafka::KafkaServer};

    use super::*;

    #[test]
    fn a_line_is_a_key_and_an_event() {
        let event = parse("o-1\t{\"id\":\"e-1\",\"type\":\"order.placed\",\"data\":{}}").unwrap();
        let expected = Event {
            kind: "order.placed".to_owned(),
            key: "o-1".to_owned(),
            id: "e-1".to_owned(),
        };
        assert_eq!(event, expected);
        for other in ["", "o-1", "o-1\tnot JSON", "null\t{\"id\":\"e-1\"}"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_put_is_read() {
        let kafka = KafkaServer::builder()
            .property("auto.create.topics.enable", "true")
            .start()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let tools = Tools::find(folder.path()).unwrap();
        let (brokers, limit) = (kafka.bootstrap(), Duration::from_secs(60));
        let mut watch = Watch::start(&tools, &brokers, "demo\\..*", "o-").unwrap();
        let mut producer = tools.command("org.apache.kafka.tools.ConsoleProducer");
        producer
            .args(["--bootstrap-server", &brokers, "--topic", "demo.made"])
            .args(["--property", "parse.key=true"]);
        let lines = "other\t{\"id\":\"e-1\",\"type\":\"demo.made\"}\n\
                     o-1\t{\"id\":\"e-2\",\"type\":\"demo.made\"}\n";
        let put = command::finish_with(&mut producer, lines, limit).unwrap();
        assert!(put.status.success(), "{}", put.stderr);
        let event = watch.wait_for("o-1", "demo.made", limit).unwrap();
        assert_eq!(event.id, "e-2");
        let failure = watch
            .wait_for("o-1", "demo.unmade", Duration::from_millis(10))
            .unwrap_err();
        assert!(failure.message.contains("demo.made"), "{}", failure.message);
        assert_eq!(watch.seen.len(), 1, "the other key is not kept");
    }
}
