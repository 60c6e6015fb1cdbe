//! The operator's argument vector (`buildSparkSubmitArgs`), without the detour over text.

use super::{conf::Conf, local_dirs, roles::Role};
use crate::{
    operator::{
        application::{SecretType, SparkApplication},
        labels,
    },
    spark::submission::{
        Refusal, SparkSubmitArguments, SubmissionId, SubmitterContext, arguments::SparkOption,
    },
};
use std::collections::BTreeMap;

/// Labels with this prefix belong to Kueue's own object and are not passed on to pods.
const KUEUE_LABELS: &str = "kueue.x-k8s.io/";

/// The groups of arguments in the operator's order: a later conf of the same key wins.
pub(super) fn build(
    application: &SparkApplication,
    id: &SubmissionId,
    context: &SubmitterContext,
) -> Result<SparkSubmitArguments, Refusal> {
    let spec = &application.spec;
    let mut conf = Conf::default();
    conf.set("spark.kubernetes.namespace", application.namespace());
    conf.set_filled("spark.kubernetes.container.image", spec.image.as_deref());
    conf.set_filled(
        "spark.kubernetes.container.image.pullPolicy",
        spec.image_pull_policy.as_deref(),
    );
    if !spec.image_pull_secrets.is_empty() {
        conf.set(
            "spark.kubernetes.container.image.pullSecrets",
            spec.image_pull_secrets.join(","),
        );
    }
    conf.set_filled(
        "spark.kubernetes.pyspark.pythonVersion",
        spec.python_version.as_deref(),
    );
    conf.set_filled(
        "spark.kubernetes.memoryOverheadFactor",
        spec.memory_overhead_factor.as_deref(),
    );
    conf.set("spark.kubernetes.submission.waitAppCompletion", "false");
    for (key, value) in &spec.spark_conf {
        if key != "spark.kubernetes.driver.pod.name" {
            conf.set(key.as_str(), value.as_str());
        }
    }
    for (key, value) in &spec.hadoop_conf {
        conf.set(format!("spark.hadoop.{key}"), value.as_str());
    }
    conf.set("spark.kubernetes.driver.pod.name", driver_pod_name(application));
    conf.driver(application, id)?;
    conf.environment_and_secrets(application, Role::Driver)?;
    conf.executor(application, id)?;
    conf.environment_and_secrets(application, Role::Executor)?;
    for (key, value) in &spec.node_selector {
        conf.set(format!("spark.kubernetes.node.selector.{key}"), value.as_str());
    }
    conf.dynamic_allocation(application);
    for role in [Role::Driver, Role::Executor] {
        let key = format!("spark.kubernetes.{}.podTemplateContainerName", role.name());
        conf.set(key, role.container_name());
    }
    Ok(SparkSubmitArguments {
        options: options(application, context),
        conf: conf.0,
        primary_resource: spec.main_application_file.clone(),
        arguments: spec.arguments.clone(),
        ..SparkSubmitArguments::default()
    })
}

/// `driver.podName`, the conf's, or `<application>-driver` (the operator's `GetDriverPodName`).
fn driver_pod_name(application: &SparkApplication) -> String {
    let spec = &application.spec;
    let given = spec
        .driver
        .pod_name
        .as_ref()
        .or_else(|| spec.spark_conf.get("spark.kubernetes.driver.pod.name"));
    given
        .filter(|name| !name.is_empty())
        .cloned()
        .unwrap_or_else(|| format!("{}-driver", application.name()))
}

fn options(application: &SparkApplication, context: &SubmitterContext) -> BTreeMap<SparkOption, String> {
    let spec = &application.spec;
    let mode = spec
        .mode
        .map_or("cluster", crate::operator::application::DeployMode::name);
    let mut options = BTreeMap::from([
        (SparkOption::Master, context.master.clone()),
        (SparkOption::DeployMode, mode.to_owned()),
        (SparkOption::Name, application.name().to_owned()),
    ]);
    for (option, list) in [
        (SparkOption::Jars, &spec.deps.jars),
        (SparkOption::Packages, &spec.deps.packages),
        (SparkOption::ExcludePackages, &spec.deps.exclude_packages),
        (SparkOption::Repositories, &spec.deps.repositories),
        (SparkOption::PyFiles, &spec.deps.py_files),
        (SparkOption::Files, &spec.deps.files),
        (SparkOption::Archives, &spec.deps.archives),
    ] {
        if !list.is_empty() {
            options.insert(option, list.join(","));
        }
    }
    options.extend(spec.main_class.clone().map(|class| (SparkOption::Class, class)));
    let user = spec.proxy_user.clone().filter(|user| !user.is_empty());
    options.extend(user.map(|user| (SparkOption::ProxyUser, user)));
    options
}

impl Conf {
    fn driver(&mut self, application: &SparkApplication, id: &SubmissionId) -> Result<(), Refusal> {
        let driver = &application.spec.driver;
        self.role(application, Role::Driver, id, driver.core_request.as_deref())?;
        self.set_given("spark.driver.extraJavaOptions", driver.java_options.as_deref());
        self.set_given(
            "spark.kubernetes.driver.master",
            driver.kubernetes_master.as_deref(),
        );
        for (kind, entries) in [
            ("label", &driver.service_labels),
            ("annotation", &driver.service_annotations),
        ] {
            for (key, value) in entries {
                self.set(
                    format!("spark.kubernetes.driver.service.{kind}.{key}"),
                    value.as_str(),
                );
            }
        }
        Ok(())
    }

