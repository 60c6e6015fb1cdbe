use super::*;
use std::os::unix::fs::symlink;

fn message(directory: &Path) -> String {
    read(directory).unwrap_err().to_string()
}

#[test]
fn a_plain_directory_is_read_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("secret.yaml.j2"), "a").unwrap();
    fs::write(directory.path().join("README.md"), "b").unwrap();
    fs::create_dir(directory.path().join("..2026")).unwrap();
    let contents = read(directory.path()).unwrap();
    assert_eq!(
        contents.files,
        [("secret.yaml.j2".to_owned(), b"a".to_vec())].into()
    );
    let [readme] = &contents.odd[..] else {
        panic!("{:?}", contents.odd);
    };
    assert_eq!(
        readme.to_string(),
        "README.md: ignored, because its name doesn't end in `.j2`"
    );
}

#[test]
fn what_the_live_link_points_at_counts_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    fs::create_dir(path.join("..1")).unwrap();
    fs::write(path.join("..1/secret.yaml.j2"), "live").unwrap();
    fs::write(path.join("configmap.yaml.j2"), "stray").unwrap();
    symlink("..1", path.join("..data")).unwrap();
    symlink("..data/secret.yaml.j2", path.join("secret.yaml.j2")).unwrap();
    let contents = read(path).unwrap();
    assert_eq!(
        contents.files,
        [("secret.yaml.j2".to_owned(), b"live".to_vec())].into()
    );
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// The text of a set's only file.
fn texts(directory: &Path) -> BTreeMap<String, String> {
    let text = |contents: Result<Contents, DirectoryError>| match contents {
        Ok(contents) => String::from_utf8(contents.files.into_values().flatten().collect()).unwrap(),
        Err(error) => error.to_string(),
    };
    let sets = read_sets(directory).unwrap().into_iter();
    sets.map(|(name, contents)| (name, text(contents))).collect()
}

#[test]
fn each_folder_is_a_set_wherever_it_is_mounted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    // A projected volume with paths.
    write(&path.join("..1/secret.yaml.j2"), "default");
    write(&path.join("..1/gpu/secret.yaml.j2"), "gpu");
    symlink("..1", path.join("..data")).unwrap();
    symlink("..data/gpu", path.join("gpu")).unwrap();
    // Another mount, and one that is broken.
    write(&path.join("team/..2/secret.yaml.j2"), "team");
    symlink("..2", path.join("team/..data")).unwrap();
    fs::create_dir(path.join("broken")).unwrap();
    symlink("..gone", path.join("broken/..data")).unwrap();
    fs::create_dir(path.join("empty")).unwrap();
    fs::create_dir(path.join("lost+found")).unwrap();
    let broken = path.join("broken/..gone");
    let broken = format!(
        "the template directory {} can't be read: no such file or directory",
        broken.display()
    );
    let expected = [
        ("broken", broken.as_str()),
        ("default", "default"),
        (
            "empty",
            "the folder `empty` has no template: no file in it ends in `.j2`; remove the folder to do without it",
        ),
        ("gpu", "gpu"),
        ("team", "team"),
    ];
    assert_eq!(
        texts(path),
        expected
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into()
    );
    let watched: Vec<_> = watched(path).into_iter().collect();
    assert_eq!(
        watched,
        ["", "broken", "empty", "team"].map(|name| if name.is_empty() {
            path.to_owned()
        } else {
            path.join(name)
        })
    );
}

#[test]
fn the_default_set_is_beside_the_others_or_in_a_folder_of_that_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    write(&path.join("default/secret.yaml.j2"), "in the folder");
    write(&path.join("Gpu/secret.yaml.j2"), "no set");
    assert_eq!(texts(path)["default"], "in the folder");
    let odd = read_sets(path).unwrap()["default"].clone().unwrap().odd;
    assert_eq!(odd.len(), 1, "{odd:?}");
    assert!(odd[0].to_string().starts_with("Gpu: ignored"), "{odd:?}");
    write(&path.join("secret.yaml.j2"), "beside");
    assert!(texts(path)["default"].contains("in the template directory itself and in its folder"));
}

