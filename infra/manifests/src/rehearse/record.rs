//! What a rehearsal showed, for whoever reads it later.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{
    RehearseError,
    tree::{Tree, finished},
};
use crate::{
    FileError,
    dockerfile::{Stage, Step},
};

const ASK_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Record {
    name: String,
    steps: Vec<String>,
    images: Vec<String>,
    programs: Vec<String>,
}

impl Record {
    pub(super) fn new(dockerfile: &Path) -> Self {
        let name = dockerfile.file_name().unwrap_or_default();
        Self {
            name: name.to_string_lossy().into_owned(),
            steps: Vec::new(),
            images: Vec::new(),
            programs: Vec::new(),
        }
    }

    pub(super) fn stage(&mut self, stage: &Stage, took: Duration) {
        let name = stage
            .name
            .iter()
            .map(|name| format!(" AS {name}"))
            .collect::<String>();
        self.step(&format!("FROM {}{name}", stage.base), took);
    }

    pub(super) fn step(&mut self, line: &str, took: Duration) {
        self.steps
            .push(format!("| `{line}` | {:.1} |", took.as_secs_f64()));
    }

    /// The programs that an image has, with their sizes and what they are linked with.
    pub(super) fn image(
        &mut self,
        name: &str,
        stage: &Stage,
        tree: &Tree,
    ) -> Result<(), RehearseError> {
        for step in &stage.steps {
            let Step::Copy { target, .. } = step else {
                continue;
            };
            let file = tree.inside(Path::new(target));
            let bytes = fs::metadata(&file)
                .map_err(|error| FileError::of(&file)(&error))?
                .len();
            let linked = tree.run(
                &format!("ldd {target} 2>/dev/null || true"),
                Path::new("/"),
                &[],
                ASK_TIMEOUT,
            )?;
            if linked.contains("not found") {
                return Err(RehearseError::Program {
                    program: target.clone(),
                    reason: linked,
                });
            }
            let libraries: Vec<&str> = linked
                .lines()
                .filter_map(|line| line.split_whitespace().next())
                .filter(|library| library.starts_with("lib"))
                .collect();
            let mebibytes = bytes >> 20;
            self.images.push(format!(
                "| {name} | `{target}` | {mebibytes} MiB | {} |",
                libraries.join(", ")
            ));
        }
        Ok(())
    }

    pub(super) fn program(&mut self, program: &str, ready: Duration, ended: Duration) {
        self.programs.push(format!(
            "| `{program}` | {:.2} | {:.2} |",
            ready.as_secs_f64(),
            ended.as_secs_f64()
        ));
    }

    pub(super) fn write(&self, root: &Path) -> Result<PathBuf, RehearseError> {
        let say = |program: &str, args: &[&str]| -> Result<String, RehearseError> {
            let mut ask = Command::new(program);
            let said = finished(ask.args(args), program, ASK_TIMEOUT)?;
            Ok(said.trim().to_owned())
        };
        let mut text = format!("# {} rehearsed\n\n", self.name);
        let date = say("date", &["-u", "+%Y-%m-%d"])?;
        let rust = say("rustc", &["--version"])?;
        let kernel = say("uname", &["-sr"])?;
        let mut add =
            |line: &str| writeln!(text, "{line}").map_err(|error| FileError::of(root)(&error));
        add(&format!(
            "{date}, {kernel}, {rust}, Debian 12 by debootstrap. Made by `infra/docker/rehearse`."
        ))?;
        add("\n| step | s |\n|---|---|")?;
        for line in &self.steps {
            add(line)?;
        }
        add("\n| image | file | size | linked with |\n|---|---|---|---|")?;
        for line in &self.images {
            add(line)?;
        }
        add(
            "\nStarted as the image's user, nothing writable but its volumes; the stores were not there:\n",
        )?;
        add(
            "| program | answers `/healthz` after s | ends with 0 after SIGTERM after s |\n|---|---|---|",
        )?;
        for line in &self.programs {
            add(line)?;
        }
        let folder = root.join("infra/docker/rehearsals");
        fs::create_dir_all(&folder).map_err(|error| FileError::of(&folder)(&error))?;
        let path = folder.join(format!("{}.md", self.name));
        fs::write(&path, &text).map_err(|error| FileError::of(&path)(&error))?;
        Ok(path)
    }
}
