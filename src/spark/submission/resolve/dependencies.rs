//! Jars, files, archives and Python files: resolved, and refused where they would have to be uploaded.

use super::super::{PrimaryResource, Reach, Refusal, SparkConf, SubmitterContext, uri};
use crate::redaction::{hidden, shown};

/// The keys that hold lists of URIs.
const LISTS: [&str; 4] = [
    "spark.jars",
    "spark.files",
    "spark.archives",
    "spark.submit.pyFiles",
];

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
        for (index, item) in list.split(',').filter(|item| !item.is_empty()).enumerate() {
            // The reader of a service's log or of a status may be another person than the author of the value.
            let which = match context.reach {
                Reach::Process => shown(item),
                Reach::Roots(_) => format!("item {}", index + 1),
            };
            refuse_what_the_driver_cannot_fetch(key, item, &which)?;
        }
    }
    if let PrimaryResource::Python(file) = resource {
        let which = match context.reach {
            Reach::Process => shown(file),
            Reach::Roots(_) => hidden(file),
        };
        refuse_what_the_driver_cannot_fetch("main application file", file, &which)?;
    }
    Ok(())
}

fn refuse_what_the_driver_cannot_fetch(subject: &str, item: &str, which: &str) -> Result<(), Refusal> {
    if uri::is_submitters_own(item) {
        return Err(Refusal::new(
            subject,
            format!(
                "{which} is a file of the submitter. Spark would upload it (spark.kubernetes.file.upload.path), \
                 native-submit does not: put the file into the image and name it local:///path, or upload it \
                 yourself and name its URI (s3a://…, https://…)"
            ),
        )
        .needing_spark());
    }
    if uri::scheme(item) == Some("ivy") {
        return Err(Refusal::new(
            subject,
            format!(
                "{which} is an ivy: URI, for which spark-submit has no file system, here and again in the driver; \
                 name its coordinates in spark.jars.packages instead"
            ),
        ));
    }
    let plain_schemes = ["local", "http", "https", "ftp"];
    let globbed = !uri::scheme(item).is_some_and(|scheme| plain_schemes.contains(&scheme));
    let path = item.split('#').next().unwrap_or(item);
    if globbed && path.contains(['*', '?', '[', '{']) {
        return Err(Refusal::new(
            subject,
            format!(
                "{which} has wildcards, which Spark would expand through the URI's file system; name each file instead"
            ),
        )
        .needing_spark());
    }
    Ok(())
}
