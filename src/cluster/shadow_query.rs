//! Reads what another submitter created, so that shadow mode can compare it with ours; changes nothing.

use super::{ApplyError, ClusterSink, deadline::Deadline, requests::ApiCall, resource::Target};
use crate::manifest::{Manifest, Manifests};
use serde_json::Value;
use std::time::Duration;

/// How long one question may take, retries included.
const PATIENCE: Duration = Duration::from_secs(5);

/// The name of an object that a dry run checks and nobody creates: the real name is taken.
const NAME: &str = "native-submit-shadow";

impl ClusterSink {
    /// The object of this manifest's kind that has this name; `None` where there is none.
    pub(crate) async fn live(
        &self,
        like: &Manifest,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, ApplyError> {
        let target = Target::of(like, namespace)?.named(name)?;
        self.shared.requests.get(&target, &Deadline::own(PATIENCE)).await
    }

    /// The manifest as the API server would keep it, with its defaults and with what admission adds, under its own name.
    pub(crate) async fn admitted(
        &self,
        manifest: &Manifest,
        manifests: &Manifests,
    ) -> Result<Value, ApplyError> {
        let target = Target::of(manifest, &manifests.identity.namespace)?.named(NAME)?;
        let mut body = manifest.value.clone();
        let name = body
            .pointer_mut("/metadata/name")
            .map(Value::take)
            .unwrap_or_default();
        rename(&mut body, NAME.into());
        let call = ApiCall::DryRun(&target, &body);
        let answer = self
            .shared
            .requests
            .send(&call, &Deadline::own(PATIENCE))
            .await
            .answer;
        let mut kept = answer.map_err(|failure| failure.into_error(&call))?;
        rename(&mut kept, name);
        Ok(kept)
    }
}

fn rename(object: &mut Value, name: Value) {
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.insert("name".to_owned(), name);
    }
}
