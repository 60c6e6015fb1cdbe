//! The template directory, read and tried as a server does it at its start.

use super::Finding;
use crate::{
    submitter::probe,
    templates::{Fallback, TemplateStore},
};
use std::{path::PathBuf, sync::Arc};

const CHECK: &str = "templates";

pub(super) async fn examine(directory: Option<PathBuf>) -> Vec<Finding> {
    let loaded = tokio::task::spawn_blocking(move || {
        TemplateStore::start(directory, Arc::new(probe), Fallback::Refuse).status()
    })
    .await;
    let status = match loaded {
        Ok(status) => status,
        Err(error) => return vec![Finding::fail(CHECK, error.to_string(), "report this defect")],
    };
    let mut findings: Vec<_> = status
        .warnings
        .iter()
        .map(|warning| Finding::warn(CHECK, warning, "rename or remove the file"))
        .collect();
    findings.push(match (status.last_error, status.live) {
        (Some(error), _) => Finding::fail(
            CHECK,
            format!("TEMPLATE_DIR is rejected: {error}"),
            "mend the template; until then a server keeps its last good set, or at its start obeys TEMPLATE_FALLBACK",
        ),
        (None, live) => Finding::ok(
            CHECK,
            format!("set {} renders all samples", live.unwrap_or_default()),
        ),
    });
    findings
}
