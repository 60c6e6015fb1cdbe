//! Jars, files, archives and Python files: resolved, and refused where they would have to be uploaded.

use super::super::{PrimaryResource, Reach, Refusal, SparkConf, SubmitterContext, blanks::trim, uri};
use crate::redaction::{hidden, shown};

/// The keys that hold lists of URIs.
pub(super) const LISTS: [&str; 4] = [
    "spark.jars",
    "spark.files",
    "spark.archives",
    "spark.submit.pyFiles",
];

/// What messages call the application's own file; of a `SparkApplication` it is a field.
pub(crate) const MAIN_FILE: &str = "main application file";

/// The conf that Spark sets for dependencies in cluster mode: `spark.jars` gets the application's jar, and
/// `spark.submit.pyFiles` is always there.
pub(super) fn fix_up(
    conf: &mut SparkConf,
    resource: &PrimaryResource,
    context: &SubmitterContext,
) -> Result<(), Refusal> {
    for key in LISTS {
        let list = conf.get(key).unwrap_or_default();
        if let Some(said) = list.split(',').find_map(uri::not_a_uri) {
            return Err(Refusal::saying(key, said));
        }
        if let Some(list) = conf.get(key) {
            let resolved = uri::resolve_list(list, context);
            for (index, item) in items(&resolved) {
                refuse_what_hadoop_cannot_list(key, item, || named(index, item, context))?;
            }
            conf.set(key, resolved);
        }
    }
    conf.set_default("spark.submit.pyFiles", "");
    if let PrimaryResource::Java(jar) = resource {
        let given = conf.get("spark.jars").filter(|list| !list.is_empty());
        let jars: Vec<&str> = given.into_iter().chain(jar.as_deref()).collect();
        let jars = jars.join(",");
        conf.set("spark.jars", jars);
    }
    for key in LISTS {
        let list = conf.get(key).unwrap_or_default();
        for (index, item) in items(list) {
            // Spark adds the application's own jar to the list, whose author wrote it elsewhere.
            let is_main = key == LISTS[0] && is_main_jar(resource, item);
            let subject = if is_main { MAIN_FILE } else { key };
            refuse_what_the_driver_cannot_fetch(subject, item, || match (is_main, &context.reach) {
                (true, Reach::Roots(_)) => hidden(item),
                _ => named(index, item, context),
            })?;
        }
    }
    if let PrimaryResource::Python(file) = resource {
        let which = || match context.reach {
            Reach::Process => shown(file),
            Reach::Roots(_) => hidden(file),
        };
        refuse_what_the_driver_cannot_fetch(MAIN_FILE, file, which)?;
    }
    Ok(())
}

fn is_main_jar(resource: &PrimaryResource, item: &str) -> bool {
    matches!(resource, PrimaryResource::Java(Some(jar)) if jar == item)
}

/// Whether Hadoop looks up any of the files that the conf lists. It doesn't look up the application's own.
pub(super) fn has_files_of_hadoop(conf: &SparkConf) -> bool {
    let lists = LISTS.iter().filter_map(|key| conf.get(key));
    lists.flat_map(items).any(|(_, item)| is_listed_by_hadoop(item))
}

/// A list as Spark reads it from the conf: without blanks around its items (`Utils.stringToSeq`). Of an option they stay.
pub(super) fn list_of_conf(list: &str) -> String {
    let items: Vec<_> = list
        .split(',')
        .map(trim)
        .filter(|item| !item.is_empty())
        .collect();
    items.join(",")
}

/// The items of a list, each with its index.
fn items(list: &str) -> impl Iterator<Item = (usize, &str)> {
    list.split(',').filter(|item| !item.is_empty()).enumerate()
}

/// An item as a message names it: the reader of a service's log or of a status may be another person than the author of the value.
fn named(index: usize, item: &str, context: &SubmitterContext) -> String {
    match context.reach {
        Reach::Process => shown(item),
        Reach::Roots(_) => format!("item {}", index + 1),
    }
}

