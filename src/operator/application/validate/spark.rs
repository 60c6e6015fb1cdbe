//! What Spark needs: an image, something to run, and the one deploy mode that can be served.

use super::{Findings, given, missing, roles};
use crate::{
    finding::{Warnings, Words, expected},
    operator::application::{ApplicationType, DeployMode, SparkApplication, SparkApplicationSpec},
    spark::submission::not_a_uri,
};

/// What Spark takes a main file for. It looks at the file's suffix, case included (`SparkSubmitArguments.isPython`,
/// `isR`), and never at `spec.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Jar,
    Python,
    R,
}

impl Taken {
    fn of(file: &str) -> Self {
        match file.rsplit_once('.').map(|(_, suffix)| suffix) {
            Some("py") => Self::Python,
            Some("R" | "r") => Self::R,
            _ => Self::Jar,
        }
    }

    fn suits(self, kind: ApplicationType) -> bool {
        match kind {
            ApplicationType::Java | ApplicationType::Scala => self == Self::Jar,
            ApplicationType::Python => self == Self::Python,
            ApplicationType::R => self == Self::R,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Jar => "a jar",
            Self::Python => "a Python file",
            Self::R => "an R file",
        }
    }
}

pub(super) fn check(application: &SparkApplication, findings: &mut Findings) {
    check_images(application, findings);
    check_mode(&application.spec, findings);
    check_main(&application.spec, findings);
    check_uris(&application.spec, findings);
}

/// Files that driver and executors fetch: with another scheme than Hadoop knows they fail there; what is no URI at all fails here.
fn check_uris(spec: &SparkApplicationSpec, findings: &mut Findings) {
    let main = spec.main_application_file.iter();
    let mut uris: Vec<_> = main
        .map(|file| ("spec.mainApplicationFile".to_owned(), file))
        .collect();
    let deps = &spec.deps;
    for (field, list) in [
        ("jars", &deps.jars),
        ("files", &deps.files),
        ("pyFiles", &deps.py_files),
        ("archives", &deps.archives),
    ] {
        let numbered = list.iter().enumerate();
        uris.extend(numbered.map(|(index, file)| (format!("spec.deps.{field}[{index}]"), file)));
    }
    for (path, file) in uris {
        if let Some(said) = not_a_uri(file) {
            findings.add(path, said);
        }
    }
}

/// Spark fails without an image for the driver, and the driver without one for its executors. Images named in
/// `sparkConf` are refused elsewhere; that is the better message.
fn check_images(application: &SparkApplication, findings: &mut Findings) {
    let spec = &application.spec;
    if given(spec.image.as_ref()).is_some()
        || spec.spark_conf.contains_key("spark.kubernetes.container.image")
    {
        return;
    }
    let without: Vec<_> = roles(application)
        .into_iter()
        .filter(|role| {
            let key = format!("spark.kubernetes.{}.container.image", role.name);
            given(role.pod.image.as_ref()).is_none() && !spec.spark_conf.contains_key(&key)
        })
        .collect();
    match without.as_slice() {
        [] => {}
        [role] => findings.add(
            role.path("image"),
            expected("an image here or in spec.image").nothing(),
        ),
        _ => findings.add(
            "spec.image",
            missing().advice("set it, or spec.driver.image and spec.executor.image"),
        ),
    }
}

fn check_mode(spec: &SparkApplicationSpec, findings: &mut Findings) {
    if let Some(mode) = spec.mode
        && mode != DeployMode::Cluster
    {
        findings.add(
            "spec.mode",
            expected("`cluster`")
                .shown(mode.name())
                .advice("native-submit runs the driver in a Pod of its own"),
        );
    }
}

fn check_main(spec: &SparkApplicationSpec, findings: &mut Findings) {
    let Some(file) = given(spec.main_application_file.as_ref()) else {
        findings.add(
            "spec.mainApplicationFile",
            expected("a jar, a .py file or a .R file, such as `local:///opt/spark/app.jar`").nothing(),
        );
        return;
    };
    if Taken::of(file) == Taken::Jar && given(spec.main_class.as_ref()).is_none() {
        let kind = match spec.type_ {
            Some(ApplicationType::Python) => "; a Python application's main file ends with .py",
            Some(ApplicationType::R) => "; an R application's main file ends with .R or .r",
            _ => "",
        };
        findings.add(
            "spec.mainClass",
            expected("the name of a class").nothing().advice(Words::own(format!(
                "Spark takes a main file that doesn't end with .py, .R or .r for a jar, and native-submit doesn't read a jar's \
                 manifest{kind}"
            ))),
        );
    }
}

/// What is odd about an application but stops nobody: one line each, field path first.
pub fn warnings(application: &SparkApplication) -> Warnings {
    let spec = &application.spec;
    let mut warnings = Warnings::default();
    if let (Some(kind), Some(file)) = (spec.type_, given(spec.main_application_file.as_ref())) {
        let taken = Taken::of(file);
        if !taken.suits(kind) {
            warnings.push(format!(
                "spec.type: {kind:?}, but Spark goes by the suffix of spec.mainApplicationFile and runs it as {}",
                taken.words()
            ));
        }
    }
    for role in roles(application) {
        if let Some(gpu) = &role.pod.gpu
            && (gpu.name.is_empty() || gpu.quantity <= 0)
        {
            warnings.push(format!(
                "{}: asks for no GPU: it needs a name and a quantity above 0",
                role.path("gpu")
            ));
        }
    }
    warnings
}