#[test]
fn a_folder_that_is_no_layer_and_a_folder_in_a_folder_are_warned_of() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    write(&path.join("alwas/a.policy.j2"), "");
    write(&path.join("always/policies/a.policy.j2"), "");
    write(&path.join("always/b.policy.j2"), "");
    write(&path.join("default/always/a.policy.j2"), "");
    write(&path.join("default/secret.yaml.j2"), "");
    write(&path.join("gpu/always/a.policy.j2"), "");
    write(&path.join("gpu/secret.yaml.j2"), "");
    let sets = read_sets(path).unwrap();
    for (set, begins) in [
        ("alwas", "alwas: a set that only those submissions get"),
        ("always", "always/policies: ignored, because it is a folder"),
        ("default", "default/always: ignored, because it is a folder"),
        ("gpu", "gpu/always: ignored, because it is a folder"),
    ] {
        let odd = sets[set].clone().unwrap().odd;
        assert!(
            odd.len() == 1 && odd[0].to_string().starts_with(begins),
            "{set}: {odd:?}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    assert_eq!(
        message(&path.join("nope")),
        format!(
            "the template directory {}/nope can't be read: no such file or directory",
            path.display()
        )
    );

    symlink("gone", path.join("secret.yaml.j2")).unwrap();
    assert_eq!(
        message(path),
        "secret.yaml.j2: can't be read: no such file or directory"
    );
    fs::remove_file(path.join("secret.yaml.j2")).unwrap();

    fs::create_dir(path.join("secret.yaml.j2")).unwrap();
    assert_eq!(message(path), "secret.yaml.j2: can't be read: is a directory");
    fs::remove_dir(path.join("secret.yaml.j2")).unwrap();

    fs::write(path.join("secret.yaml.j2"), vec![b'a'; 3 << 20]).unwrap();
    fs::write(path.join("configmap.yaml.j2"), vec![b'a'; 2 << 20]).unwrap();
    assert_eq!(
        message(path),
        "expected at most 4194304 bytes of files in all, found more"
    );

    symlink("..gone", path.join("..data")).unwrap();
    assert_eq!(
        message(path),
        format!(
            "the template directory {}/..gone can't be read: no such file or directory",
            path.display()
        )
    );
}

#[test]
fn only_what_really_is_in_the_directory_is_read() {
    let (directory, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = directory.path();
    write(&elsewhere.path().join("secret.yaml.j2"), "hunter2");
    write(&path.join("good.yaml.j2"), "a");
    let outside = "secret.yaml.j2: leads to a file outside of the template directory";
    let link = path.join("secret.yaml.j2");
    for target in [
        Path::new("/proc/self/environ").to_owned(),
        Path::new("../../../../../../proc/self/environ").to_owned(),
        elsewhere.path().join("secret.yaml.j2"),
    ] {
        symlink(&target, &link).unwrap();
        assert_eq!(message(path), outside, "{target:?}");
        fs::remove_file(&link).unwrap();
    }
    for target in ["/dev/null", "/dev/stdin"] {
        symlink(target, &link).unwrap();
        assert!(message(path).starts_with("secret.yaml.j2: "), "{target}");
        fs::remove_file(&link).unwrap();
    }
    let made = std::process::Command::new("mkfifo").arg(&link).status().unwrap();
    assert!(made.success());
    assert!(message(path).contains("expected a regular file"));
    fs::remove_file(&link).unwrap();

    // Of the directory itself, whatever path leads to it.
    symlink("good.yaml.j2", &link).unwrap();
    let by_link = elsewhere.path().join("templates");
    symlink(path, &by_link).unwrap();
    for path in [path, &by_link] {
        assert_eq!(read(path).unwrap().files.len(), 2);
    }

    // A whole folder, and the link that the kubelet swaps.
    symlink(elsewhere.path(), path.join("team")).unwrap();
    assert_eq!(
        texts(path)["team"],
        "the folder leads outside of the template directory"
    );
    fs::remove_file(path.join("team")).unwrap();
    fs::remove_file(&link).unwrap();
    symlink(elsewhere.path(), path.join("..data")).unwrap();
    assert_eq!(message(path), outside);
}

#[test]
fn a_name_that_is_no_text_is_an_error_only_for_a_template() {
    use std::os::unix::ffi::OsStrExt as _;
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(OsStr::from_bytes(b"a\xff")), "").unwrap();
    assert!(read(directory.path()).is_ok());
    fs::write(directory.path().join(OsStr::from_bytes(b"a\xff.j2")), "").unwrap();
    assert!(message(directory.path()).ends_with("must be UTF-8"));
}

/// A mount that is swapped faster than it is read.
#[test]
fn a_directory_that_changes_each_time_it_is_read_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let swap = |to: &str| {
        fs::create_dir_all(path.join(to)).unwrap();
        let _ = fs::remove_file(path.join(LIVE));
        symlink(to, path.join(LIVE)).unwrap();
    };
    swap("..0");
    let reads = std::cell::Cell::new(0);
    let outcome = settled(path, |_| {
        reads.set(reads.get() + 1);
        swap(&format!("..{}", reads.get()));
        Ok(())
    });
    let said = outcome.unwrap_err().to_string();
    assert_eq!(
        said,
        format!("the directory changed while it was read, {ATTEMPTS} times in a row")
    );
}
