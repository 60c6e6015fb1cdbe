//! The template directory, read and tried as a server does it at its start.

use super::CheckResult;
use crate::{
    authoring::probe::probe,
    templates::{Fallback, SetOptions, TemplateStore},
};
use std::sync::Arc;

const CHECK: &str = "templates";

pub(super) async fn examine(options: SetOptions) -> Vec<CheckResult> {
    let loaded = tokio::task::spawn_blocking(move || {
        TemplateStore::start(options, Arc::new(probe), Fallback::Refuse).status()
    })
    .await;
    let status = match loaded {
        Ok(status) => status,
        Err(error) => return vec![CheckResult::fail(CHECK, error.to_string(), "report this defect")],
    };
    let mut findings: Vec<_> = status
        .warnings
        .iter()
        .map(|warning| CheckResult::warn(CHECK, warning, "rename or remove the file"))
        .collect();
    let mut rejected = status.sets.iter().filter(|(_, set)| set.error.is_some());
    let only_missing = rejected.all(|(name, _)| status.missing.contains(name));
    findings.push(match (status.last_error, status.live) {
        (Some(error), _) if status.unreadable => CheckResult::fail(
            CHECK,
            format!("TEMPLATE_DIR can't be read: {error}"),
            "mount the directory there, readable for this user, or correct TEMPLATE_DIR; until then TEMPLATE_FALLBACK decides what a server does",
        ),
        (Some(error), _) if only_missing => CheckResult::fail(
            CHECK,
            error,
            "add the folder, or correct TEMPLATE_SETS; until then submissions that need the set are refused",
        ),
        (Some(error), _) => CheckResult::fail(
            CHECK,
            format!("TEMPLATE_DIR is rejected: {error}"),
            "fix the template; until then a server keeps its last good set; at its start TEMPLATE_FALLBACK decides",
        ),
        (None, live) => CheckResult::ok(
            CHECK,
            format!("set {} renders all samples", live.unwrap_or_default()),
        ),
    });
    findings
}
