//! Volumes from conf (Spark's `KubernetesVolumeUtils` and `MountVolumesFeatureStep`).

use super::{PersistentVolumeClaimPlan, draft::Draft, pod::SparkPod};
use crate::{
    kubernetes::append,
    spark::submission::{ConfReader, Feature, Refusal, SparkVersion, wrong},
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const DRIVER: &str = "spark.kubernetes.driver.volumes.";
pub(super) const EXECUTOR: &str = "spark.kubernetes.executor.volumes.";

/// In a claim's name it stands for a claim that is made for this driver.
const ON_DEMAND: &str = "OnDemand";

/// A volume type that Spark knows, with the options that it must have.
struct VolumeType {
    name: &'static str,
    required: &'static [&'static str],
}

const TYPES: [VolumeType; 4] = [
    VolumeType {
        name: "hostPath",
        required: &["path"],
    },
    VolumeType {
        name: "persistentVolumeClaim",
        required: &["claimName"],
    },
    VolumeType {
        name: "emptyDir",
        required: &[],
    },
    VolumeType {
        name: "nfs",
        required: &["path", "server"],
    },
];

/// One volume of the conf: `<prefix><type>.<name>.<key>`.
struct ConfVolume<'a> {
    name: &'a str,
    kind: &'static str,
    mount_path: &'a str,
    keys: BTreeMap<&'a str, &'a str>,
}

impl ConfVolume<'_> {
    fn option(&self, name: &str) -> Option<&str> {
        self.keys
            .iter()
            .find(|(key, _)| key.strip_prefix("options.") == Some(name))
            .map(|(_, value)| *value)
    }

    /// Unlike the booleans of other keys it may have no blanks around it.
    fn boolean(&self, prefix: &str, key: &str) -> Result<bool, Refusal> {
        match self.keys.get(key) {
            None => Ok(false),
            Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
            Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
            Some(value) => Err(wrong(&self.key(prefix, key), value, "true or false")),
        }
    }

    fn key(&self, prefix: &str, key: &str) -> String {
        format!("{prefix}{}.{}.{key}", self.kind, self.name)
    }

    fn map(&self, prefix: &str) -> BTreeMap<String, String> {
        let entries = self
            .keys
            .iter()
            .filter_map(|(key, value)| Some((key.strip_prefix(prefix)?, *value)));
        entries
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }
}

/// Whose volumes they are.
pub(super) struct VolumeRole<'a> {
    /// What the conf keys begin with.
    pub(super) prefix: &'static str,
    pub(super) conf: ConfReader<'a>,
    pub(super) version: &'a SparkVersion,
    pub(super) application_id: &'a str,
    /// What `OnDemand` stands for in the name of a claim, without the volume's number.
    pub(super) claim: String,
    /// The executor's id; a driver has none.
    pub(super) executor_id: Option<&'a str>,
}

/// What volumes need beside the pod.
#[derive(Default)]
pub(super) struct Claims {
    pub(super) made: Vec<PersistentVolumeClaimPlan>,
    /// The volumes that wait for ever for a claim that nobody makes.
    pub(super) awaited: Vec<Refusal>,
    /// How a claim that is made may be mounted.
    access_mode: &'static str,
}

/// Refuses volumes of executors that Spark can't read: it reads them when it submits, also where the step is excluded.
pub(super) fn check_executors(draft: &Draft<'_>) -> Result<(), Refusal> {
    parse(draft.conf, EXECUTOR, draft.has(Feature::VolumeDetails)).map(drop)
}

pub(super) fn apply(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    check_executors(draft)?;
    let role = VolumeRole {
        prefix: DRIVER,
        conf: draft.conf,
        version: &draft.submission.spark_version,
        application_id: &draft.names.application_id,
        claim: draft.names.object("driver-pvc"),
        executor_id: None,
    };
    let claims = add(&mut draft.pod, &role)?;
    if let Some(awaited) = claims.awaited.into_iter().next() {
        return Err(awaited);
    }
    draft.persistent_volume_claims.extend(claims.made);
    Ok(())
}

