//! The Spark distribution beside which a submitter runs.

use super::{SparkVersion, regular_file};
use std::path::Path;

/// The version of the distribution in `home` (`SPARK_HOME`): from the first line of its `RELEASE`, such as
/// `Spark 4.0.1 (git revision …) built for Hadoop 3.4.1`, else from the name of its jar `spark-core_2.13-4.0.1.jar`.
pub(super) fn installed_version(home: &Path) -> Option<SparkVersion> {
    from_release(home).or_else(|| from_core_jar(home))
}

fn from_release(home: &Path) -> Option<SparkVersion> {
    let release = String::from_utf8(regular_file::read(&home.join("RELEASE")).ok()?).ok()?;
    let version = release.strip_prefix("Spark ")?.split_whitespace().next()?;
    version.parse().ok()
}

fn from_core_jar(home: &Path) -> Option<SparkVersion> {
    let jars = std::fs::read_dir(home.join("jars")).ok()?;
    jars.flatten().find_map(|jar| {
        let name = jar.file_name().into_string().ok()?;
        let (_scala, version) = name
            .strip_prefix("spark-core_")?
            .strip_suffix(".jar")?
            .split_once('-')?;
        version.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_release_or_else_of_the_core_jar() {
        let home = tempfile::tempdir().unwrap();
        let installed = || installed_version(home.path()).map(|version| version.to_string());
        assert_eq!(installed(), None);
        std::fs::create_dir(home.path().join("jars")).unwrap();
        std::fs::write(home.path().join("jars/spark-sql_2.13-9.9.9.jar"), "").unwrap();
        std::fs::write(home.path().join("jars/spark-core_2.13-4.0.1.jar"), "").unwrap();
        assert_eq!(installed().as_deref(), Some("4.0.1"));
        let release = home.path().join("RELEASE");
        std::fs::write(
            &release,
            "Spark 3.5.3 (git revision 32232e9) built for Hadoop 3.3.4\n",
        )
        .unwrap();
        assert_eq!(installed().as_deref(), Some("3.5.3"));
        std::fs::write(&release, "unreadable").unwrap();
        assert_eq!(installed().as_deref(), Some("4.0.1"));
    }
}
