//! Arguments made into a [`Submission`]: properties files and environment merged in, validated, and fixed up as
//! Spark's `SparkSubmitArguments` and `SparkSubmit.prepareSubmitEnvironment` do it for cluster mode.

mod dependencies;
mod merge;
mod validate;

pub(crate) use dependencies::MAIN_FILE;
pub(crate) use validate::SUBMISSION_CREDENTIALS;

use super::{
    ConfReader, ExcludedSteps, Feature, LeftToWebhook, OwnConfigMap, PodAdditions, PodGroupTemplate,
    PodTemplate, PrimaryResource, Refusal, SparkConf, SparkSubmitArguments, SparkVersion, Submission,
    SubmissionId, SubmitterContext, TEMPLATE_SET_ANNOTATION, arguments::SparkOption, files, image_version,
    known_keys, placeholders, pod_group, refusal::wrong_text, uri,
};
use crate::{
    finding::{Warnings, expected, is_name},
    limits::Budget,
    redaction::shown_if,
};
use std::{borrow::Cow, collections::BTreeMap};

/// What comes with the arguments: from a request, a file, or nothing of it from a bare command line.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The id, where the caller gave one apart from the arguments.
    pub id: Option<SubmissionId>,
    /// The id where neither caller nor arguments give one; a random one where this is `None`.
    pub default_id: Option<SubmissionId>,
    /// The Spark version, where the caller gave one.
    pub spark_version: Option<SparkVersion>,
    /// The driver's pod template, where it came inline.
    pub driver_template: Option<PodTemplate>,
    /// The executors' pod template, where it came inline.
    pub executor_template: Option<PodTemplate>,
    /// What the operator's webhook would add to the driver.
    pub driver_additions: PodAdditions,
    /// Further `ConfigMap`s that the driver owns.
    pub config_maps: Vec<OwnConfigMap>,
    /// What the driver's `PodGroup` starts from, where the conf does not ask for one.
    pub pod_group: Option<PodGroupTemplate>,
    /// What was odd on the way here.
    pub warnings: Warnings,
    /// What reading it left of the submission's budget.
    pub budget: Budget,
}

/// The conf key by which the operator passes its submission id.
pub(crate) const SUBMISSION_ID_KEY: &str = "spark.kubernetes.driver.label.sparkoperator.k8s.io/submission-id";

/// How the conf keys of the driver Pod's annotations begin.
const DRIVER_ANNOTATION: &str = "spark.kubernetes.driver.annotation.";

/// The primary resource that stands for none.
const NO_RESOURCE: &str = "spark-internal";

/// Makes a submission out of `arguments`. Reads the files that they name; creates nothing.
pub fn resolve(
    arguments: SparkSubmitArguments,
    request: Request,
    context: &SubmitterContext,
) -> Result<Submission, Refusal> {
    MergedArguments::new(arguments, request, context)?.resolve(None, context)
}

/// The conf of `--status` and `--kill`, and the master as it was given. They need no application, and no validation of one.
pub fn operation_conf(
    arguments: SparkSubmitArguments,
    context: &SubmitterContext,
) -> Result<(SparkConf, String), Refusal> {
    let MergedArguments {
        options, mut conf, ..
    } = MergedArguments::new(arguments, Request::default(), context)?;
    conf.set("spark.master", kubernetes_master(&options)?);
    let given = options.get(SparkOption::Master).unwrap_or_default().to_owned();
    Ok((conf, given))
}

/// Arguments with the conf of their properties files and of `spark-defaults.conf`: what [`resolve`] starts from, whatever the
/// Spark version is.
#[derive(Debug)]
pub struct MergedArguments {
    /// Without options and conf, which are below.
    arguments: SparkSubmitArguments,
    options: Options,
    conf: SparkConf,
    request: Request,
}

/// What says where the driver will run and whose it is.
#[derive(Debug)]
pub struct Outline<'m> {
    /// The caller's id of this attempt.
    pub id: SubmissionId,
    /// The conf with the options in it.
    pub conf: SparkConf,
    /// Where the driver is to run.
    pub namespace: String,
    /// The driver's pod template. None if its file can't be read: [`MergedArguments::resolve`] says why.
    pub driver_template: Option<Cow<'m, PodTemplate>>,
    /// The executors' pod template, likewise.
    pub executor_template: Option<Cow<'m, PodTemplate>>,
}

