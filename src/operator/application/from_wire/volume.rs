//! Volumes, which the messages have by name, type and path only, and their mounts.

use super::convert::{Convert, MessagePlace, convert_fields};
use crate::{finding::expected, operator::wire};
use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, EmptyDirVolumeSource, HostPathVolumeSource, NFSVolumeSource,
    PersistentVolumeClaimVolumeSource, SecretVolumeSource, Volume, VolumeMount,
};

impl Convert for wire::Volume {
    type To = Volume;

    fn convert(self, at: &MessagePlace<'_>) -> Volume {
        let Self { name, r#type, path } = self;
        let volume = Volume {
            name,
            ..Volume::default()
        };
        let path_at = at.field("path");
        if path.is_empty() && r#type != "emptyDir" {
            path_at.missing();
        }
        match r#type.as_str() {
            "hostPath" => Volume {
                host_path: Some(HostPathVolumeSource { path, type_: None }),
                ..volume
            },
            "emptyDir" => {
                if !path.is_empty() {
                    path_at.problem(
                        expected("no path for an emptyDir").advice("volume_mounts says where it is mounted"),
                    );
                }
                Volume {
                    empty_dir: Some(EmptyDirVolumeSource::default()),
                    ..volume
                }
            }
            "persistentVolumeClaim" => Volume {
                persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                    claim_name: path,
                    read_only: None,
                }),
                ..volume
            },
            "configMap" => Volume {
                config_map: Some(ConfigMapVolumeSource {
                    name: path,
                    ..ConfigMapVolumeSource::default()
                }),
                ..volume
            },
            "secret" => Volume {
                secret: Some(SecretVolumeSource {
                    secret_name: Some(path),
                    ..SecretVolumeSource::default()
                }),
                ..volume
            },
            "nfs" => Volume {
                nfs: Some(nfs(&path, &path_at)),
                ..volume
            },
            other => {
                let known = "one of hostPath, emptyDir, persistentVolumeClaim, configMap, secret, nfs";
                at.field("type").problem(
                    expected(known)
                        .shown(other)
                        .advice("send other volumes in spark_application_manifest"),
                );
                volume
            }
        }
    }
}

/// `server:/path`, as it is given to mount(8). The server may be an IPv6 address in brackets.
fn nfs(path: &str, at: &MessagePlace<'_>) -> NFSVolumeSource {
    let Some((server, directory)) = path.split_once(":/").filter(|(server, _)| !server.is_empty()) else {
        at.problem(expected("`server:/path`"));
        return NFSVolumeSource::default();
    };
    NFSVolumeSource {
        server: server.to_owned(),
        path: format!("/{directory}"),
        read_only: None,
    }
}

convert_fields! {
    VolumeMount => VolumeMount { name, mount_path, read_only: set, ..rest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::cell::RefCell;

    fn volume(kind: &str, path: &str) -> (Value, Vec<String>) {
        let problems = RefCell::default();
        let message = wire::Volume {
            name: "v".to_owned(),
            r#type: kind.to_owned(),
            path: path.to_owned(),
        };
        let volume = message.convert(&MessagePlace::root("volume", &problems));
        let problems = problems.into_inner();
        (
            serde_json::to_value(volume).unwrap(),
            problems.iter().map(ToString::to_string).collect(),
        )
    }

    #[test]
    fn the_type_says_which_source_the_path_belongs_to() {
        for (kind, path, source) in [
            ("hostPath", "/scratch", json!({"path": "/scratch"})),
            ("emptyDir", "", json!({})),
            ("persistentVolumeClaim", "claim", json!({"claimName": "claim"})),
            ("configMap", "settings", json!({"name": "settings"})),
            ("secret", "token", json!({"secretName": "token"})),
            ("nfs", "nas:/a:/b", json!({"server": "nas", "path": "/a:/b"})),
        ] {
            let (found, problems) = volume(kind, path);
            assert_eq!(found, json!({"name": "v", kind: source}));
            assert!(problems.is_empty(), "{problems:?}");
        }
    }

    #[test]
    fn what_is_no_volume_is_refused_with_its_path() {
        for (kind, path, problem) in [
            (
                "csi",
                "x",
                "volume.type: expected one of hostPath, emptyDir, persistentVolumeClaim, configMap, secret, nfs, found `csi`; \
                 send other volumes in spark_application_manifest",
            ),
            ("", "/x", "volume.type: expected one of "),
            ("hostPath", "", "volume.path: expected a value, found nothing"),
            (
                "emptyDir",
                "/x",
                "volume.path: expected no path for an emptyDir; volume_mounts says where it is mounted",
            ),
            ("nfs", "/x", "volume.path: expected `server:/path`"),
            ("nfs", ":/x", "volume.path: expected `server:/path`"),
        ] {
            let (_, problems) = volume(kind, path);
            assert_eq!(problems.len(), 1, "{kind} {path}: {problems:?}");
            assert!(problems[0].starts_with(problem), "{kind} {path}: {problems:?}");
        }
    }
}