    fn executor(&mut self, application: &SparkApplication, id: &SubmissionId) -> Result<(), Refusal> {
        let executor = &application.spec.executor;
        if let Some(instances) = executor.instances {
            self.set("spark.executor.instances", instances.to_string());
        }
        self.role(application, Role::Executor, id, executor.core_request.as_deref())?;
        if let Some(delete) = executor.delete_on_termination {
            self.set(
                "spark.kubernetes.executor.deleteOnTermination",
                delete.to_string(),
            );
        }
        self.set_given(
            "spark.executor.extraJavaOptions",
            executor.java_options.as_deref(),
        );
        Ok(())
    }

    /// What driver and executor have in common.
    fn role(
        &mut self,
        application: &SparkApplication,
        role: Role,
        id: &SubmissionId,
        core_request: Option<&str>,
    ) -> Result<(), Refusal> {
        let pod = role.pod(application);
        let name = role.name();
        let kubernetes = |key: &str| format!("spark.kubernetes.{name}.{key}");
        let image = pod
            .image
            .as_deref()
            .filter(|image| !image.is_empty())
            .or(application.spec.image.as_deref());
        self.set_filled(&kubernetes("container.image"), image);
        if let Some(cores) = pod.cores {
            self.set(format!("spark.{name}.cores"), cores.to_string());
        }
        self.set_given(&kubernetes("request.cores"), core_request);
        self.set_given(&kubernetes("limit.cores"), pod.core_limit.as_deref());
        self.set_given(&format!("spark.{name}.memory"), pod.memory.as_deref());
        self.set_given(
            &format!("spark.{name}.memoryOverhead"),
            pod.memory_overhead.as_deref(),
        );
        let account = format!("spark.kubernetes.authenticate.{name}.serviceAccountName");
        self.set_given(&account, pod.service_account.as_deref());
        self.labels(application, role, id)?;
        for (key, value) in &pod.annotations {
            self.set(kubernetes(&format!("annotation.{key}")), value.as_str());
        }
        for (variable, secret) in &pod.env_secret_key_refs {
            self.set(
                kubernetes(&format!("secretKeyRef.{variable}")),
                format!("{}:{}", secret.name, secret.key),
            );
        }
        Ok(())
    }

    /// The application's own labels and the user's, then the operator's, which nobody may change.
    fn labels(
        &mut self,
        application: &SparkApplication,
        role: Role,
        id: &SubmissionId,
    ) -> Result<(), Refusal> {
        let pod = role.pod(application);
        let mut operators = BTreeMap::from([
            (labels::APP_NAME, application.name()),
            (labels::LAUNCHED, "true"),
            (labels::SUBMISSION_ID, id.as_str()),
        ]);
        if pod.template.is_none() {
            operators.insert(labels::MUTATED, "true");
        }
        let key = |label: &str| format!("spark.kubernetes.{}.label.{label}", role.name());
        let from_metadata = application.metadata.labels.iter().flatten();
        let inherited = from_metadata.filter(|(label, _)| !label.starts_with(KUEUE_LABELS));
        for (label, value) in inherited.chain(&pod.labels) {
            self.set(key(label), value.as_str());
        }
        let given = labels::of_conf(role.name(), |key| self.0.get(key).map(String::as_str));
        labels::check(&given, id, Some(application.name()))?;
        for (label, value) in operators {
            self.set(key(label), value);
        }
        Ok(())
    }

    fn environment_and_secrets(&mut self, application: &SparkApplication, role: Role) -> Result<(), Refusal> {
        let pod = role.pod(application);
        for (variable, value) in &pod.env_vars {
            self.set(format!("{}{variable}", role.environment_prefix()), value.as_str());
        }
        for secret in &pod.secrets {
            self.set(
                format!("spark.kubernetes.{}.secrets.{}", role.name(), secret.name),
                secret.path.as_str(),
            );
            let file = match &secret.secret_type {
                Some(SecretType::GcpServiceAccount) => Some(("GOOGLE_APPLICATION_CREDENTIALS", "key.json")),
                Some(SecretType::HadoopDelegationToken) => {
                    Some(("HADOOP_TOKEN_FILE_LOCATION", "hadoop.token"))
                }
                _ => None,
            };
            if let Some((variable, file)) = file {
                let path = format!("{}/{file}", secret.path.trim_end_matches('/'));
                self.set(format!("{}{variable}", role.environment_prefix()), path);
            }
        }
        local_dirs::set(self, application, role)
    }

    fn dynamic_allocation(&mut self, application: &SparkApplication) {
        let Some(allocation) = application
            .spec
            .dynamic_allocation
            .as_ref()
            .filter(|allocation| allocation.enabled)
        else {
            return;
        };
        self.set("spark.dynamicAllocation.enabled", "true");
        for (key, count) in [
            ("initialExecutors", allocation.initial_executors),
            ("minExecutors", allocation.min_executors),
            ("maxExecutors", allocation.max_executors),
        ] {
            if let Some(count) = count {
                self.set(format!("spark.dynamicAllocation.{key}"), count.to_string());
            }
        }
        let tracking = allocation.shuffle_tracking_enabled.unwrap_or(true);
        self.set(
            "spark.dynamicAllocation.shuffleTracking.enabled",
            tracking.to_string(),
        );
        if let Some(timeout) = allocation.shuffle_tracking_timeout {
            self.set(
                "spark.dynamicAllocation.shuffleTracking.timeout",
                timeout.to_string(),
            );
        }
    }
}
