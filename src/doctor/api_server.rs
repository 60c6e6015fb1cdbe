//! The API server: whether it answers, and how old it is.

use super::CheckResult;
use crate::finding::root_cause;
use kube::Client;
use tokio::time::timeout;

const CHECK: &str = "api-server";

/// The oldest minor version of Kubernetes 1 that native-submit's requests are made for: `fieldValidation` and
/// `matchLabelKeys` in what it sends are known from there on.
const OLDEST: u32 = 27;

/// The first that mounts an image as a volume with a `subPath`, as `deploy/helm/drop-in.yaml` does; behind the gate
/// `ImageVolume`.
const IMAGE_VOLUMES: u32 = 33;

pub(super) async fn examine(client: &Client) -> CheckResult {
    let fix = "see that the address is right and that no NetworkPolicy or proxy is between";
    let version = match timeout(super::ANSWER_TIMEOUT, client.apiserver_version()).await {
        Err(_) => return CheckResult::fail(CHECK, "the API server doesn't answer", fix),
        Ok(Err(kube::Error::Api(status))) => {
            return CheckResult::warn(
                CHECK,
                format!(
                    "the API server doesn't tell its version: {} {}",
                    status.code, status.reason
                ),
                "let the ServiceAccount read /version (system:public-info-viewer gives it to all)",
            );
        }
        Ok(Err(error)) => return CheckResult::fail(CHECK, format!("no answer: {}", root_cause(&error)), fix),
        Ok(Ok(version)) => version,
    };
    let minor: u32 = version.minor.trim_end_matches('+').parse().unwrap_or(0);
    if version.major == "1" && minor < OLDEST {
        return CheckResult::warn(
            CHECK,
            format!("Kubernetes {} is older than 1.{OLDEST}", version.git_version),
            format!("upgrade to 1.{OLDEST} or later"),
        );
    }
    let volumes = if minor < IMAGE_VOLUMES {
        "; no image volumes: install the drop-in by deploy/kustomize"
    } else {
        ""
    };
    CheckResult::ok(CHECK, format!("Kubernetes {}{volumes}", version.git_version))
}