/// Adds the volumes of a role, with their mounts in the Spark container.
pub(super) fn add(pod: &mut SparkPod, role: &VolumeRole<'_>) -> Result<Claims, Refusal> {
    let details = role.version.has(Feature::VolumeDetails);
    // Read whether there is a claim or not.
    let access_mode = access_mode(role)?;
    let volumes = parse(role.conf, role.prefix, details)?;
    let mut paths = BTreeSet::new();
    for volume in &volumes {
        if !paths.insert(volume.mount_path) {
            return Err(Refusal::new(
                volume.key(role.prefix, "mount.path"),
                "Found duplicated mountPath: another volume is mounted at the same path",
            ));
        }
    }
    let mut claims = Claims {
        access_mode,
        ..Claims::default()
    };
    for (index, volume) in volumes.iter().enumerate() {
        let mount = mount(volume, role.prefix, details)?;
        append(&mut pod.container, "volumeMounts", [mount]);
        let source = source(role, &mut claims, volume, index)?;
        pod.add_volume(volume.name, source);
    }
    Ok(claims)
}

fn parse<'a>(conf: ConfReader<'a>, prefix: &'a str, details: bool) -> Result<Vec<ConfVolume<'a>>, Refusal> {
    let mut found: BTreeMap<(&str, &str), BTreeMap<&str, &str>> = BTreeMap::new();
    for (rest, value) in conf.raw().below(prefix) {
        let mut parts = rest.splitn(3, '.');
        if let (Some(kind), Some(name)) = (parts.next(), parts.next()) {
            found
                .entry((kind, name))
                .or_default()
                .insert(parts.next().unwrap_or_default(), value);
        }
    }
    found
        .into_iter()
        .map(|((kind, name), keys)| volume(prefix, kind, name, keys, details))
        .collect()
}

fn volume<'a>(
    prefix: &str,
    kind: &str,
    name: &'a str,
    keys: BTreeMap<&'a str, &'a str>,
    details: bool,
) -> Result<ConfVolume<'a>, Refusal> {
    let key = |key: &str| format!("{prefix}{kind}.{name}.{key}");
    let Some(known) = TYPES.iter().find(|known| known.name == kind) else {
        let types: Vec<_> = TYPES.iter().map(|known| known.name).collect();
        return Err(Refusal::new(
            format!("{prefix}{kind}.{name}"),
            format!(
                "Kubernetes Volume type `{kind}` is not supported; expected {}",
                types.join(", ")
            ),
        ));
    };
    let Some(mount_path) = keys.get("mount.path").copied() else {
        return Err(Refusal::new(
            key("mount.path"),
            "is required: where to mount the volume",
        ));
    };
    if details && keys.contains_key("mount.subPath") && keys.contains_key("mount.subPathExpr") {
        return Err(Refusal::new(
            key("mount.subPathExpr"),
            "These config options are mutually exclusive: mount.subPath and mount.subPathExpr",
        ));
    }
    for option in known.required {
        if !keys.contains_key(format!("options.{option}").as_str()) {
            return Err(Refusal::new(
                key(&format!("options.{option}")),
                format!("{kind}.{name}.options.{option} is required for {kind}"),
            ));
        }
    }
    if let Some(size) = keys.get("options.sizeLimit")
        && details
    {
        has_unit_or_room(&key("options.sizeLimit"), size)?;
    }
    let volume = ConfVolume {
        name,
        kind: known.name,
        mount_path,
        keys,
    };
    volume.boolean(prefix, "mount.readOnly")?;
    Ok(volume)
}

/// Spark's check of a size: of digits alone it must be a count of bytes of at least 1 KiB. No text at all counts as digits, and
/// so do the digits of other scripts, which no quantity has.
fn has_unit_or_room(key: &str, size: &str) -> Result<(), Refusal> {
    if !size.chars().all(char::is_numeric) {
        return Ok(());
    }
    match size.parse::<i64>() {
        Ok(bytes) if bytes >= 1024 => Ok(()),
        Ok(_) => Err(Refusal::new(
            key,
            format!("Volume size `{size}` is smaller than 1KiB. Missing units?"),
        )),
        Err(_) => Err(wrong(
            key,
            size,
            "a size such as 500Mi, or at most 19 digits for bytes",
        )),
    }
}