impl MergedArguments {
    /// Reads the properties files that `arguments` name.
    pub fn new(
        mut arguments: SparkSubmitArguments,
        mut request: Request,
        context: &SubmitterContext,
    ) -> Result<Self, Refusal> {
        let mut conf = merge::properties(&arguments, context, &mut request.warnings)?;
        conf.draw_on(std::mem::take(&mut request.budget));
        conf.within_limits("conf")?;
        arguments.conf.clear();
        let options = std::mem::take(&mut arguments.options);
        Ok(Self {
            options: Options::fill(options, &conf, &context.environment),
            arguments,
            conf,
            request,
        })
    }

    /// The conf as given.
    pub fn conf(&self) -> &SparkConf {
        &self.conf
    }

    /// Where the driver will run and whose it is, which no Spark version changes. It draws on a copy of the budget.
    pub fn outline(&self, context: &SubmitterContext) -> Result<Outline<'_>, Refusal> {
        let mut conf = self.conf.clone();
        let resource = self.arguments.primary_resource.as_deref().unwrap_or_default();
        self.options.write_to(&mut conf, resource, context);
        let (id, default_id) = (self.request.id.clone(), self.request.default_id.clone());
        let id = submission_id(id, default_id, &conf)?;
        let reader = ConfReader::new(&conf, context);
        let version = SparkVersion::newest();
        let driver_template = match &self.request.driver_template {
            Some(template) => Some(Cow::Borrowed(template)),
            None => files::driver_template(reader, context, &version)
                .ok()
                .flatten()
                .map(Cow::Owned),
        };
        let executor_template = match &self.request.executor_template {
            Some(template) => Some(Cow::Borrowed(template)),
            None => files::executor_template(reader, context, &version)
                .ok()
                .flatten()
                .map(Cow::Owned),
        };
        Ok(Outline {
            id,
            namespace: namespace(reader)?,
            conf,
            driver_template,
            executor_template,
        })
    }

    /// Makes the submission, for `live_version` where the live application names one.
    pub fn resolve(
        self,
        live_version: Option<SparkVersion>,
        context: &SubmitterContext,
    ) -> Result<Submission, Refusal> {
        let Self {
            arguments,
            options,
            mut conf,
            request,
        } = self;
        let mut warnings = request.warnings;
        let version = live_version
            .or(request.spark_version)
            .or_else(|| context.spark_version.clone());
        let spark_version = version.unwrap_or_else(|| assumed_version(&conf, context, &mut warnings));
        validate::options(&options, &conf, &spark_version)?;
        let master = kubernetes_master(&options)?;
        let resource_text = arguments.primary_resource.filter(|resource| !resource.is_empty()).ok_or_else(|| {
            Refusal::new("", "Must specify a primary resource (JAR or Python or R file): no main application file is given")
        })?;
        if let Some(said) = uri::not_a_uri(&resource_text) {
            return Err(Refusal::saying(MAIN_FILE, said));
        }
        let resource = classify(&resource_text, context);
        validate::deploy_mode(&options, &resource_text)?;

        options.write_to(&mut conf, &resource_text, context);
        conf.set("spark.master", master);
        validate::login(&options, &conf, &spark_version, context)?;
        dependencies::fix_up(&mut conf, &resource, context)?;

        let reader = ConfReader::new(&conf, context);
        let id = submission_id(request.id, request.default_id, &conf)?;
        for (option, feature) in &arguments.newer_options {
            if !spark_version.has(*feature) {
                return Err(Refusal::new(
                    *option,
                    format!(
                        "Unrecognized option: Spark {spark_version} does not have it, a later version does"
                    ),
                ));
            }
        }
        validate::conf(reader, &resource, &spark_version)?;
        validate::submission_credentials(reader, context)?;
        let namespace = namespace(reader)?;
        let excluded = ExcludedSteps::read(ExcludedSteps::OF_DRIVER, reader, &spark_version)?;
        let files = files::read(reader, context, &excluded)?;
        warnings.append(files::unusable_names(&files));
        warnings.append(known_keys::misspelled(reader.raw()));
        warnings.append(placeholders::left(reader.raw()));
        let driver_template = match request.driver_template {
            Some(template) => Some(template),
            None => files::driver_template(reader, context, &spark_version)?,
        };
        let executor_template = match request.executor_template {
            Some(template) => Some(template),
            // Its path is then one in the driver's image.
            None if excluded.has("PodTemplateConfigMapStep") => None,
            None => files::executor_template(reader, context, &spark_version)?,
        };
        for (role, template) in [("driver", &driver_template), ("executor", &executor_template)] {
            warnings.append(container_not_found(reader, role, template.as_ref())?);
        }
        let pod_group = pod_group::read(reader, context, &excluded)?;
        if pod_group.is_some() && !spark_version.has(Feature::VolcanoStep) {
            warnings.push(format!(
                "spark.kubernetes.driver.pod.featureSteps: Spark {spark_version} has VolcanoFeatureStep only where it was \
                 built with it, and the image must be such a build"
            ));
        }
        let pod_group = pod_group.or(request.pod_group);
        let template_set = conf.get(&format!("{DRIVER_ANNOTATION}{TEMPLATE_SET_ANNOTATION}"));
        Ok(Submission {
            template_set: template_set.filter(|name| !name.is_empty()).map(str::to_owned),
            application_labels: BTreeMap::new(),
            application_annotations: BTreeMap::new(),
            id,
            namespace,
            spark_version,
            main_class: main_class(&options, &resource)?,
            arguments: arguments.arguments,
            proxy_user: options.get(SparkOption::ProxyUser).map(str::to_owned),
            resource,
            conf,
            driver_template,
            executor_template,
            pod_group,
            driver_additions: request.driver_additions,
            left_to_webhook: LeftToWebhook::default(),
            config_maps: request.config_maps,
            files,
            unmounted_volumes: Vec::new(),
            warnings,
        })
    }
}

