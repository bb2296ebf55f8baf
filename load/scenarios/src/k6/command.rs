//! k6 as a process.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use devstack::program;
use tempfile::TempDir;

use super::{stream, summary};
use crate::{result::Threshold, tally::Tally};

/// Bytes that are read at once from the stream of samples.
const CHUNK: usize = 1 << 20;

/// Its exit code when only thresholds were crossed.
const CROSSED: i32 = 99;

/// Of the runner; no business of a script.
const SECRETS: [&str; 3] = ["LOAD_DATABASE_URL", "LOAD_REDIS_URL", "LOAD_TOKEN"];

/// How much its heap grows before it is swept, in percent. It shares the cores with what it measures, and with Go's own
/// 100 it sweeps every second; memory there is enough.
const HEAP_GROWTH_PERCENT: &str = "400";

/// Lines of its log that are shown when something is wrong.
const LOG_LINES_SHOWN: usize = 15;

/// What is run, and what the script is told.
#[derive(Debug)]
pub struct Settings {
    /// k6 itself.
    pub program: PathBuf,
    /// The script.
    pub script: PathBuf,
    /// For the script, by its environment: a token on a command line would be seen by everybody.
    pub env: Vec<(&'static str, String)>,
    /// More outputs.
    pub outputs: Vec<String>,
}

/// A k6 that runs; killed when it is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    reader: Option<JoinHandle<Result<(), String>>>,
    files: TempDir,
}

/// How it ended.
#[derive(Debug)]
pub struct Ended {
    /// What is wrong beside thresholds, in a sentence.
    pub failure: Option<String>,
    /// The thresholds of the script.
    pub thresholds: Vec<Threshold>,
}

/// Starts it; every sample goes into `tally`.
///
/// # Errors
/// It does not start.
pub fn start(settings: &Settings, tally: &Arc<Mutex<Tally>>) -> Result<Running, String> {
    let files = tempfile::tempdir().map_err(|error| error.to_string())?;
    let log = File::create(files.path().join("log")).map_err(|error| error.to_string())?;
    let mut command = guarded(&settings.program);
    command
        .args(["run", "--quiet", "--no-color", "--no-usage-report"])
        // Nobody steers it from outside, and two of them would want one port.
        .args(["--address", ""])
        .args(["--out", "json=-", "--summary-export"])
        .arg(files.path().join("summary.json"));
    for output in &settings.outputs {
        command.args(["--out", output]);
    }
    for secret in SECRETS {
        command.env_remove(secret);
    }
    let mut child = command
        .arg(&settings.script)
        .env("GOGC", HEAP_GROWTH_PERCENT)
        .envs(settings.env.iter().map(|(name, value)| (*name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .map_err(|error| format!("{} does not start: {error}", settings.program.display()))?;
    let stdout = child.stdout.take();
    let tally = Arc::clone(tally);
    let reader = thread::spawn(move || stdout.map_or(Ok(()), |stdout| read(stdout, &tally)));
    Ok(Running {
        child,
        reader: Some(reader),
        files,
    })
}

/// A program that ends with this thread, where the machine has what takes that.
fn guarded(program: &Path) -> Command {
    match program::find("setpriv") {
        Ok(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL"]).arg(program);
            command
        }
        Err(_) => Command::new(program),
    }
}

/// All samples until the stream ends. It is read to its end also after a line that is not understood: a writer whose
/// pipe is full stands still.
fn read(stream: impl Read, tally: &Mutex<Tally>) -> Result<(), String> {
    let mut stream = BufReader::with_capacity(CHUNK, stream);
    let mut line = String::new();
    let mut result = Ok(());
    loop {
        line.clear();
        match stream.read_line(&mut line) {
            Ok(0) => return result,
            Ok(_) => {}
            Err(error) => return Err(format!("reading what k6 says: {error}")),
        }
        match stream::read(line.trim_end()) {
            Ok(Some(sample)) => tally
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(sample),
            Ok(None) => {}
            Err(error) => result = result.and(Err(error)),
        }
    }
}

impl Running {
    /// Whether it has ended.
    ///
    /// # Errors
    /// The system does not say.
    pub fn has_ended(&mut self) -> Result<bool, String> {
        let status = self.child.try_wait().map_err(|error| error.to_string())?;
        Ok(status.is_some())
    }

    /// Waits until it has ended and all it said is counted.
    ///
    /// # Errors
    /// What it said is not understood, or its summary is not there.
    pub fn finish(mut self) -> Result<Ended, String> {
        let reader = self.reader.take();
        let read = reader.map(JoinHandle::join).transpose();
        let status = self.child.wait().map_err(|error| error.to_string())?;
        let crossed = status.code() == Some(CROSSED);
        let failure = (!status.success() && !crossed)
            .then(|| format!("k6 failed ({status}): {}", self.log()));
        read.map_err(|_| "the reader of samples panicked".to_owned())?
            .unwrap_or(Ok(()))?;
        let text = fs::read_to_string(self.files.path().join("summary.json"));
        let thresholds = match (text, &failure) {
            (Ok(text), _) => summary::thresholds(&text)?,
            (Err(_), Some(_)) => Vec::new(),
            (Err(error), None) => return Err(format!("k6 has left no summary: {error}")),
        };
        Ok(Ended {
            failure,
            thresholds,
        })
    }

    /// The end of its log.
    #[must_use]
    pub fn log(&self) -> String {
        let text = fs::read_to_string(self.files.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may well have ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
