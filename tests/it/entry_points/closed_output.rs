//! The reader of a command's output may go away (`| head -1`): no command panics, complains or ends otherwise for it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::serve;
use std::{
    net::TcpStream,
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_native-submit");

/// The end of a pipe that nobody reads.
fn unread() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// What a command is called with: so that it ends well, finds something, fails, and is called wrongly. A folder of its own
/// stands for `DIR`.
const CALLS: [&str; 49] = [
    "--help",
    "--version",
    "help",
    "",
    "no-such-command",
    "render examples/spark-pi.yaml",
    "render examples/spark-pi.yaml --output json",
    "render no-such-file.yaml",
    "render --no-such-option",
    "render --spark-submit -- --no-such-option",
    "context examples/spark-pi.yaml",
    "context --schema",
    "context no-such-file.yaml",
    "check deploy/templates/sets/gpu",
    "check deploy/templates/sets/gpu --output sarif",
    "check tests/templates-that-are-not-there",
    "check DIR",
    "diff",
    "diff --from DIR --to deploy/templates/sets/gpu examples/spark-pi.yaml",
    "diff --from no-such-directory examples/spark-pi.yaml",
    "golden update DIR",
    "golden verify DIR",
    "golden verify no-such-directory",
    "golden",
    "submit examples/spark-pi.yaml --apply-to dir:DIR/out",
    "submit no-such-file.yaml",
    "submit examples/spark-pi.yaml --server http://127.0.0.1:1 --timeout 1",
    "serve --no-such-option",
    "serve --grpc-address 0.0.0.0 --apply-to dir:DIR",
    "spark-submit",
    "spark-submit --help",
    "spark-submit --version",
    "spark-submit --no-such-option",
    "spark-submit --master local a.jar",
    "spark-submit --shadow --master local a.jar",
    "install DIR/bin",
    "install /dev/null/no-directory",
    "doctor --apply-to dir:DIR --grpc-port 0 --rest-port 0 --health-port 0",
    "doctor --apply-to dir:DIR --grpc-port 0 --rest-port 0 --health-port 0 --output json",
    "doctor --apply-to dir:/dev/null/no-directory",
    "healthcheck --port 1",
    "completion bash",
    "man DIR/man",
    "man /dev/null/no-directory",
    "init DIR/new",
    "init /dev/null/no-directory",
    "submit examples/spark-pi.yaml --dry-run",
    "studio --no-such-option",
    "studio no-such-directory --no-open",
];

fn call(words: &str, stdout: Stdio, stderr: Stdio, environment: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("driver-service.yaml.j2"), "{{ no_such_variable }}").unwrap();
    let case = folder.join("case");
    std::fs::create_dir(&case).unwrap();
    std::fs::copy(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/spark-pi.yaml"),
        case.join("application.yaml"),
    )
    .unwrap();
    Command::new(PROGRAM)
        .args(words.replace("DIR", folder.to_str().unwrap()).split_whitespace())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .env("HOME", folder)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap()
}

/// How many lines are said: what they say names this run's folder.
fn said(output: &[u8]) -> usize {
    String::from_utf8(output.to_vec()).unwrap().lines().count()
}

#[test]
fn every_command_ends_as_it_would_with_a_reader() {
    for words in CALLS {
        let fallback = &[("NATIVE_SUBMIT_FALLBACK", "/no-such-program")][..];
        // Only spark-submit reads it.
        let environments = if words.starts_with("spark-submit") {
            vec![&[][..], fallback]
        } else {
            vec![&[][..]]
        };
        for environment in environments {
            let read = call(words, Stdio::piped(), Stdio::piped(), environment);
            let code = read.status.code();
            assert!(code.is_some_and(|code| code != 101), "{words}: {read:?}");
            let unread_output = call(words, unread(), Stdio::piped(), environment);
            assert_eq!(unread_output.status.code(), code, "{words}: {unread_output:?}");
            assert_eq!(
                said(&unread_output.stderr),
                said(&read.stderr),
                "{words}: nothing more is said: {unread_output:?} {read:?}"
            );
            let unread_errors = call(words, Stdio::piped(), unread(), environment);
            assert_eq!(unread_errors.status.code(), code, "{words}: {unread_errors:?}");
            assert_eq!(said(&unread_errors.stdout), said(&read.stdout), "{words}");
            assert_eq!(
                call(words, unread(), unread(), environment).status.code(),
                code,
                "{words}"
            );
        }
    }
}

#[test]
fn every_command_is_called_above() {
    let help = call("--help", Stdio::piped(), Stdio::null(), &[]);
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let commands: Vec<_> = commands
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next())
        .collect();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        let called = CALLS.iter().any(|words| words.split(' ').next() == Some(command));
        assert!(called, "{command} is not called");
    }
}

#[test]
fn output_that_is_closed_from_the_start_is_no_panic_either() {
    for redirection in [">&-", "2>&-", ">&- 2>&-"] {
        for (arguments, code) in [
            ("--help", 0),
            ("render examples/spark-pi.yaml", 0),
            ("render no", 1),
        ] {
            let status = Command::new("sh")
                .args(["-c", &format!("exec {PROGRAM} {arguments} {redirection}")])
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            assert_eq!(status.code(), Some(code), "{arguments} {redirection}");
        }
    }
}

#[test]
fn a_server_whose_log_nobody_reads_serves() {
    let folder = tempfile::tempdir().unwrap();
    let free = || {
        std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port()
            .to_string()
    };
    let (grpc, rest, health) = (free(), free(), free());
    let mut server = Command::new(PROGRAM)
        .args([
            "serve",
            "--grpc-port",
            &grpc,
            "--rest-port",
            &rest,
            "--health-port",
            &health,
        ])
        .args(["--health-address", "127.0.0.1", "--apply-to"])
        .arg(format!("dir:{}", folder.path().display()))
        .env_clear()
        .stdout(unread())
        .stderr(unread())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(format!("127.0.0.1:{health}")).is_err()
        || serve::get(&format!("127.0.0.1:{health}"), "/readyz").0 != 200
    {
        assert_eq!(server.try_wait().unwrap(), None, "it goes on");
        assert!(Instant::now() < until, "it becomes ready");
        std::thread::sleep(Duration::from_millis(50));
    }
    for _ in 0..3 {
        let (status, _) = serve::exchange(
            &format!("127.0.0.1:{rest}"),
            "POST /api/v1/spark-submit",
            "",
            b"no JSON",
        );
        assert_eq!(status, 415, "it has no content type");
    }
    let killed = Command::new("kill").arg(server.id().to_string()).status();
    assert!(killed.unwrap().success());
    assert_eq!(server.wait().unwrap().code(), Some(0));
}
