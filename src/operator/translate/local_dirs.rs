//! Volumes whose names start with `spark-local-dir-`, which the operator turns into conf.

use super::{conf::Conf, roles::Role};
use crate::{operator::application::SparkApplication, redaction::shown, spark::submission::Refusal};
use k8s_openapi::api::core::v1::Volume;
use std::collections::BTreeMap;

/// Volumes with this prefix are Spark's scratch space.
pub(super) const PREFIX: &str = "spark-local-dir-";

pub(super) fn set(conf: &mut Conf, application: &SparkApplication, role: Role) -> Result<(), Refusal> {
    let mounts = &role.pod(application).volume_mounts;
    let volumes = Volumes::of(application);
    for (index, mount) in mounts
        .iter()
        .enumerate()
        .filter(|(_, mount)| mount.name.starts_with(PREFIX))
    {
        let (_, volume) = volumes.named(&mount.name, role, index)?;
        let (kind, options) = source(volume).ok_or_else(|| {
            Refusal::new(
                mount_field(role, index),
                "unsupported volume type for a local directory; expected emptyDir, hostPath, nfs or \
                 persistentVolumeClaim"
                    .to_owned(),
            )
        })?;
        let key = |key: &str| {
            format!(
                "spark.kubernetes.{}.volumes.{kind}.{}.{key}",
                role.name(),
                volume.name
            )
        };
        conf.set(key("mount.path"), mount.mount_path.as_str());
        if let Some(sub_path) = mount.sub_path.as_deref().filter(|path| !path.is_empty()) {
            conf.set(key("mount.subPath"), sub_path);
        }
        if mount.read_only == Some(true) {
            conf.set(key("mount.readOnly"), "true");
        }
        for (option, value) in options {
            conf.set(key(&format!("options.{option}")), value);
        }
    }
    Ok(())
}

/// The volumes of an application by their names; of several with one name the first.
pub(super) struct Volumes<'a>(BTreeMap<&'a str, (usize, &'a Volume)>);

impl<'a> Volumes<'a> {
    pub(super) fn of(application: &'a SparkApplication) -> Self {
        let volumes = application.spec.volumes.iter().enumerate().rev();
        Self(
            volumes
                .map(|(index, volume)| (volume.name.as_str(), (index, volume)))
                .collect(),
        )
    }

    /// The volume that the mount number `index` of `role` names, and its own number.
    pub(super) fn named(&self, name: &str, role: Role, index: usize) -> Result<(usize, &'a Volume), Refusal> {
        self.0.get(name).copied().ok_or_else(|| {
            Refusal::new(
                mount_field(role, index),
                format!(
                    "names the volume {}, which spec.volumes does not have",
                    shown(name)
                ),
            )
        })
    }
}

fn mount_field(role: Role, index: usize) -> String {
    format!("spec.{}.volumeMounts[{index}].name", role.name())
}

/// The volume's type and its options, for the types that Spark's conf knows.
fn source(volume: &Volume) -> Option<(&'static str, Vec<(&'static str, String)>)> {
    let read_only =
        |read_only: Option<bool>| (read_only == Some(true)).then(|| ("readOnly", "true".to_owned()));
    if let Some(empty_dir) = &volume.empty_dir {
        let size = empty_dir
            .size_limit
            .as_ref()
            .map(|size| ("sizeLimit", size.0.clone()));
        let medium = empty_dir.medium.clone().filter(|medium| !medium.is_empty());
        return Some((
            "emptyDir",
            size.into_iter()
                .chain(medium.map(|medium| ("medium", medium)))
                .collect(),
        ));
    }
    if let Some(host_path) = &volume.host_path {
        let kind = host_path
            .type_
            .clone()
            .filter(|kind| !kind.is_empty())
            .map(|kind| ("type", kind));
        return Some((
            "hostPath",
            [("path", host_path.path.clone())]
                .into_iter()
                .chain(kind)
                .collect(),
        ));
    }
    if let Some(nfs) = &volume.nfs {
        let place = [("path", nfs.path.clone()), ("server", nfs.server.clone())];
        return Some(("nfs", place.into_iter().chain(read_only(nfs.read_only)).collect()));
    }
    let claim = volume.persistent_volume_claim.as_ref()?;
    let name = [("claimName", claim.claim_name.clone())];
    Some((
        "persistentVolumeClaim",
        name.into_iter().chain(read_only(claim.read_only)).collect(),
    ))
}
