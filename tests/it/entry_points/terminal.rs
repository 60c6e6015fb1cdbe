//! What people see at a terminal and scripts don't: colour, the line of progress, and a check that goes on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::{
    program::{Ended, call, on_terminal, program},
    serve::binary,
};
use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::Stdio,
    sync::mpsc,
    time::Duration,
};

const SPARK_PI: &str = include_str!("../../../examples/spark-pi.yaml");

const OVERRIDE: &str =
    "{% extends \"builtin/driver-pod.yaml.j2\" %}\n{% block annotations %}\n    team: a\n{% endblock %}\n";

const BROKEN: &str =
    "{% extends \"builtin/driver-pod.yaml.j2\" %}\n{% block labels %}\n    team: a\n{% endblock %}\n";

/// What begins a style, and other sequences that a terminal obeys.
const SEQUENCE: &str = "\u{1b}[";

/// Whether a text has styles. The line of progress is erased by another sequence.
fn is_styled(text: &str) -> bool {
    let mut sequences = text.split(SEQUENCE).skip(1);
    sequences.any(|after| {
        after
            .trim_start_matches(|c: char| c.is_ascii_digit() || c == ';')
            .starts_with('m')
    })
}

/// A folder with a good set, a broken one, an application, and a case that isn't as it was.
fn work() -> tempfile::TempDir {
    let work = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = work.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("app.yaml", SPARK_PI);
    write("good/driver-pod.yaml.j2", OVERRIDE);
    write("broken/driver-pod.yaml.j2", BROKEN);
    write("cases/pi/application.yaml", SPARK_PI);
    let updated = call(work.path(), &["golden", "update", "--cases", "cases"], &[]);
    assert_eq!(updated.code, 0, "{}", updated.said);
    work
}

/// Commands whose output is for people.
const FOR_PEOPLE: [&[&str]; 6] = [
    &["check", "broken"],
    &["golden", "verify", "--template-dir", "good", "--cases", "cases"],
    &["diff", "--to", "good", "app.yaml"],
    &["doctor", "--apply-to", "dir:out", "--template-dir", "broken"],
    &["render", "nothing.yaml"],
    &["submit", "app.yaml", "--apply-to", "dir:out"],
];

/// Commands whose output is data.
const DATA: [&[&str]; 6] = [
    &["render", "app.yaml"],
    &["context", "app.yaml"],
    &["submit", "app.yaml", "--dry-run"],
    &["check", "broken", "--output", "json"],
    &["diff", "--to", "good", "app.yaml", "--output", "json"],
    &["completion", "bash"],
];

/// The text without its styles.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(SEQUENCE) {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain + rest
}

/// Free ports, lest tests that run beside this one are in doctor's findings.
const PORTS: [(&str, &str); 3] = [("GRPC_PORT", "0"), ("REST_PORT", "0"), ("HEALTH_PORT", "0")];

fn with_ports<'v>(more: &[(&'v str, &'v str)]) -> Vec<(&'v str, &'v str)> {
    PORTS.iter().chain(more).copied().collect()
}

