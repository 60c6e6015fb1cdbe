//! The Spark version that an official image's tag names.

use super::SparkVersion;

/// The repositories of official images, as Docker Hub has them.
const OFFICIAL: [&str; 4] = ["spark", "apache/spark", "apache/spark-py", "apache/spark-r"];

/// What may stand before them: the same registry by its names.
const REGISTRIES: [&str; 4] = ["docker.io/library/", "docker.io/", "index.docker.io/", "library/"];

/// The version in the tag of an official image: `spark:4.0.1-scala2.13-java17` is 4.0.1. None for other images and other
/// tags: what they hold only their makers know.
pub(super) fn of_image(image: &str) -> Option<SparkVersion> {
    let image = image.split('@').next().unwrap_or_default();
    let (repository, tag) = image.rsplit_once(':')?;
    let bare = REGISTRIES
        .iter()
        .find_map(|registry| repository.strip_prefix(registry));
    if !OFFICIAL.contains(&bare.unwrap_or(repository)) {
        return None;
    }
    let version = tag.split('-').next()?;
    let is_version = |text: &str| {
        let parts: Vec<_> = text.split('.').collect();
        parts.len() == 3
            && parts
                .iter()
                .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    is_version(version.strip_prefix('v').unwrap_or(version))
        .then(|| version.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_official_images_tag_names_the_version() {
        for (image, version) in [
            ("spark:4.0.1", Some("4.0.1")),
            (
                "apache/spark:3.5.6-scala2.12-java17-python3-ubuntu",
                Some("3.5.6"),
            ),
            ("docker.io/library/spark:4.0.1", Some("4.0.1")),
            ("docker.io/apache/spark-py:v3.4.0", Some("3.4.0")),
            ("apache/spark:4.0.1@sha256:0123", Some("4.0.1")),
            ("spark", None),
            ("spark:latest", None),
            ("spark:4", None),
            ("spark:4.0", None),
            ("spark:4.0.x", None),
            ("mine/spark:4.0.1", None),
            ("registry:5000/spark:4.0.1", None),
            ("registry:5000/spark", None),
            ("spark@sha256:4.0.1", None),
            ("", None),
        ] {
            let found = of_image(image).map(|found| found.to_string());
            assert_eq!(found.as_deref(), version, "{image}");
        }
    }
}
