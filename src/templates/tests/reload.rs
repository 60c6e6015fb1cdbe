//! Hot reload, with swaps as the kubelet's atomic writer makes them.

use super::parsed;
use crate::{
    strict,
    templates::{Fallback, Probe, Status, TemplateSet, TemplateStore, TriedSet, sample},
    watch::Timing,
};
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::timeout;

/// A `ConfigMap` mount.
struct Mount {
    directory: tempfile::TempDir,
    version: u32,
}

impl Mount {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut mount = Self {
            directory,
            version: 0,
        };
        mount.swap(files);
        mount
    }

    fn path(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    /// In the kubelet's order: new directory, visible links, `..data_tmp` renamed to `..data`, old ones removed.
    fn swap(&mut self, files: &[(&str, &str)]) {
        let path = self.path();
        let old = path.join(format!("..2026_11_23.{}", self.version));
        self.version += 1;
        let new = format!("..2026_11_23.{}", self.version);
        fs::create_dir(path.join(&new)).unwrap();
        for (name, text) in files {
            fs::write(path.join(&new).join(name), text).unwrap();
            let _ = symlink(format!("..data/{name}"), path.join(name));
        }
        symlink(&new, path.join("..data_tmp")).unwrap();
        fs::rename(path.join("..data_tmp"), path.join("..data")).unwrap();
        for entry in fs::read_dir(&path).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if !name.starts_with("..") && !files.iter().any(|(file, _)| *file == name) {
                fs::remove_file(path.join(name)).unwrap();
            }
        }
        let _ = fs::remove_dir_all(old);
    }
}

/// Renders the sample, and parses what came out.
fn probe() -> Probe {
    Arc::new(|tried: &TriedSet<'_>| {
        let rendered = tried
            .set
            .render(&sample::plan())
            .map_err(|error| vec![error.brief()])?;
        for document in rendered.documents {
            strict::parse_yaml(&document.text).map_err(|problem| vec![problem.to_string()])?;
        }
        Ok(())
    })
}

fn store(directory: &Path) -> TemplateStore {
    TemplateStore::start(Some(directory.to_owned()), probe(), Fallback::Builtin)
}