fn mount(volume: &ConfVolume<'_>, prefix: &str, details: bool) -> Result<Value, Refusal> {
    let text = |key: &str| volume.keys.get(key).copied().unwrap_or_default();
    let mut mount = json!({
        "name": volume.name,
        "mountPath": volume.mount_path,
        "readOnly": volume.boolean(prefix, "mount.readOnly")?,
        "subPath": text("mount.subPath"),
    });
    if details {
        mount["subPathExpr"] = text("mount.subPathExpr").into();
    }
    Ok(mount)
}

fn source(
    role: &VolumeRole<'_>,
    claims: &mut Claims,
    volume: &ConfVolume<'_>,
    index: usize,
) -> Result<Value, Refusal> {
    let option = |name: &str| volume.option(name).unwrap_or_default();
    Ok(match volume.kind {
        "hostPath" => {
            let kind = if role.version.has(Feature::VolumeDetails) {
                option("type")
            } else {
                ""
            };
            json!({"hostPath": {"path": option("path"), "type": kind}})
        }
        "nfs" => json!({"nfs": {"path": option("path"), "server": option("server")}}),
        "emptyDir" => {
            let mut empty_dir = Map::from_iter([("medium".to_owned(), Value::from(option("medium")))]);
            empty_dir.extend(
                volume
                    .option("sizeLimit")
                    .map(|size| ("sizeLimit".to_owned(), size.into())),
            );
            json!({ "emptyDir": empty_dir })
        }
        _ => {
            let claim = claim(role, claims, volume, index);
            let read_only = volume.boolean(role.prefix, "mount.readOnly")?;
            json!({"persistentVolumeClaim": {"claimName": claim, "readOnly": read_only}})
        }
    })
}

/// The claim's name; the claim itself is made where both its class and its size are given.
fn claim(role: &VolumeRole<'_>, claims: &mut Claims, volume: &ConfVolume<'_>, index: usize) -> String {
    let given = volume.option("claimName").unwrap_or_default();
    let mut name = given.replace(ON_DEMAND, &format!("{}-{index}", role.claim));
    if let Some(id) = role.executor_id {
        name = name.replace("SPARK_EXECUTOR_ID", id);
    }
    match (volume.option("storageClass"), volume.option("sizeLimit")) {
        (Some(class), Some(size)) => {
            let details = role.version.has(Feature::VolumeDetails);
            let mut labels = if details {
                volume.map("label.")
            } else {
                BTreeMap::new()
            };
            // Last, so that no label of the conf can take its place.
            labels.insert("spark-app-selector".to_owned(), role.application_id.to_owned());
            claims.made.push(PersistentVolumeClaimPlan {
                name: name.clone(),
                labels,
                annotations: if details {
                    volume.map("annotation.")
                } else {
                    BTreeMap::new()
                },
                storage_class: class.to_owned(),
                access_modes: vec![claims.access_mode.to_owned()],
                storage: size.to_owned(),
            });
        }
        _ if given.contains(ON_DEMAND) => {
            let who = if role.executor_id.is_some() {
                "executors"
            } else {
                "the driver"
            };
            claims.awaited.push(Refusal::new(
                volume.key(role.prefix, "options.claimName"),
                format!(
                    "is OnDemand, but without options.storageClass and options.sizeLimit nobody creates the claim and \
                     {who} would wait for ever; give both, or the name of a claim that exists"
                ),
            ));
        }
        _ => {}
    }
    name
}

fn access_mode(role: &VolumeRole<'_>) -> Result<&'static str, Refusal> {
    let legacy = role.conf.boolean(
        "spark.kubernetes.legacy.useReadWriteOnceAccessMode",
        !role.version.has(Feature::ReadWriteOncePod),
    )?;
    Ok(if legacy {
        "ReadWriteOnce"
    } else {
        "ReadWriteOncePod"
    })
}

#[cfg(test)]
mod tests {
    use super::has_unit_or_room;

    #[test]
    fn a_size_of_digits_alone_has_room_for_a_file() {
        for (size, fits) in [
            ("1024", true),
            ("1Gi", true),
            ("lots", true),
            ("1023", false),
            ("", false),
            ("9223372036854775808", false),
            ("٣", false),
            ("٣٣٣٣", false),
            ("1٣00", false),
        ] {
            assert_eq!(has_unit_or_room("key", size).is_ok(), fits, "{size}");
        }
    }
}
