//! The tutorial and the guides do what they say: their files are written, their commands are run, and their texts are in the output.

use crate::templates::page;
use std::fs;

fn follow(page: &'static str) -> (usize, usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = page::programs(folder.path());
    let work = folder.path().join("work");
    fs::create_dir(&work).unwrap();
    page::follow(page, &work, &path)
}

#[test]
fn every_step_of_the_tutorial_does_what_it_says() {
    let (files, commands) = follow(include_str!("../../../docs/tutorial.md"));
    assert!(files >= 3 && commands >= 7, "{files} files, {commands} commands");
}

#[test]
fn every_command_of_the_airflow_guide_does_what_it_says() {
    let (_, commands) = follow(include_str!("../../../docs/airflow.md"));
    assert!(commands >= 2, "{commands} commands");
}

#[test]
fn every_command_of_the_migration_guide_does_what_it_says() {
    let (_, commands) = follow(include_str!("../../../docs/migrate.md"));
    assert!(commands >= 2, "{commands} commands");
}

/// A page on GitHub doesn't show the information of a fence, so the text before it names the file.
#[test]
fn every_file_is_named_in_the_text_before_it() {
    for page in [
        include_str!("../../../docs/tutorial.md"),
        include_str!("../../../docs/templates.md"),
        include_str!("../../../docs/policies.md"),
    ] {
        let mut before = String::new();
        for paragraph in page.split("\n\n") {
            let file = paragraph
                .lines()
                .next()
                .and_then(|line| line.strip_prefix("```yaml ").or(line.strip_prefix("```jinja ")));
            if let Some(file) = file {
                assert!(before.contains(&format!("`{file}`")), "{file} has no name");
            }
            paragraph.clone_into(&mut before);
        }
    }
}