/// Says if a pod template doesn't have the container that the conf names: Spark then takes its first one, which may be a sidecar.
fn container_not_found(
    conf: ConfReader<'_>,
    role: &str,
    template: Option<&PodTemplate>,
) -> Result<Warnings, Refusal> {
    let mut warnings = Warnings::default();
    let Some(containers) = template.and_then(|template| template.spec.get("containers")?.as_array()) else {
        return Ok(warnings);
    };
    let key = format!("spark.kubernetes.{role}.podTemplateContainerName");
    let Some(wanted) = conf.text(&key)? else {
        return Ok(warnings);
    };
    let named = containers
        .iter()
        .filter(|container| container["name"] == wanted.as_str())
        .count();
    if named != 1
        && let Some(first) = containers.first()
    {
        let taken = first["name"].as_str().unwrap_or_default();
        let found = if named == 0 { "none" } else { "several" };
        warnings.push(format!(
            "{role} pod template: expected one container {}, found {found}; Spark takes the first one, {}, for its own",
            shown_if(&wanted, is_name),
            shown_if(taken, is_name),
        ));
    }
    Ok(warnings)
}

/// The version where nobody gives one: by the driver's image, if that is an official one with its version as tag; else the newest.
fn assumed_version(conf: &SparkConf, context: &SubmitterContext, warnings: &mut Warnings) -> SparkVersion {
    let reader = ConfReader::new(conf, context);
    let keys = [
        "spark.kubernetes.driver.container.image",
        "spark.kubernetes.container.image",
    ];
    // A wrong reference in it is an error later, where the image is read.
    let image = reader.first(&keys).ok().flatten();
    if let Some(version) = image
        .as_ref()
        .and_then(|(_, image)| image_version::of_image(image))
    {
        warnings.push(format!(
            "no Spark version is given; submitting for {version}, by the tag of the driver's image"
        ));
        return version;
    }
    let newest = SparkVersion::newest();
    warnings.push(format!(
        "no Spark version is given; submitting for {newest}, the newest known"
    ));
    newest
}

/// `spark.kubernetes.namespace`, expanded once for all who ask.
fn namespace(conf: ConfReader<'_>) -> Result<String, Refusal> {
    let key = "spark.kubernetes.namespace";
    match conf.name(key)? {
        None => Ok("default".to_owned()),
        // Spark's client library: "namespace not specified for an operation requiring one".
        Some(name) if name.is_empty() => Err(Refusal::saying(key, expected("a namespace").nothing())),
        Some(name) => Ok(name),
    }
}

fn submission_id(
    given: Option<SubmissionId>,
    default: Option<SubmissionId>,
    conf: &SparkConf,
) -> Result<SubmissionId, Refusal> {
    match (given, conf.get(SUBMISSION_ID_KEY)) {
        (Some(id), _) => Ok(id),
        (None, Some(label)) => SubmissionId::new(label),
        (None, None) => Ok(default.unwrap_or_else(SubmissionId::random)),
    }
}

/// The dedicated options with their fallbacks filled in.
#[derive(Debug)]
struct Options(BTreeMap<SparkOption, String>);

