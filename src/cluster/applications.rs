//! Lists of the operator's resources, page by page, for the command line.

use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, ListParams},
};
use serde_json::Value;
use std::collections::VecDeque;

/// How many of them the API server gives at once.
const PAGE: u32 = 50;

/// The group and version of the operator's resources.
const GROUP: (&str, &str) = ("sparkoperator.k8s.io", "v1beta2");

/// Pages of applications, each read when it is needed.
pub struct Pages {
    apis: VecDeque<(Api<DynamicObject>, &'static str)>,
    next: Option<String>,
}

/// The `SparkApplication`s of a namespace, or of all of them, and then the `ScheduledSparkApplication`s if they are wanted.
pub fn applications(client: &Client, namespace: Option<&str>, scheduled: bool) -> Pages {
    let kinds = [
        ("SparkApplication", "sparkapplications"),
        ("ScheduledSparkApplication", "scheduledsparkapplications"),
    ];
    let count = if scheduled { 2 } else { 1 };
    let apis = kinds.into_iter().take(count).map(|(kind, plural)| {
        let resource = ApiResource {
            group: GROUP.0.to_owned(),
            version: GROUP.1.to_owned(),
            api_version: format!("{}/{}", GROUP.0, GROUP.1),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
        };
        let api = match namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        (api, kind)
    });
    Pages {
        apis: apis.collect(),
        next: None,
    }
}

impl Pages {
    /// The next page; `None` after the last one. A kind that the cluster doesn't have gives no page.
    ///
    /// # Errors
    /// The API server's refusal, in its words.
    pub async fn next(&mut self) -> Option<Result<Vec<Value>, String>> {
        loop {
            let (api, kind) = self.apis.front()?;
            let kind = *kind;
            let mut parameters = ListParams::default().limit(PAGE);
            if let Some(token) = self.next.take() {
                parameters = parameters.continue_token(&token);
            }
            let list = match api.list(&parameters).await {
                Ok(list) => list,
                Err(kube::Error::Api(status)) if status.code == 404 => {
                    self.apis.pop_front();
                    continue;
                }
                Err(error) => {
                    self.apis.clear();
                    let reason = match &error {
                        kube::Error::Api(status) => format!("{} ({})", status.message, status.code),
                        error => error.to_string(),
                    };
                    return Some(Err(format!("can't list {kind}s: {reason}")));
                }
            };
            self.next = list.metadata.continue_.filter(|token| !token.is_empty());
            if self.next.is_none() {
                self.apis.pop_front();
            }
            let objects = list.items.into_iter().map(|object| {
                let mut value = serde_json::to_value(object).unwrap_or_default();
                // The API server leaves both out of the items of a list.
                value["apiVersion"] = format!("{}/{}", GROUP.0, GROUP.1).into();
                value["kind"] = kind.into();
                value
            });
            return Some(Ok(objects.collect()));
        }
    }
}
