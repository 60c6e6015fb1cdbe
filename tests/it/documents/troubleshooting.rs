//! The messages of docs/troubleshooting.md are those of the program.
//!
//! A fence ```` ```text FILE ```` has lines that `native-submit render FILE` prints. A fence ```` ```text ```` has messages whose fixed parts, between `…`, are
//! in the source.

use std::{fs, path::Path, process::Command};

const PAGE: &str = include_str!("../../../docs/troubleshooting.md");

fn collect(folder: &Path, sources: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

/// The source, with each text that goes over several lines on one, and quotes and braces as they are printed.
fn sources() -> String {
    let mut sources = String::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut sources);
    let mut joined = String::new();
    for part in sources.split("\\\n") {
        joined.push_str(if joined.is_empty() {
            part
        } else {
            part.trim_start()
        });
    }
    joined
        .replace("\\\"", "\"")
        .replace("{{", "{")
        .replace("}}", "}")
        .replace("{FALLBACK}", "NATIVE_SUBMIT_FALLBACK")
}

fn rendered(file: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_native-submit"))
        .args(["render", file])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .output()
        .unwrap();
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn every_message_is_one_of_the_program() {
    let sources = sources();
    let (mut fences, mut inside) = (0, None);
    for line in PAGE.lines() {
        if let Some(information) = line.strip_prefix("```") {
            inside = match inside {
                Some(_) => None,
                None => {
                    fences += 1;
                    let file = information.strip_prefix("text").expect("a fence of text").trim();
                    Some((file, (!file.is_empty()).then(|| rendered(file))))
                }
            };
            continue;
        }
        match &inside {
            None => {}
            Some((file, Some(output))) => {
                assert!(output.contains(line), "{file} doesn't give: {line}\n{output}");
            }
            Some((_, None)) => {
                for part in line.split('…').map(str::trim).filter(|part| part.len() > 3) {
                    assert!(sources.contains(part), "not in the source: {part}");
                }
            }
        }
    }
    assert!(fences >= 25, "{fences}");
}

/// Who meets an error code finds it on the page.
#[test]
fn every_error_code_of_a_submission_is_on_the_page() {
    use native_submit::error_code::ErrorCode;
    for code in ErrorCode::ALL {
        let of_the_request = matches!(
            code,
            ErrorCode::NotFound | ErrorCode::MethodNotAllowed | ErrorCode::UnsupportedMediaType
        );
        assert!(of_the_request || PAGE.contains(code.name()), "{code}");
    }
}