impl Options {
    fn fill(
        given: BTreeMap<SparkOption, String>,
        conf: &SparkConf,
        environment: &BTreeMap<String, String>,
    ) -> Self {
        let mut options = given;
        for option in SparkOption::ALL {
            if options.contains_key(option) {
                continue;
            }
            let from_conf = || option.conf_keys().iter().find_map(|key| conf.get(key));
            let from_environment = || {
                option
                    .environment_variable()
                    .and_then(|name| environment.get(name))
                    .map(String::as_str)
            };
            if let Some(value) = from_conf().or_else(from_environment) {
                let value = if option
                    .conf_keys()
                    .iter()
                    .any(|key| dependencies::LISTS.contains(key))
                {
                    dependencies::list_of_conf(value)
                } else {
                    value.to_owned()
                };
                options.insert(*option, value);
            }
        }
        Self(options)
    }

    fn get(&self, option: SparkOption) -> Option<&str> {
        self.0.get(&option).map(String::as_str)
    }

    /// Writes each option to its conf key, but for those that Spark on Kubernetes ignores, and what Spark sets beside them.
    fn write_to(&self, conf: &mut SparkConf, resource: &str, context: &SubmitterContext) {
        for (option, value) in &self.0 {
            match option {
                SparkOption::TotalExecutorCores | SparkOption::Remote => {}
                _ => {
                    if let Some(key) = option.conf_keys().first() {
                        conf.set(*key, value.as_str());
                    }
                }
            }
        }
        conf.set("spark.submit.deployMode", "cluster");
        conf.set("spark.app.name", self.app_name(conf, resource));
        // Removed in cluster mode; the driver's host is its Service.
        conf.remove("spark.driver.host");
        conf.set_default("spark.app.submitTime", context.submit_time_ms.to_string());
    }

    /// `--name`, the conf, `--class`, or the last part of the main file's path.
    fn app_name(&self, conf: &SparkConf, resource: &str) -> String {
        self.get(SparkOption::Name)
            .or_else(|| conf.get("spark.app.name"))
            .or_else(|| self.get(SparkOption::Class))
            .map_or_else(
                || resource.rsplit('/').next().unwrap_or(resource).to_owned(),
                str::to_owned,
            )
    }
}

/// The master URL as Spark's `Utils.checkAndGetK8sMasterUrl` normalises it.
fn kubernetes_master(options: &Options) -> Result<String, Refusal> {
    let refused = |message: String| Refusal::new("--master", message).needing_spark();
    let Some(master) = options.get(SparkOption::Master) else {
        return Err(refused(
            "Cluster deploy mode is not compatible with master \"local\": no master is given; expected k8s://https://host:port"
                .to_owned(),
        ));
    };
    let Some(url) = master.strip_prefix("k8s://") else {
        return Err(refused(
            "expected k8s://https://host:port; native-submit submits to Kubernetes only".to_owned(),
        ));
    };
    if !uri::is_legal(url) {
        return Err(wrong_text("--master", master, "k8s://https://host:port"));
    }
    match url.split_once("://") {
        None => Ok(format!("k8s://https://{url}")),
        Some((scheme, _)) if matches!(scheme.to_ascii_lowercase().as_str(), "https" | "http") => {
            Ok(master.to_owned())
        }
        Some((scheme, _)) => Err(Refusal::new(
            "--master",
            format!(
                "Invalid Kubernetes master scheme: {}; expected https or http",
                shown_if(scheme, |scheme| scheme
                    .bytes()
                    .all(|byte| byte.is_ascii_alphabetic()))
            ),
        )),
    }
}

/// Java, Python or R by the end of the name, as Spark's `SparkSubmit.isPython` and `isR` tell.
fn classify(resource: &str, context: &SubmitterContext) -> PrimaryResource {
    if resource == NO_RESOURCE {
        return PrimaryResource::Java(None);
    }
    let resolved = uri::resolve(resource, context);
    match resolved.rsplit_once('.') {
        Some((_, "py")) => PrimaryResource::Python(resolved),
        Some((_, "R" | "r")) => PrimaryResource::R(resolved),
        _ => PrimaryResource::Java(Some(resolved)),
    }
}

