//! The events of a watch, line by line as they come.

use super::super::refusal::{ApiFailure, Refusal};
use http_body::Body as _;
use kube::client::Body;
use serde::Deserialize;
use serde_json::Value;
use std::{future::poll_fn, pin::Pin};

/// The longest line that is read: an object has 3 MiB at most, and some around it.
const LONGEST: usize = 4 << 20;

/// One event.
#[derive(Debug)]
pub(super) enum Event {
    /// The object is there, as it is now.
    Changed(Value),
    /// The object is gone; as it was last.
    Deleted(Value),
    /// Nothing happened up to this version.
    Bookmark(String),
    /// The API server ends the watch.
    Failed(ApiFailure),
}

/// An event as it is written.
#[derive(Deserialize)]
struct Written {
    #[serde(rename = "type")]
    kind: String,
    object: Value,
}

/// The events of one watch.
pub(super) struct Events {
    body: Pin<Box<Body>>,
    /// What has come and is not a whole line yet.
    line: Vec<u8>,
}

impl Events {
    pub(super) fn new(body: Body) -> Self {
        Self {
            body: Box::pin(body),
            line: Vec::new(),
        }
    }

    /// The next event; `None` where the stream ends. A line that the end cut off is no event.
    pub(super) async fn next(&mut self) -> Result<Option<Event>, ApiFailure> {
        let mut looked = 0;
        loop {
            let end = self.line[looked..].iter().position(|byte| *byte == b'\n');
            if let Some(end) = end.map(|end| looked + end) {
                let rest = self.line.split_off(end + 1);
                let line = std::mem::replace(&mut self.line, rest);
                looked = 0;
                if line.trim_ascii().is_empty() {
                    continue;
                }
                return read(&line).map(Some);
            }
            looked = self.line.len();
            if looked > LONGEST {
                return Err(ApiFailure::Lost(format!("an event of more than {LONGEST} bytes")));
            }
            match poll_fn(|context| self.body.as_mut().poll_frame(context)).await {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.line.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => return Err(ApiFailure::from_client(error)),
            }
        }
    }
}

fn read(line: &[u8]) -> Result<Event, ApiFailure> {
    let unreadable = || ApiFailure::Lost("an event that is not one".to_owned());
    let Written { kind, mut object } = serde_json::from_slice(line).map_err(|_| unreadable())?;
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    Ok(match kind.as_str() {
        "ADDED" | "MODIFIED" => Event::Changed(object),
        "DELETED" => Event::Deleted(object),
        "BOOKMARK" => {
            let version = super::version(&object).filter(|version| !version.is_empty());
            Event::Bookmark(version.ok_or_else(unreadable)?.to_owned())
        }
        "ERROR" => {
            let code = object["code"].as_u64().and_then(|code| u16::try_from(code).ok());
            let said = serde_json::from_value(object).unwrap_or_default();
            let refusal = Refusal::new(code.unwrap_or(500), said, None);
            Event::Failed(ApiFailure::Refused(Box::new(refusal)))
        }
        _ => return Err(unreadable()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn events(text: &str) -> Vec<String> {
        let mut events = Events::new(Body::from(text.as_bytes().to_vec()));
        let mut all = Vec::new();
        loop {
            match events.next().await {
                Ok(Some(event)) => all.push(format!("{event:?}")),
                Ok(None) => return all,
                Err(failure) => {
                    all.push(format!("{failure:?}"));
                    return all;
                }
            }
        }
    }

    #[tokio::test]
    async fn whole_lines_are_events_and_what_the_end_cut_off_is_none() {
        let text = concat!(
            r#"{"type":"MODIFIED","object":{"metadata":{"name":"a","managedFields":[1]}}}"#,
            "\n\n",
            r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"}}}"#,
            "\r\n",
            r#"{"type":"DELETED","object":{"met"#,
        );
        let found = events(text).await;
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].starts_with("Changed") && !found[0].contains("managedFields"),
            "{found:?}"
        );
        assert_eq!(found[1], r#"Bookmark("7")"#);
    }

    #[tokio::test]
    async fn what_is_no_event_is_a_failure_and_an_error_event_keeps_its_code() {
        for text in [
            "{}\n",
            "x\n",
            "[]\n",
            "{\"type\":\"NEW\",\"object\":{}}\n",
            "{\"type\":\"BOOKMARK\",\"object\":1}\n",
        ] {
            let found = events(text).await;
            assert!(
                found.len() == 1 && found[0].starts_with("Lost"),
                "{text}: {found:?}"
            );
        }
        let gone = r#"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}"#;
        let read = read(gone.as_bytes()).unwrap();
        assert!(matches!(read, Event::Failed(failure) if failure.gone()));
        let bare = super::read(br#"{"type":"ERROR","object":null}"#).unwrap();
        assert!(matches!(bare, Event::Failed(failure) if !failure.gone()));
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_bounded() {
        let found = events(&"x".repeat(LONGEST + 1)).await;
        assert!(found.len() == 1 && found[0].starts_with("Lost"), "{found:?}");
    }
}
