//! Labels, image, ports, environment and resources of the driver (Spark's `BasicDriverFeatureStep`).

use super::{container, draft::Draft, placement::Placement, resources};
use crate::{
    kubernetes::{append, extend},
    spark::submission::{Feature, Refusal, short_name},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Labels that Spark sets itself.
const RESERVED_LABELS: [&str; 4] = [
    "spark-version",
    "spark-app-selector",
    "spark-app-name",
    "spark-role",
];

/// The container's name where the pod template gives none.
const DEFAULT_CONTAINER_NAME: &str = "spark-kubernetes-driver";

pub(super) fn apply(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    metadata(draft)?;
    spec(draft)?;
    fill_container(draft)?;
    resources::apply(draft)?;
    let names = &draft.names;
    for (key, value) in [
        ("spark.kubernetes.driver.pod.name", names.pod.clone()),
        ("spark.app.id", names.application_id.clone()),
        ("spark.kubernetes.submitInDriver", "true".to_owned()),
    ] {
        draft.set_property(key, value);
    }
    Ok(())
}

/// The labels of the driver pod that conf and Spark give; the Service selects by all of them.
pub(super) fn labels(draft: &Draft<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    const PREFIX: &str = "spark.kubernetes.driver.label.";
    let names = &draft.names;
    let mut labels = BTreeMap::new();
    for (key, value) in draft.conf.raw().below(PREFIX) {
        if RESERVED_LABELS.contains(&key) {
            return Err(Refusal::new(
                format!("{PREFIX}{key}"),
                format!(
                    "Label with key {key} is not allowed as it is reserved for Spark bookkeeping operations."
                ),
            ));
        }
        let value = if draft.has(Feature::PlaceholdersInLabels) {
            draft.fill_placeholders(value)
        } else {
            value.to_owned()
        };
        labels.insert(key.to_owned(), value);
    }
    labels.extend([
        (
            "spark-version".to_owned(),
            draft.submission.spark_version.to_string(),
        ),
        ("spark-app-selector".to_owned(), names.application_id.clone()),
        ("spark-app-name".to_owned(), names.application_label.clone()),
        ("spark-role".to_owned(), "driver".to_owned()),
    ]);
    Ok(labels)
}

fn metadata(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let labels = labels(draft)?;
    let annotations: Vec<_> = draft
        .conf
        .raw()
        .below("spark.kubernetes.driver.annotation.")
        .map(|(key, value)| (key.to_owned(), draft.fill_placeholders(value)))
        .collect();
    extend(
        &mut draft.pod.metadata,
        "labels",
        labels.into_iter().map(json_entry),
    );
    extend(
        &mut draft.pod.metadata,
        "annotations",
        annotations.into_iter().map(json_entry),
    );
    Ok(())
}

fn json_entry((key, value): (String, String)) -> (String, Value) {
    (key, value.into())
}

fn spec(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let placement = Placement::read(draft.conf, "driver")?;
    let spec = &mut draft.pod.spec;
    spec.insert("restartPolicy".to_owned(), "Never".into());
    placement.write_to(spec);
    Ok(())
}

/// The user that the driver runs for. Before 4.3 a proxy user has its short name there.
fn spark_user<'a>(draft: &Draft<'a>) -> &'a str {
    // One that is empty is a user too.
    let of_submitter = draft.context.environment.get("SPARK_USER").map(String::as_str);
    let proxy = draft.submission.proxy_user.as_deref();
    let said = if draft.has(Feature::ProxyUserBeforeSparkUser) {
        proxy.or(of_submitter)
    } else {
        of_submitter.or(proxy.map(|proxy| short_name(proxy).unwrap_or(proxy)))
    };
    said.unwrap_or(&draft.context.user)
}

fn fill_container(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let conf = draft.conf;
    let image = image(draft)?;
    let ports = ports(draft)?;
    let user = spark_user(draft).to_owned();
    let container = &mut draft.pod.container;
    container::start(container, conf, DEFAULT_CONTAINER_NAME, image)?;
    append(container, "ports", ports);
    draft.pod.add_env("SPARK_USER", &user);
    let application_id = draft.names.application_id.clone();
    draft.pod.add_env("SPARK_APPLICATION_ID", &application_id);
    for (name, value) in conf.raw().below("spark.kubernetes.driverEnv.") {
        draft.pod.add_env(name, value);
    }
    append(
        &mut draft.pod.container,
        "env",
        [json!({
            "name": "SPARK_DRIVER_BIND_ADDRESS",
            "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}},
        })],
    );
    if draft.has(Feature::AllowPrivilegeEscalation) {
        container::privilege_escalation(&mut draft.pod.container, conf, "driver")?;
    }
    Ok(())
}

fn image(draft: &Draft<'_>) -> Result<String, Refusal> {
    let keys = [
        "spark.kubernetes.driver.container.image",
        "spark.kubernetes.container.image",
    ];
    container::image(draft.conf, &keys, &draft.submission.spark_version)?.ok_or_else(|| {
        Refusal::new(
            keys[1],
            "Must specify the driver container image (spec.image or spec.driver.image)",
        )
    })
}

fn ports(draft: &Draft<'_>) -> Result<Vec<Value>, Refusal> {
    let ports = Ports::of_container(draft)?;
    Ok(ports
        .named()
        .map(|(name, port)| json!({"name": name, "containerPort": port, "protocol": "TCP"}))
        .collect())
}

/// The ports of a driver.
pub(super) struct Ports {
    pub(super) driver: u16,
    pub(super) block_manager: u16,
    ui: u16,
    /// Of Spark Connect; a Spark version that doesn't open it doesn't look at its conf.
    connect: Option<u16>,
}

/// The name of the port for Spark Connect.
pub(super) const CONNECT_PORT: &str = "spark-connect";

impl Ports {
    fn of_container(draft: &Draft<'_>) -> Result<Self, Refusal> {
        Self::new(
            draft,
            &["spark.driver.blockManager.port", "spark.blockManager.port"],
        )
    }

    /// The Service does not fall back to `spark.blockManager.port`, unlike the container: a quirk of Spark's.
    pub(super) fn of_service(draft: &Draft<'_>) -> Result<Self, Refusal> {
        Self::new(draft, &["spark.driver.blockManager.port"])
    }

    fn new(draft: &Draft<'_>, block_manager: &[&str]) -> Result<Self, Refusal> {
        let conf = draft.conf;
        let connect = if draft.has(Feature::ConnectPort) {
            Some(conf.raw_port(&["spark.connect.grpc.binding.port"], 15002)?)
        } else {
            None
        };
        Ok(Self {
            driver: conf.raw_port(&["spark.driver.port"], 7078)?,
            block_manager: conf.raw_port(block_manager, 7079)?,
            ui: conf.port("spark.ui.port", 4040)?,
            connect,
        })
    }

    /// The ports by name, in Spark's order.
    pub(super) fn named(&self) -> impl Iterator<Item = (&'static str, u16)> {
        [
            Some(("driver-rpc-port", self.driver)),
            Some(("blockmanager", self.block_manager)),
            Some(("spark-ui", self.ui)),
            self.connect.map(|port| (CONNECT_PORT, port)),
        ]
        .into_iter()
        .flatten()
    }
}
