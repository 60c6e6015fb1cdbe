//! The driver's arguments (Spark's `DriverCommandFeatureStep`). The command is the image's entrypoint.

use super::{ResourceType, draft::Draft};
use crate::{
    kubernetes::append,
    spark::submission::{PrimaryResource, Refusal},
};

/// Where the driver's configuration is mounted.
pub(super) const CONF_DIR: &str = "/opt/spark/conf";

/// The file with the driver's properties there.
pub(crate) const PROPERTIES_PATH: &str = "/opt/spark/conf/spark.properties";

/// The key and file name of the driver's properties.
pub(super) const PROPERTIES_FILE: &str = "spark.properties";

pub(super) fn apply(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let submission = draft.submission;
    let resource_type = resource_type(&submission.resource);
    let resource = match &submission.resource {
        PrimaryResource::Java(None) => "spark-internal",
        PrimaryResource::Java(Some(uri)) | PrimaryResource::Python(uri) | PrimaryResource::R(uri) => uri,
    };
    let mut args = vec!["driver".to_owned()];
    if let Some(user) = &submission.proxy_user {
        args.extend(["--proxy-user".to_owned(), user.clone()]);
    }
    args.extend(["--properties-file".to_owned(), PROPERTIES_PATH.to_owned()]);
    args.extend([
        "--class".to_owned(),
        submission.main_class.clone(),
        resource.to_owned(),
    ]);
    args.extend(submission.arguments.iter().cloned());
    append(&mut draft.pod.container, "args", args.into_iter().map(Into::into));
    if resource_type == ResourceType::Python {
        python_environment(draft)?;
    }
    let word = match resource_type {
        ResourceType::Java => "java",
        ResourceType::Python => "python",
        ResourceType::R => "r",
    };
    draft.set_property("spark.kubernetes.resource.type", word);
    Ok(())
}

/// The word that Spark has for the kind of `resource`.
pub(super) fn resource_type(resource: &PrimaryResource) -> ResourceType {
    match resource {
        PrimaryResource::Java(_) => ResourceType::Java,
        PrimaryResource::Python(_) => ResourceType::Python,
        PrimaryResource::R(_) => ResourceType::R,
    }
}

fn python_environment(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let submitters = |name: &str| draft.context.environment.get(name).cloned();
    let python = draft.conf.text("spark.pyspark.python")?;
    let driver_python = draft.conf.text("spark.pyspark.driver.python")?;
    let variables = [
        (
            "PYSPARK_PYTHON",
            python.clone().or_else(|| submitters("PYSPARK_PYTHON")),
        ),
        (
            "PYSPARK_DRIVER_PYTHON",
            driver_python
                .or(python)
                .or_else(|| submitters("PYSPARK_DRIVER_PYTHON"))
                .or_else(|| submitters("PYSPARK_PYTHON")),
        ),
    ];
    for (name, value) in variables {
        if let Some(value) = value {
            draft.pod.add_env(name, &value);
        }
    }
    Ok(())
}