/// The driver Pod and the driver's `ConfigMap` with a mark each.
fn marked(mark: &str) -> [(&'static str, String); 2] {
    [
        (
            "driver-pod.yaml.j2",
            format!(
                "{{% extends \"builtin/driver-pod.yaml.j2\" %}}\n\
                 {{% block annotations %}}\n    mark: \"{mark}\"\n{{% endblock %}}\n"
            ),
        ),
        (
            "driver-configmap.yaml.j2",
            format!(
                "{{% extends \"builtin/driver-configmap.yaml.j2\" %}}\n\
                 {{% block data %}}\n  mark: \"{mark}\"\n{{% endblock %}}\n"
            ),
        ),
    ]
}

fn as_strs<'a>(files: &'a [(&'static str, String); 2]) -> [(&'static str, &'a str); 2] {
    [(files[0].0, &files[0].1), (files[1].0, &files[1].1)]
}

fn marks(set: &TemplateSet) -> (String, String) {
    let rendered = set.render(&sample::plan()).unwrap();
    assert_eq!(rendered.template_set, set.id());
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    (
        text(&parsed(&rendered, "pod-driver")["metadata"]["annotations"]["mark"]),
        text(&parsed(&rendered, "configmap-driver")["data"]["mark"]),
    )
}

const BROKEN: &[(&str, &str)] = &[("secret.yaml.j2", "a: 1\nb: {{ object.data.nope }}\n")];

#[test]
fn each_swap_goes_live_and_unchanged_files_do_nothing() {
    let mut mount = Mount::new(&as_strs(&marked("one")));
    let store = store(&mount.path());
    assert_eq!(
        marks(&store.current().default_set().unwrap()),
        ("one".into(), "one".into())
    );
    for (generation, mark) in [(2, "two"), (3, "three")] {
        mount.swap(&as_strs(&marked(mark)));
        store.reload();
        assert_eq!(
            marks(&store.current().default_set().unwrap()),
            (mark.into(), mark.into())
        );
        let before = store.status();
        assert_eq!(
            (before.generation, before.reloads_succeeded),
            (generation, generation)
        );
        mount.swap(&as_strs(&marked(mark)));
        store.reload();
        assert_eq!(store.status(), before);
    }
    // What is emptied was hardly meant: the last good set serves on.
    mount.swap(&[]);
    for _ in 0..2 {
        store.reload();
        let status = store.status();
        assert!(status.last_error.unwrap().contains("has no template"));
        assert_eq!((status.reloads_failed, status.generation), (1, 3));
        assert_eq!(marks(&store.current().default_set().unwrap()).0, "three");
    }
}

#[test]
fn a_broken_set_never_goes_live_and_its_repair_does() {
    let mut mount = Mount::new(&as_strs(&marked("good")));
    let store = store(&mount.path());
    let good = store.status();
    let cases: [(&[(&str, &str)], &str); 5] = [
        (BROKEN, "secret.yaml.j2:2: `object.data.nope` is undefined"),
        (
            &[("secret.yaml.j2", "a: {{ b")],
            "secret.yaml.j2:1: syntax error: ",
        ),
        (
            &[("secret.yaml.j2", "a: 1\na: 2\n")],
            "expected valid YAML, found duplicate",
        ),
        (
            &[("secrets.yaml.j2", "a: 1\n")],
            "secrets.yaml.j2: no template has this name (known: ",
        ),
        (&[("secret.yaml.j2", "")], "secret.yaml.j2: the file is empty"),
    ];
    for (failed, (files, reason)) in (1..).zip(cases) {
        mount.swap(files);
        for _ in 0..2 {
            store.reload();
            let status = store.status();
            let error = status.last_error.unwrap();
            assert!(error.starts_with(reason), "{error}");
            assert!(!error.contains("{{"), "{error}");
            assert_eq!((status.live, status.generation), (good.live.clone(), 1));
            assert_eq!(status.reloads_failed, failed);
            assert!(status.rejected.is_some());
            assert_eq!(marks(&store.current().default_set().unwrap()).0, "good");
        }
    }
    mount.swap(&as_strs(&marked("good")));
    store.reload();
    let status = store.status();
    assert_eq!(
        (status.last_error, status.rejected, status.generation),
        (None, None, 1)
    );

    mount.swap(&as_strs(&marked("better")));
    store.reload();
    assert_eq!(marks(&store.current().default_set().unwrap()).0, "better");
}

#[test]
fn a_directory_that_cannot_be_read_leaves_the_live_set() {
    let mount = Mount::new(&as_strs(&marked("good")));
    let store = store(&mount.path());
    fs::remove_file(mount.path().join("..data")).unwrap();
    symlink("..gone", mount.path().join("..data")).unwrap();
    for _ in 0..2 {
        store.reload();
        let status = store.status();
        assert_eq!(
            status.last_error.unwrap(),
            format!(
                "the template directory {}/..gone can't be read: no such file or directory",
                mount.path().display()
            )
        );
        assert_eq!(
            (status.reloads_failed, status.generation, status.rejected),
            (1, 1, None)
        );
        assert_eq!(marks(&store.current().default_set().unwrap()).0, "good");
    }
}

#[test]
fn a_bad_set_at_the_start_falls_back_or_refuses_until_it_is_good() {
    let mut mount = Mount::new(BROKEN);
    let fallen_back = store(&mount.path());
    assert_eq!(
        fallen_back.current().default_set().unwrap().id(),
        TemplateSet::builtin().unwrap().id()
    );
    assert!(fallen_back.status().last_error.is_some());

    let refusing = TemplateStore::start(Some(mount.path()), probe(), Fallback::Refuse);
    assert_eq!(
        refusing.current().default_set().unwrap_err().to_string(),
        "no template set is live: secret.yaml.j2:2: `object.data.nope` is undefined"
    );
    assert_eq!(refusing.status().live, None);

    mount.swap(&as_strs(&marked("good")));
    for store in [fallen_back, refusing] {
        store.reload();
        assert_eq!(marks(&store.current().default_set().unwrap()).0, "good");
    }
}

#[test]
fn without_a_directory_the_builtin_templates_are_live() {
    let store = TemplateStore::start(None, probe(), Fallback::Refuse);
    assert_eq!(
        store.current().default_set().unwrap().id(),
        TemplateSet::builtin().unwrap().id()
    );
    assert_eq!(store.status().last_error, None);
}

#[test]
fn what_nobody_changed_needs_no_probe() {
    let refuses: Probe = Arc::new(|_| Err(vec!["on purpose".to_owned()]));
    let error = |directory| {
        let store = TemplateStore::start(directory, Arc::clone(&refuses), Fallback::Refuse);
        store.status().last_error
    };
    let (empty, changed) = (Mount::new(&[]), Mount::new(&as_strs(&marked("a"))));
    assert_eq!(error(None), None);
    let nothing = error(Some(empty.path())).unwrap();
    assert!(nothing.contains("has no template"), "{nothing}");
    assert_eq!(error(Some(changed.path())).as_deref(), Some("on purpose"));
}

#[test]
fn a_missing_directory_is_reported_and_what_appears_goes_live() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("templates");
    let store = store(&directory);
    assert!(store.status().last_error.unwrap().contains("can't be read"));
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("driver-pod.yaml.j2"), &marked("plain")[0].1).unwrap();
    store.reload();
    assert_eq!(marks(&store.current().default_set().unwrap()).0, "plain");
}

#[test]
fn a_probe_that_panics_rejects_the_set() {
    let mount = Mount::new(BROKEN);
    let probe: Probe = Arc::new(|_| panic!("on purpose"));
    let store = TemplateStore::start(Some(mount.path()), probe, Fallback::Builtin);
    assert_eq!(
        store.status().last_error.unwrap(),
        "rendering the samples panicked"
    );
}