/// The class that the driver runs. Spark would open a jar for its manifest; a submitter without a JVM and without
/// the jar's file system asks for the class instead.
fn main_class(options: &Options, resource: &PrimaryResource) -> Result<String, Refusal> {
    match resource {
        PrimaryResource::Python(_) => Ok("org.apache.spark.deploy.PythonRunner".to_owned()),
        PrimaryResource::R(_) => Ok("org.apache.spark.deploy.RRunner".to_owned()),
        PrimaryResource::Java(_) => options.get(SparkOption::Class).map(str::to_owned).ok_or_else(|| {
            Refusal::new(
                "--class",
                "Failed to get main class in JAR: the jar can't be opened by the submitter. \
                     Please specify one with --class (spec.mainClass).",
            )
            .needing_spark()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::arguments, *};

    fn submission(namespace: &str) -> Result<Submission, Refusal> {
        let fixed = "--master k8s://https://h --deploy-mode cluster --class a.B --conf spark.q=zz";
        let mut argv: Vec<_> = fixed.split(' ').map(str::to_owned).collect();
        argv.extend([
            "--conf".to_owned(),
            namespace.to_owned(),
            "local:///a.jar".to_owned(),
        ]);
        let arguments = arguments::parse(&argv).unwrap();
        resolve(arguments, Request::default(), &SubmitterContext::golden())
    }

    #[test]
    fn the_namespace_is_expanded_for_all_and_stays_as_given_in_the_properties() {
        let found = submission("spark.kubernetes.namespace=n-${spark.q}").unwrap();
        assert_eq!(found.namespace(), "n-zz");
        assert_eq!(found.conf.get("spark.kubernetes.namespace"), Some("n-${spark.q}"));
        assert_eq!(submission("spark.a=b").unwrap().namespace(), "default");
    }

    #[test]
    fn an_empty_namespace_is_refused() {
        let refusal = submission("spark.kubernetes.namespace=").unwrap_err();
        assert_eq!(refusal.subject, "spark.kubernetes.namespace");
    }

    /// The key that a submission of these settings is refused for, if it is.
    fn refused(version: &str, resource: &str, settings: &[&str]) -> Option<String> {
        let fixed = "--master k8s://https://h --deploy-mode cluster --class a.B";
        let mut argv: Vec<_> = fixed.split(' ').map(str::to_owned).collect();
        for setting in settings {
            argv.extend(["--conf".to_owned(), (*setting).to_owned()]);
        }
        argv.push(resource.to_owned());
        let context = SubmitterContext {
            spark_version: Some(version.parse().unwrap()),
            reach: crate::spark::submission::Reach::Process,
            ..SubmitterContext::golden()
        };
        let arguments = arguments::parse(&argv).unwrap();
        resolve(arguments, Request::default(), &context)
            .err()
            .map(|refusal| refusal.subject)
    }

    #[test]
    fn the_heap_is_looked_for_in_java_options_as_each_version_does() {
        let key = "spark.driver.extraJavaOptions";
        for (options, old, new) in [
            ("-Da=b -Xmx1g", true, true),
            ("-Da=b '-X'mx1g", false, true),
            ("-Da=-Xmx1g", true, false),
            ("-Da=\"b -Xmx1g\"", true, false),
            ("-Da=NoXmx", true, false),
            ("--Xmx1g", true, false),
            ("-Da=\"b", false, true),
            ("-Da=b\\", false, true),
            ("-Da='b c'", false, false),
        ] {
            let setting = format!("{key}={options}");
            for (version, expected) in [("3.5.9", old), ("4.0.4", new), ("4.3.0", new)] {
                let found = refused(version, "local:///a.jar", &[&setting]);
                assert_eq!(found.as_deref(), expected.then_some(key), "{version} {options}");
            }
        }
    }

    #[test]
    fn the_version_of_python_is_checked_for_python_alone() {
        let key = "spark.kubernetes.pyspark.pythonVersion";
        let settings = [format!("{key}=2")];
        let settings = settings.each_ref().map(String::as_str);
        assert_eq!(refused("3.5.9", "local:///a.py", &settings).as_deref(), Some(key));
        for (version, resource) in [
            ("3.5.9", "local:///a.jar"),
            ("3.5.9", "local:///a.R"),
            ("4.3.0", "local:///a.py"),
        ] {
            assert_eq!(
                refused(version, resource, &settings),
                None,
                "{version} {resource}"
            );
        }
    }

    #[test]
    fn what_a_submitter_authenticates_with_is_read_unexpanded() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().to_str().unwrap();
        std::fs::write(format!("{folder}/ca"), "ca").unwrap();
        for role in ["driver", "submission"] {
            let key = format!("spark.kubernetes.authenticate.{role}.caCertFile");
            let home = format!("spark.home={folder}");
            let plain = format!("{key}={folder}/ca");
            assert_eq!(
                refused("4.3.0", "local:///a.jar", &[&home, &plain]),
                None,
                "{role}"
            );
            let referring = format!("{key}=${{spark.home}}/ca");
            assert_eq!(
                refused("4.3.0", "local:///a.jar", &[&home, &referring]),
                Some(key)
            );
        }
    }
}