fn refuse_what_the_driver_cannot_fetch(
    subject: &str,
    item: &str,
    which: impl Fn() -> String,
) -> Result<(), Refusal> {
    if uri::is_submitters_own(item) {
        return Err(Refusal::new(
            subject,
            format!(
                "{} is a file of the submitter. Spark would upload it (spark.kubernetes.file.upload.path), \
                 native-submit does not: put the file into the image and name it local:///path, or upload it \
                 yourself and name its URI (s3a://…, https://…)",
                which()
            ),
        )
        .needing_spark());
    }
    if uri::scheme(item) == Some("ivy") {
        return Err(Refusal::new(
            subject,
            format!(
                "{} is an ivy: URI, for which spark-submit has no file system, here and again in the driver; \
                 name its coordinates in spark.jars.packages instead",
                which()
            ),
        ));
    }
    let path = item.split('#').next().unwrap_or(item);
    if is_listed_by_hadoop(item) && path.contains(['*', '?', '[', '{']) {
        return Err(Refusal::new(
            subject,
            format!(
                "{} has wildcards, which Spark would expand through the URI's file system; name each file instead",
                which()
            ),
        )
        .needing_spark());
    }
    Ok(())
}

/// Whether Hadoop's file system of the URI's scheme looks the file up before it reads it.
fn is_listed_by_hadoop(item: &str) -> bool {
    !uri::scheme(item).is_some_and(|scheme| ["local", "http", "https", "ftp"].contains(&scheme))
}

/// Refuses a URI that Hadoop can't list, with which `spark-submit` ends with an error. An opaque URI (`s3a:x.jar`) has no path, and
/// Hadoop takes what stands before a colon in a part of a path for a scheme (HADOOP-14217). It doesn't list the application's own
/// file.
fn refuse_what_hadoop_cannot_list(key: &str, item: &str, which: impl Fn() -> String) -> Result<(), Refusal> {
    if !is_listed_by_hadoop(item) {
        return Ok(());
    }
    if uri::is_opaque(item) {
        return Err(Refusal::new(
            key,
            format!(
                "{} has no path, so Hadoop can't list it; write the URI as SCHEME://AUTHORITY/PATH",
                which()
            ),
        ));
    }
    let path = uri::path(item);
    if path.contains(':') || path.to_ascii_uppercase().contains("%3A") {
        return Err(Refusal::new(
            key,
            format!(
                "{} has a colon in its path, which Hadoop can't list; give the file a name without one",
                which()
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{list_of_conf, refuse_what_hadoop_cannot_list};

    #[test]
    fn items_of_a_list_in_the_conf_have_no_blanks_around_them() {
        let list = " s3a://b/x.jar\u{1f}, ,local:///y z.jar ,";
        assert_eq!(list_of_conf(list), "s3a://b/x.jar,local:///y z.jar");
    }

    #[test]
    fn what_hadoop_cannot_list_is_refused_where_it_lists() {
        for (uri, passes) in [
            ("s3a:x.jar", false),
            ("gs:b/x.jar#alias", false),
            ("hdfs:?x", false),
            ("foo:x", false),
            ("s3a:/x.jar", true),
            ("local:x.jar", true),
            ("https:x.jar", true),
            ("ftp:x.jar", true),
            ("s3a://b/x.jar", true),
            ("s3a://u:p@b:80/x.jar", true),
            ("s3a://b/x.jar#a:b", true),
            ("local:///opt/x:y.jar", true),
            ("https://h/x:y.jar", true),
            ("s3a://b/x@y:z.jar", false),
            ("hdfs://nn/a:b/x.jar", false),
            ("gs://b/x%3ay.jar", false),
            ("S3A://b/:x.jar", false),
        ] {
            let refused = refuse_what_hadoop_cannot_list("spark.jars", uri, || uri.to_owned());
            assert_eq!(refused.is_ok(), passes, "{uri}");
        }
    }
}
