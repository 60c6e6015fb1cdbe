//! Driver Pods by name or by the beginning of it, as `spark-submit --status` and `--kill` want them.

use super::{
    ApplyError, ClusterSink,
    deadline::Deadline,
    requests::{ApiCall, Preconditions},
    resource::{self, Target},
};
use serde_json::Value;

/// How many Pods one answer has: so few that an answer stays within a submission's limits.
const PAGE: usize = 50;

/// The label of drivers.
const DRIVERS: &str = "spark-role=driver";

/// Any name: it only leads to the collection.
const ANY: &str = "x";

impl ClusterSink {
    /// The driver Pods of a namespace whose names begin with `prefix`.
    pub async fn drivers(&self, namespace: &str, prefix: &str) -> Result<Vec<Value>, ApplyError> {
        let target = Target::new(&resource::PODS, namespace, ANY)?;
        let mut found: Vec<Value> = Vec::new();
        let mut from = String::new();
        let mut began_anew = false;
        loop {
            let query = format!("{DRIVERS}&limit={PAGE}{from}");
            let call = ApiCall::List(&target, &query);
            let deadline = Deadline::own(self.shared.settings.deadline);
            let mut page = match self.shared.requests.send(&call, &deadline).await.answer {
                Ok(page) => page,
                // The next page is of a list that is too old by now.
                Err(failure) if failure.gone() && !began_anew => {
                    began_anew = true;
                    found.clear();
                    from.clear();
                    continue;
                }
                Err(failure) => return Err(failure.into_error(&call)),
            };
            let next = page.pointer("/metadata/continue").and_then(Value::as_str);
            from = next
                .filter(|next| !next.is_empty())
                .map_or_else(String::new, |next| {
                    let next: String = http_query(next);
                    format!("&continue={next}")
                });
            let items = page.get_mut("items").and_then(Value::as_array_mut);
            let items = items.map(std::mem::take).unwrap_or_default();
            found.extend(items.into_iter().filter(|pod| name_of(pod).starts_with(prefix)));
            if from.is_empty() {
                return Ok(found);
            }
        }
    }

    /// Deletes this Pod, and none that has its name by now; `false` where it was gone.
    ///
    /// `grace_seconds` is in place of the Pod's own `terminationGracePeriodSeconds`.
    pub async fn kill(
        &self,
        namespace: &str,
        pod: &Value,
        grace_seconds: Option<i64>,
    ) -> Result<bool, ApplyError> {
        let target = Target::new(&resource::PODS, namespace, name_of(pod))?;
        let uid = pod.pointer("/metadata/uid").and_then(Value::as_str);
        let preconditions = Preconditions {
            uid: uid.unwrap_or_default().to_owned(),
            resource_version: None,
        };
        let call = ApiCall::Kill(&target, &preconditions, grace_seconds);
        let deadline = Deadline::own(self.shared.settings.deadline);
        match self.shared.requests.send(&call, &deadline).await.answer {
            Ok(_) => Ok(true),
            Err(failure) if failure.not_found() || failure.conflict() => Ok(false),
            Err(failure) => Err(failure.into_error(&call)),
        }
    }
}

/// A Pod's name.
fn name_of(pod: &Value) -> &str {
    let name = pod.pointer("/metadata/name").and_then(Value::as_str);
    name.unwrap_or_default()
}

/// `text` as it can stand in a query.
fn http_query(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}