#[test]
fn a_thousand_renders_that_race_with_swaps_are_each_of_one_set() {
    let mut mount = Mount::new(&as_strs(&marked("0")));
    let store = store(&mount.path());
    let done = AtomicBool::new(false);
    let mut seen = std::collections::BTreeSet::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for swap in 1.. {
                mount.swap(&as_strs(&marked(&swap.to_string())));
                store.reload();
                if done.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let mut renders = 0;
        // As many more as it takes to have seen a swap.
        while renders < 1000 || seen.len() < 3 {
            let (pod, config_map) = marks(&store.current().default_set().unwrap());
            assert_eq!(pod, config_map);
            seen.insert(pod);
            renders += 1;
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(store.status().reloads_failed, 0, "{:?}", store.status());
}

#[test]
fn a_directory_is_read_as_one_state_of_it_while_it_is_swapped() {
    use crate::templates::directory::{self, DirectoryError};
    let mut mount = Mount::new(&as_strs(&marked("0")));
    let path = mount.path();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for swap in 1.. {
                mount.swap(&as_strs(&marked(&swap.to_string())));
                if done.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let outcomes: Vec<_> = (0..2000).map(|_| directory::read(&path)).collect();
        done.store(true, Ordering::Relaxed);
        let mut states = std::collections::BTreeSet::new();
        for outcome in outcomes {
            match outcome {
                Ok(contents) => {
                    let mark = |name: &str| {
                        let text = String::from_utf8(contents.files[name].clone()).unwrap();
                        text.split("mark: ")
                            .nth(1)
                            .unwrap()
                            .lines()
                            .next()
                            .unwrap()
                            .to_owned()
                    };
                    assert_eq!(mark("driver-pod.yaml.j2"), mark("driver-configmap.yaml.j2"));
                    states.insert(mark("driver-pod.yaml.j2"));
                }
                // Told as such; the next hint or poll reads again.
                Err(DirectoryError::Restless) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert!(states.len() > 1, "{states:?}");
    });
}

/// Waits for a status; the time is a bound for a failing test, not a pace.
async fn wait_for(store: &TemplateStore, wanted: impl FnMut(&Status) -> bool) {
    let mut statuses = store.subscribe();
    let reached = timeout(Duration::from_secs(30), statuses.wait_for(wanted)).await;
    assert!(reached.is_ok(), "{:?}", store.status());
}

/// Events alone, or polling alone.
const BY_EVENT: Timing = Timing {
    debounce: Duration::from_millis(20),
    poll: Duration::from_secs(3600),
};
const BY_POLL: Timing = Timing {
    debounce: Duration::from_secs(3600),
    poll: Duration::from_millis(20),
};

#[tokio::test]
async fn successive_swaps_are_noticed_by_events() {
    let mut mount = Mount::new(&as_strs(&marked("1")));
    let store = Arc::new(store(&mount.path()));
    let watch = store.watch(BY_EVENT).unwrap();
    // The watch is up once it has noticed something: until then the change may come before it.
    for mark in ["2", "3", "4"] {
        mount.swap(&as_strs(&marked(mark)));
        let generation = store.status().generation;
        let live = TemplateSet::load(
            &marked(mark)
                .map(|(name, text)| (name.to_owned(), text.into_bytes()))
                .into(),
        );
        let id = live.unwrap().id().to_owned();
        wait_for(&store, |status| status.live.as_ref() == Some(&id)).await;
        assert!(store.status().generation >= generation);
    }
    mount.swap(BROKEN);
    wait_for(&store, |status| status.last_error.is_some()).await;
    assert_eq!(marks(&store.current().default_set().unwrap()).0, "4");
    mount.swap(&as_strs(&marked("5")));
    wait_for(&store, |status| status.last_error.is_none()).await;
    assert_eq!(marks(&store.current().default_set().unwrap()).0, "5");
    drop(watch);
}

#[tokio::test]
async fn a_plain_directory_is_noticed_by_events_too() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(store(directory.path()));
    let _watch = store.watch(BY_EVENT).unwrap();
    // The first change may come before the watch is up; the second can't.
    for (generation, mark) in [(2, "x"), (3, "y")] {
        let new = directory.path().join("new");
        fs::write(&new, &marked(mark)[0].1).unwrap();
        fs::rename(new, directory.path().join("driver-pod.yaml.j2")).unwrap();
        wait_for(&store, |status| status.generation == generation).await;
        assert_eq!(marks(&store.current().default_set().unwrap()).0, mark);
    }
}

#[tokio::test]
async fn what_no_event_tells_is_found_by_polling() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("templates");
    let store = Arc::new(store(&directory));
    let _watch = store.watch(BY_POLL).unwrap();
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("_part.j2"), "x").unwrap();
    wait_for(&store, |status| status.last_error.is_none()).await;
}

#[tokio::test]
async fn a_store_without_directory_has_nothing_to_watch() {
    let store = Arc::new(TemplateStore::start(None, probe(), Fallback::Builtin));
    assert!(store.watch(Timing::default()).is_none());
}

#[tokio::test]
async fn a_watch_ends_when_it_is_dropped() {
    let mount = Mount::new(&[]);
    let store = Arc::new(store(&mount.path()));
    drop(store.watch(BY_POLL));
    timeout(Duration::from_secs(30), async {
        while Arc::strong_count(&store) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}
