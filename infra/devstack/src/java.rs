//! Java's virtual machine for servers of a developer's machine: they are to start soon, not to run fast.

use std::{ffi::OsString, path::Path};

const OPTIONS: [&str; 6] = [
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    // A killed one would leave a file of it in the temporary folder.
    "-XX:-UsePerfData",
    // Checking the classes of jars that Maven has checked takes a sixth of a start.
    "-XX:+UnlockDiagnosticVMOptions",
    "-XX:-BytecodeVerificationRemote",
];

/// What all of them have in common.
pub(crate) fn options() -> Vec<OsString> {
    OPTIONS.map(OsString::from).to_vec()
}

/// Where it puts temporary files; a killed one leaves libraries of its jars there.
pub(crate) fn temporary_folder(folder: &Path) -> OsString {
    let mut option = OsString::from("-Djava.io.tmpdir=");
    option.push(folder);
    option
}
