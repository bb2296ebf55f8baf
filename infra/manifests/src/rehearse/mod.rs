//! Executes a Dockerfile where there is no Docker: each stage is a Debian of its own, made by debootstrap; each `RUN`
//! happens in it by chroot, each `COPY` is a copy. Then every program of the last stages is started, as the image's
//! user, on a file system that it cannot write to, and stopped by SIGTERM.
//!
//! What differs from a build: the toolchain of the `rust` image is that of this machine, mounted; layers are not kept.

mod context;
mod record;
mod start;
mod tree;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use self::{record::Record, tree::Tree};
use crate::{
    FileError,
    dockerfile::{Stage, Step, stages},
};

/// How long one step may take; a release build of everything takes some ten minutes on two cores.
const STEP_TIMEOUT: Duration = Duration::from_secs(5_400);

/// Why a rehearsal ended.
#[derive(Debug, thiserror::Error)]
pub enum RehearseError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A program that is needed, or did not do what it should.
    #[error(transparent)]
    Stack(#[from] devstack::Error),
    /// A step that failed.
    #[error("{step}\n{log}")]
    Step {
        /// As the Dockerfile has it.
        step: String,
        /// What was printed.
        log: String,
    },
    /// A program of the image that does not do as it should.
    #[error("{program}: {reason}")]
    Program {
        /// Its name.
        program: String,
        /// What it does.
        reason: String,
    },
}

/// Rehearses `dockerfile` for the checkout at `root`, in a folder under `scratch`, and writes
/// `infra/docker/rehearsals/NAME.md`. The answer says where.
///
/// # Errors
/// [`RehearseError`]; the record of before stays.
pub fn run(
    root: &Path,
    dockerfile: &Path,
    scratch: &Path,
    keep: bool,
) -> Result<String, RehearseError> {
    let work = tempfile::Builder::new()
        .prefix("rehearse-")
        .tempdir_in(scratch)
        .map_err(|error| FileError::of(scratch)(&error))?;
    let stages = stages(dockerfile)?;
    let context = work.path().join("context");
    context::make(root, &context)?;
    let mut record = Record::new(dockerfile);
    let debian = work.path().join("debian");
    Tree::bootstrap(&debian)?;
    let mut done = BTreeMap::new();
    for (index, stage) in stages.iter().enumerate() {
        let name = stage
            .name
            .clone()
            .unwrap_or_else(|| format!("stage-{index}"));
        let tree = begin(stage, &debian, &work.path().join(&name), &done, &mut record)?;
        execute(stage, &tree, &context, &done, &mut record)?;
        if stage.cmd().is_some() {
            record.image(&name, stage, &tree)?;
            start::all(stage, &tree, &mut record)?;
        }
        done.insert(name, tree);
    }
    let written = record.write(root)?;
    if keep {
        let kept = work.keep();
        return Ok(format!(
            "{} is written; the folders are in {}",
            written.display(),
            kept.display()
        ));
    }
    Ok(format!("{} is written", written.display()))
}

fn begin(
    stage: &Stage,
    debian: &Path,
    place: &Path,
    done: &BTreeMap<String, Tree>,
    record: &mut Record,
) -> Result<Tree, RehearseError> {
    let started = Instant::now();
    let tree = match done.get(&stage.base) {
        Some(base) => base.copy_to(place)?,
        None => Tree::of_image(&stage.base, debian, place)?,
    };
    record.stage(stage, started.elapsed());
    Ok(tree)
}

fn execute(
    stage: &Stage,
    tree: &Tree,
    context: &Path,
    done: &BTreeMap<String, Tree>,
    record: &mut Record,
) -> Result<(), RehearseError> {
    let mut folder = PathBuf::from("/");
    let mut env = Vec::new();
    for step in &stage.steps {
        let started = Instant::now();
        match step {
            Step::Run(line) => {
                tree.run(line, &folder, &env, STEP_TIMEOUT)?;
            }
            Step::Copy {
                from,
                sources,
                target,
            } => {
                let base = match from {
                    Some(name) => done.get(name).map(Tree::path),
                    None => Some(context),
                };
                let base = base.ok_or_else(|| RehearseError::Step {
                    step: format!("COPY --from={}", from.clone().unwrap_or_default()),
                    log: "there is no such stage before it".to_owned(),
                })?;
                for source in sources {
                    tree.copy_in(base, source, &folder, target)?;
                }
            }
            Step::Workdir(path) => {
                folder = PathBuf::from(path);
                let inside = tree.inside(&folder);
                fs::create_dir_all(&inside).map_err(|error| FileError::of(&inside)(&error))?;
            }
            Step::Env(variables) => env.extend_from_slice(variables),
            Step::User(_) | Step::Cmd(_) | Step::Says(..) => {}
        }
        if let Some(line) = step.line() {
            record.step(&line, started.elapsed());
        }
    }
    Ok(())
}
