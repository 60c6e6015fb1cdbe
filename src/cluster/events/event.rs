//! The Event itself.

use super::Refused;
use crate::operator::application::{API_VERSION, KIND};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Who reports.
const COMPONENT: &str = "native-submit";

/// The longest message that Kubernetes takes, in bytes (`events.k8s.io` validation: noteLengthLimit).
const LONGEST_MESSAGE: usize = 1024;

/// The most of the application's name that is in the Event's, so that it stays below 253 characters.
const LONGEST_PREFIX: usize = 200;

/// A core/v1 Event on the application. Its name follows from what it says, so that the same refusal again meets it.
pub(super) fn of(refused: &Refused, uid: &str, now: Timestamp) -> Value {
    let application = &refused.application;
    let reason = &refused.reason;
    let message = cut(&refused.message, LONGEST_MESSAGE);
    let digest = Sha256::new()
        .chain_update(uid)
        .chain_update([0])
        .chain_update(reason)
        .chain_update([0])
        .chain_update(message)
        .finalize();
    let suffix = digest[..8]
        .iter()
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let prefix = cut(&application.name, LONGEST_PREFIX);
    // metav1.Time has whole seconds.
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now).to_string();
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": format!("{prefix}.{suffix:016x}"), "namespace": application.namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": application.namespace,
            "name": application.name,
            "uid": uid,
        },
        "type": "Warning",
        "reason": reason,
        "message": message,
        "count": 1,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
    })
}

/// `INVALID_POD_TEMPLATE` as Events write it: `InvalidPodTemplate`.
pub(super) fn reason(code: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(1.min(word.len()));
        first.to_owned() + &rest.to_ascii_lowercase()
    };
    code.split('_').map(word).collect()
}

/// At most so many bytes, whole characters.
fn cut(text: &str, most: usize) -> &str {
    let ends = text
        .char_indices()
        .map(|(start, character)| start + character.len_utf8());
    let end = ends.take_while(|end| *end <= most).last();
    &text[..end.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error_code::ErrorCode, operator::application::ApplicationReference};

    fn event(name: &str, message: &str, second: i64) -> Value {
        let refused = Refused {
            application: ApplicationReference {
                namespace: "jobs".to_owned(),
                name: name.to_owned(),
                uid: None,
            },
            reason: reason(ErrorCode::InvalidPodTemplate.name()),
            message: message.to_owned(),
        };
        let now = Timestamp::new(second, 123_000_000).unwrap();
        of(&refused, "uid", now)
    }

    #[test]
    fn its_name_follows_from_what_it_says_and_not_from_when() {
        let first = event("pi", "a", 0);
        assert_eq!(
            first["metadata"]["name"],
            event("pi", "a", 60)["metadata"]["name"]
        );
        assert_ne!(first["metadata"]["name"], event("pi", "b", 0)["metadata"]["name"]);
        assert!(first["metadata"]["name"].as_str().unwrap().starts_with("pi."));
        assert_eq!(first["firstTimestamp"], "1970-01-01T00:00:00Z");
        let long = event(&"x".repeat(253), "a", 0);
        assert_eq!(long["metadata"]["name"].as_str().unwrap().len(), 217);
        assert_eq!(long["involvedObject"]["name"].as_str().unwrap().len(), 253);
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let message = format!("{}é", "x".repeat(1023));
        assert_eq!(event("pi", &message, 0)["message"], message[..1023]);
        let message = "x".repeat(1024);
        assert_eq!(event("pi", &message, 0)["message"], message);
    }

    #[test]
    fn reasons_are_written_as_kubernetes_writes_them() {
        for (code, expected) in [
            (ErrorCode::InvalidSparkSubmitArgs, "InvalidSparkSubmitArgs"),
            (ErrorCode::DriverPodAlreadyExists, "DriverPodAlreadyExists"),
            (ErrorCode::InternalServerError, "InternalServerError"),
        ] {
            assert_eq!(reason(code.name()), expected);
        }
    }
}
