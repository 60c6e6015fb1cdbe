//! The headless Service by which executors reach the driver (Spark's `DriverServiceFeatureStep`).

use super::{
    ServicePlan,
    basic::{self, CONNECT_PORT, Ports},
    draft::Draft,
};
use crate::spark::submission::{Feature, Refusal};
use serde_json::json;
use std::collections::BTreeMap;

/// What the conf says of the Service. Spark reads it also where the step is excluded.
pub(super) struct Settings {
    ports: Ports,
    ip_family_policy: String,
    ip_families: String,
    publish_not_ready_addresses: Option<bool>,
}

/// Reads the settings.
pub(super) fn settings(draft: &Draft<'_>) -> Result<Settings, Refusal> {
    let conf = draft.conf;
    let ports = Ports::of_service(draft)?;
    let ip_family_policy = conf.one_of(
        "spark.kubernetes.driver.service.ipFamilyPolicy",
        &["SingleStack", "PreferDualStack", "RequireDualStack"],
        "SingleStack",
    )?;
    let ip_families = conf.one_of(
        "spark.kubernetes.driver.service.ipFamilies",
        &["IPv4", "IPv6", "IPv4,IPv6", "IPv6,IPv4"],
        "IPv4",
    )?;
    let publish_not_ready_addresses = if draft.has(Feature::PublishNotReadyAddresses) {
        Some(conf.boolean("spark.kubernetes.driver.service.publishNotReadyAddresses", false)?)
    } else {
        None
    };
    Ok(Settings {
        ports,
        ip_family_policy,
        ip_families,
        publish_not_ready_addresses,
    })
}

pub(super) fn apply(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let Settings {
        ports,
        ip_family_policy,
        ip_families,
        publish_not_ready_addresses,
    } = settings(draft)?;
    let mut labels = BTreeMap::from([(
        "spark-app-selector".to_owned(),
        draft.names.application_id.clone(),
    )]);
    labels.extend(strings(draft, "spark.kubernetes.driver.service.label."));
    let name = draft.names.service();
    let service = ServicePlan {
        labels,
        annotations: strings(draft, "spark.kubernetes.driver.service.annotation.").collect(),
        selector: basic::labels(draft)?,
        ip_families: ip_families.split(',').map(str::to_owned).collect(),
        ip_family_policy,
        publish_not_ready_addresses,
        ports: ports
            .named()
            .map(|(name, port)| {
                let mut entry = json!({"name": name, "port": port, "targetPort": port});
                if name == CONNECT_PORT && draft.has(Feature::ConnectAppProtocol) {
                    entry["appProtocol"] = "grpc".into();
                }
                entry
            })
            .collect(),
        name,
    };
    let host = format!("{}.{}.svc", service.name, draft.names.namespace);
    draft.service = Some(service);
    draft.set_property("spark.driver.host", host);
    draft.set_property("spark.driver.port", ports.driver.to_string());
    draft.set_property("spark.driver.blockManager.port", ports.block_manager.to_string());
    Ok(())
}

fn strings<'a>(draft: &'a Draft<'_>, prefix: &'a str) -> impl Iterator<Item = (String, String)> + 'a {
    draft
        .conf
        .raw()
        .below(prefix)
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
}
