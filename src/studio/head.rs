//! The templates as the last commit of their git repository has them.

use crate::templates::{Contents, DEFAULT_SET, Files, Sets, is_template};
use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

/// The most files, and the most bytes of all of them, as a directory may have.
const MOST_FILES: usize = 1000;
const MOST_BYTES: usize = 4 << 20;

/// The commit that a directory is at; none where it is in no repository, or git isn't there.
pub(super) fn commit(directory: &Path) -> Option<String> {
    let answer = git(
        directory,
        &["rev-parse", "--verify", "--quiet", "HEAD^{commit}"],
        None,
    )
    .ok()?;
    let commit = String::from_utf8(answer).ok()?.trim().to_owned();
    let is_hash = commit.len() >= 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then_some(commit)
}

/// The template files of a commit, folder by folder, as a template directory has them.
pub(super) fn sets(directory: &Path, commit: &str) -> Result<Sets, String> {
    let listing = git(directory, &["ls-tree", "-r", "-z", commit], None)?;
    let listing = String::from_utf8_lossy(&listing).into_owned();
    let mut wanted = Vec::new();
    for entry in listing.split('\0') {
        let Some((head, path)) = entry.split_once('\t') else {
            continue;
        };
        let mut head = head.split(' ');
        let (mode, hash) = (head.next().unwrap_or_default(), head.nth(1).unwrap_or_default());
        let is_file = mode.starts_with("100");
        if is_file && is_template(path) && path.matches('/').count() <= 1 {
            wanted.push((path.to_owned(), hash.to_owned()));
        }
    }
    if wanted.len() > MOST_FILES {
        return Err(format!(
            "expected at most {MOST_FILES} templates at HEAD, found {}",
            wanted.len()
        ));
    }
    let hashes: Vec<_> = wanted.iter().map(|(_, hash)| hash.as_str()).collect();
    let hashes = hashes.join("\n") + "\n";
    let contents = git(directory, &["cat-file", "--batch"], Some(hashes.as_bytes()))?;
    let mut rest = &contents[..];
    let mut sets = Sets::new();
    for (path, _) in wanted {
        let (head, after) = rest.split_at(rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()));
        let head = String::from_utf8_lossy(head);
        let size: usize = head
            .rsplit(' ')
            .next()
            .and_then(|size| size.parse().ok())
            .ok_or("git cat-file: an answer without a size")?;
        let bytes = after
            .get(1..=size)
            .ok_or("git cat-file: an answer that is too short")?;
        rest = after.get(size + 2..).unwrap_or_default();
        let (set, file) = path.split_once('/').unwrap_or((DEFAULT_SET, &path));
        let contents = sets.entry(set.to_owned()).or_insert_with(|| {
            Ok(Contents {
                files: Files::new(),
                odd: Vec::new(),
            })
        });
        if let Ok(contents) = contents {
            contents.files.insert(file.to_owned(), bytes.to_vec());
        }
    }
    Ok(sets)
}

/// Runs git. Nothing that a repository's configuration names is run by these commands, but for the monitor of its files.
fn git(directory: &Path, arguments: &[&str], input: Option<&[u8]>) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("git: {error}");
    let mut child = Command::new("git")
        .args(["--no-optional-locks", "-c", "core.fsmonitor=false", "-C"])
        .arg(directory)
        .args(arguments)
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let mut to = child.stdin.take();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            if let (Some(to), Some(input)) = (&mut to, input) {
                // It may have ended with an error, which it tells itself.
                let _ = to.write_all(input);
            }
        });
        child.wait_with_output()
    });
    let output = output.map_err(failed)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("git: {}", said.lines().next().unwrap_or("it failed")));
    }
    if output.stdout.len() > 2 * MOST_BYTES {
        return Err(format!(
            "expected at most {MOST_BYTES} bytes of templates at HEAD, found more"
        ));
    }
    Ok(output.stdout)
}
