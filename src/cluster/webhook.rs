//! Whether the operator's mutating webhook will act on a driver Pod.
//!
//! It looks at the cluster's `MutatingWebhookConfiguration`s, watches them, and asks them of each Pod. Where it may not
//! look, the webhook counts as there: what it adds would be refused if it stood in the Pod already.

mod registered;

use super::{
    ClusterSink,
    deadline::Deadline,
    following::{self, AGAIN, Kept, PERMITTED_AGAIN},
    requests::{ApiCall, Requests},
    resource::{self, Target},
};
use crate::operator::Webhook;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::{Api, Client, api::ListParams};
use registered::Registered;
use serde_json::{Value, json};
use std::{collections::BTreeMap, mem, sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinHandle, time};
use tracing::{info, warn};

/// How long the first submission waits for the first look.
const FIRST_LOOK: Duration = Duration::from_secs(3);

/// What is known of the cluster's webhooks.
#[derive(Debug, Clone)]
enum Known {
    /// Nothing yet.
    Nothing,
    /// They can't be looked at.
    MayNotLook,
    /// The operator's, for Pods.
    Webhooks(Arc<Vec<Registered>>),
    /// They aren't looked at: each Pod is tried.
    Tried,
}

/// The operator's mutating webhook, as the cluster has it registered.
#[derive(Debug)]
pub struct OperatorWebhook {
    known: watch::Receiver<Known>,
    sink: ClusterSink,
    /// What looks at them; none where each Pod is tried.
    looking: Option<JoinHandle<()>>,
}

impl Drop for OperatorWebhook {
    fn drop(&mut self) {
        if let Some(looking) = &self.looking {
            looking.abort();
        }
    }
}

impl OperatorWebhook {
    /// Begins to look, and follows what changes. Must be called within a tokio runtime.
    pub fn watch(client: Client, sink: ClusterSink) -> Self {
        Self::begin(sink, |known| keep_looking(Api::all(client), known))
    }

    /// Looks once: for a process that ends with its one submission. Must be called within a tokio runtime.
    pub fn look_once(client: Client, sink: ClusterSink) -> Self {
        Self::begin(sink, async |known| {
            let api = Api::<MutatingWebhookConfiguration>::all(client);
            match following::list(&api, Registered::of).await {
                Ok((configurations, _)) => publish(&configurations, &known),
                Err(error) => {
                    not_seen(&error, &known);
                }
            }
        })
    }

    /// Looks at nothing, and tries each Pod by a dry run: for a person, who may create Pods and can't look at the cluster's webhooks.
    pub fn tried(sink: ClusterSink) -> Self {
        Self {
            known: watch::channel(Known::Tried).1,
            sink,
            looking: None,
        }
    }

    fn begin<L: Future<Output = ()> + Send + 'static>(
        sink: ClusterSink,
        looking: impl FnOnce(watch::Sender<Known>) -> L,
    ) -> Self {
        let (sender, known) = watch::channel(Known::Nothing);
        Self {
            known,
            sink,
            looking: Some(tokio::spawn(looking(sender))),
        }
    }

    /// Who adds what the operator leaves to its webhook, for a driver Pod with these labels.
    pub async fn acts_on(&self, namespace: &str, labels: &BTreeMap<String, String>) -> Webhook {
        let mut known = self.known.clone();
        let looked = known.wait_for(|known| !matches!(known, Known::Nothing));
        let _ = time::timeout(FIRST_LOOK, looked).await;
        let requests = &self.sink.shared.requests;
        let known = self.known.borrow().clone();
        let webhooks = match known {
            Known::Webhooks(webhooks) => webhooks,
            Known::Nothing | Known::MayNotLook => return Webhook::On,
            Known::Tried => {
                let acts = mutates(requests, namespace, labels).await;
                return if acts { Webhook::On } else { Webhook::Off };
            }
        };
        let matching: Vec<_> = webhooks
            .iter()
            .filter(|webhook| webhook.selects(labels))
            .collect();
        let mut namespace_labels = None;
        for webhook in matching {
            if webhook.needs_namespace() && namespace_labels.is_none() {
                namespace_labels = Some(labels_of(requests, namespace).await);
            }
            let read = namespace_labels.as_ref().and_then(Option::as_ref);
            if !webhook.selects_namespace(namespace, read) {
                continue;
            }
            if !webhook.may_be_left_out() || mutates(requests, namespace, labels).await {
                return Webhook::On;
            }
        }
        Webhook::Off
    }
}

/// How many webhooks for Pods the operator has registered.
pub(crate) async fn registered_webhooks(client: &Client) -> Result<usize, kube::Error> {
    let api = Api::<MutatingWebhookConfiguration>::all(client.clone());
    let found = api.list(&ListParams::default()).await?;
    Ok(found.items.iter().map(|item| Registered::of(item).len()).sum())
}

/// A namespace's labels; `None` where they can't be read.
async fn labels_of(requests: &Requests, namespace: &str) -> Option<BTreeMap<String, String>> {
    let target = Target::namespace(namespace).ok()?;
    let found = requests.get(&target, &Deadline::own(FIRST_LOOK)).await.ok()??;
    let labels = found.pointer("/metadata/labels").cloned().unwrap_or(json!({}));
    serde_json::from_value(labels).ok()
}

/// Whether the webhook changes a driver Pod, by a dry run of one that is never created. It gives each its owner.
async fn mutates(requests: &Requests, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
    let probe = "native-submit-webhook-probe";
    let Ok(target) = Target::new(&resource::PODS, namespace, probe) else {
        return false;
    };
    let body = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": probe, "namespace": namespace, "labels": labels},
        "spec": {"containers": [{"name": "spark-kubernetes-driver", "image": probe}]},
    });
    let call = ApiCall::DryRun(&target, &body);
    match requests.send(&call, &Deadline::own(FIRST_LOOK)).await.answer {
        Ok(pod) => pod
            .pointer("/metadata/ownerReferences")
            .and_then(Value::as_array)
            .is_some_and(|owners| !owners.is_empty()),
        Err(_) => false,
    }
}

async fn keep_looking(api: Api<MutatingWebhookConfiguration>, known: watch::Sender<Known>) {
    let mut is_logged = false;
    loop {
        let see = |configurations: &Kept<Vec<Registered>>| publish(configurations, &known);
        let Err(error) = following::follow(&api, Registered::of, &see).await else {
            is_logged = false;
            continue;
        };
        let pause = not_seen(&error, &known);
        if !mem::replace(&mut is_logged, true) {
            if pause == PERMITTED_AGAIN {
                info!(
                    "may not list mutatingwebhookconfigurations, so the operator's webhook counts as on \
                     (OPERATOR_WEBHOOK=on or off says it without looking)"
                );
            } else {
                warn!("can't look at mutatingwebhookconfigurations: {error}");
            }
        }
        time::sleep(pause).await;
    }
}

/// Takes note of a look that failed; when the next one is worth it.
fn not_seen(error: &kube::Error, known: &watch::Sender<Known>) -> Duration {
    if following::is_not_permitted(error) {
        known.send_replace(Known::MayNotLook);
        return PERMITTED_AGAIN;
    }
    // What was seen last holds; nobody waits for what may never be seen.
    known.send_if_modified(|known| {
        let first = matches!(known, Known::Nothing);
        if first {
            *known = Known::MayNotLook;
        }
        first
    });
    AGAIN
}

fn publish(configurations: &Kept<Vec<Registered>>, known: &watch::Sender<Known>) {
    let webhooks: Vec<_> = configurations.values().flatten().cloned().collect();
    known.send_replace(Known::Webhooks(Arc::new(webhooks)));
}
