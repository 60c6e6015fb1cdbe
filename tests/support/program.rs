//! The program as a person, a script or CI calls it, with nothing of this process's environment.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::serve::binary;
use std::{
    ffi::OsStr,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

/// How a call of the program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Its exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) said: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().expect("no signal ended it"),
            out: text(output.stdout),
            said: text(output.stderr),
        }
    }
}

/// The program with these arguments, in the directory of this package, without any variable.
pub(crate) fn program<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(binary());
    command
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear();
    command
}

/// Calls the program in a directory, with these variables and nothing to read.
pub(crate) fn call(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let mut command = program(arguments);
    command.current_dir(directory).envs(environment.iter().copied());
    command.stdin(Stdio::null()).output().unwrap().into()
}

/// Runs a command that reads this text.
pub(crate) fn given(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that doesn't read its input closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// What a terminal shows of these words of a shell: `script` is one, and both outputs go to it.
pub(crate) fn on_terminal(directory: &Path, words: &str, environment: &[(&str, &str)]) -> String {
    let output = Command::new("script")
        .args(["--quiet", "--command", words, "/dev/null"])
        .current_dir(directory)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm-256color")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The arguments of `spark-submit` for a driver in the cluster, but for its primary resource; `conf` has a pair in each item.
pub(crate) fn submission<'w>(master: &'w str, conf: &[&'w str]) -> Vec<&'w str> {
    let mut words = vec![
        "--master",
        master,
        "--deploy-mode",
        "cluster",
        "--class",
        "a.B",
        "--name",
        "pi",
    ];
    words.extend(conf.iter().flat_map(|pair| ["--conf", pair]));
    words
}