#[test]
fn colour_is_where_it_is_wanted_and_changes_no_word() {
    let work = work();
    let both = |ended: &Ended| format!("{}{}", ended.out, ended.said);
    for arguments in FOR_PEOPLE {
        let run = |more: &[&str], variables: &[(&str, &str)]| {
            let arguments = [arguments, more].concat();
            call(work.path(), &arguments, &with_ports(variables))
        };
        let piped = run(&[], &[]);
        assert!(!is_styled(&both(&piped)), "{arguments:?}: {}", both(&piped));
        for coloured in [
            run(&["--color", "always"], &[]),
            run(&[], &[("CLICOLOR_FORCE", "1")]),
        ] {
            assert!(is_styled(&both(&coloured)), "{arguments:?}: {}", both(&coloured));
            assert_eq!(coloured.code, piped.code, "{arguments:?}");
            let without_ids = |text: &str| {
                plain(text)
                    .lines()
                    .filter(|line| !line.contains("submission_id"))
                    .collect::<String>()
            };
            assert_eq!(
                without_ids(&both(&coloured)),
                without_ids(&both(&piped)),
                "{arguments:?}"
            );
        }
        let quiet = run(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]);
        assert!(!is_styled(&both(&quiet)), "{arguments:?}");

        let words = format!("{} {}", binary().display(), arguments.join(" "));
        let shown = |variables: &[(&str, &str)]| on_terminal(work.path(), &words, &with_ports(variables));
        assert!(is_styled(&shown(&[])), "{arguments:?}: {}", shown(&[]));
        assert!(!is_styled(&shown(&[("NO_COLOR", "1")])), "{arguments:?}");
        assert!(!is_styled(&shown(&[("TERM", "dumb")])), "{arguments:?}");
    }
    for arguments in DATA {
        let coloured = call(work.path(), &[arguments, &["--color", "always"]].concat(), &[]);
        assert!(
            !is_styled(&coloured.out) && !coloured.out.is_empty(),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_terminal_obeys_nothing_that_a_template_or_a_name_says() {
    let work = work();
    let name = "\u{1b}]0;title\u{7}.yaml";
    fs::write(work.path().join(name), SPARK_PI).unwrap();
    for command in ["diff --to good", "golden verify --cases", "check broken --cases"] {
        let words = format!(
            r#"{} {command} "$(printf '\033]0;title\007.yaml')""#,
            binary().display()
        );
        let shown = on_terminal(work.path(), &words, &[]);
        assert!(
            !shown.contains("\u{1b}]0") && !shown.contains('\u{7}'),
            "{shown:?}"
        );
    }
    // To a script a name is what it is.
    let piped = call(work.path(), &["diff", "--to", "good", name], &[]);
    assert!(piped.out.contains(name), "{}", piped.out);
}

#[test]
fn work_over_a_second_has_a_line_on_a_terminal_that_goes_away() {
    let work = work();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let arguments = ["submit", "app.yaml", "--server", &address, "--timeout", "4"];
    let words = format!("{} {}", binary().display(), arguments.join(" "));
    let shown = on_terminal(work.path(), &words, &[]);
    let erase = "\r\u{1b}[2K";
    let line = format!("{erase}native-submit submit: ");
    assert!(shown.contains(&line), "{shown:?}");
    let (_, end) = shown.rsplit_once(erase).unwrap();
    assert!(
        !end.contains("native-submit submit: ") && end.contains("--submission-id"),
        "{shown:?}"
    );
    let piped = call(work.path(), &arguments, &[]);
    assert!(!piped.said.contains("native-submit submit: "), "{}", piped.said);
}

/// The lines of a child, which end with it.
fn lines(stream: impl std::io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn until(lines: &mpsc::Receiver<String>, says: &str) -> Vec<String> {
    let mut seen = Vec::new();
    while !seen.last().is_some_and(|line: &String| line.contains(says)) {
        let line = lines.recv_timeout(Duration::from_secs(60));
        let Ok(line) = line else {
            panic!("no line says {says}: {seen:?}");
        };
        seen.push(line);
    }
    seen
}

fn write(directory: &Path, name: &str, text: &str) {
    fs::write(directory.join(name), text).unwrap();
}

#[test]
fn a_watched_directory_is_checked_again_at_each_change() {
    let work = work();
    let mut child = program(["check", "good", "--cases", "cases", "--watch"])
        .current_dir(work.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let out = lines(child.stdout.take().unwrap());
    let said = lines(child.stderr.take().unwrap());
    let first = until(&said, "watching good for changes");
    assert!(first.iter().any(|line| line.starts_with("0 errors")), "{first:?}");

    write(&work.path().join("good"), "driver-pod.yaml.j2", BROKEN);
    let found = until(&out, "did you forget {{ super() }}?");
    assert!(found.iter().all(|line| !line.contains('\u{1b}')), "{found:?}");
    until(&said, "watching good for changes");

    // What is wrong for a moment ends nothing: a directory that is gone, and comes again.
    fs::rename(work.path().join("good"), work.path().join("gone")).unwrap();
    until(&said, "can't be read");
    fs::rename(work.path().join("gone"), work.path().join("good")).unwrap();
    until(&said, "2 errors");
    until(&said, "watching good for changes");

    // A case is watched, too.
    write(&work.path().join("cases/pi"), "application.yaml", "a: 1\n");
    until(&said, "3 errors");

    // Nobody reads any more: it ends by itself at the next change.
    drop(out);
    drop(said);
    let mut ended = None;
    for round in 0..600 {
        write(
            &work.path().join("good"),
            "driver-pod.yaml.j2",
            &format!("{BROKEN}{{# {round} #}}\n"),
        );
        std::thread::sleep(Duration::from_millis(100));
        ended = child.try_wait().unwrap();
        if ended.is_some() {
            break;
        }
    }
    assert_eq!(ended.expect("it ends").code(), Some(0));

    let nothing = call(work.path(), &["check", "nothing", "--watch"], &[]);
    assert_eq!(nothing.code, 3, "{}", nothing.said);
    assert!(
        nothing.said.contains("nothing: can't be watched"),
        "{}",
        nothing.said
    );
}
