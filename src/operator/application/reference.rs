//! Which `SparkApplication` a request is about: for what is said of it on the cluster.

use super::{API_VERSION, KIND, SparkApplication};
use crate::{
    limits::Budget,
    operator::wire,
    strict::{self, DocumentShape},
};
use serde_json::Value;

/// A `SparkApplication` by its address, as a request names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ApplicationReference {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`, where the request has it.
    pub uid: Option<String>,
}

impl ApplicationReference {
    /// The application itself; none where it has no name.
    pub fn to(application: &SparkApplication) -> Option<Self> {
        Self::new(
            application.namespace(),
            Some(application.name()),
            application.uid(),
        )
    }

    /// The application that these messages describe, rightly or not.
    pub fn on_the_wire(application: &wire::SparkApplication) -> Option<Self> {
        let metadata = application.metadata.as_ref()?;
        let namespace = Some(metadata.namespace.as_str()).filter(|namespace| !namespace.is_empty());
        Self::new(
            namespace.unwrap_or("default"),
            Some(&metadata.name),
            Some(&metadata.uid),
        )
    }

    /// The application of a text that may not be a valid one.
    pub fn in_text(text: &str) -> Option<Self> {
        let document = strict::read_yaml(text, DocumentShape::Application, &mut Budget::default()).ok()?;
        if document["apiVersion"] != API_VERSION || document["kind"] != KIND {
            return None;
        }
        let metadata = |field: &str| document["metadata"][field].as_str();
        let namespace = metadata("namespace").filter(|namespace| !namespace.is_empty());
        Self::new(namespace.unwrap_or("default"), metadata("name"), metadata("uid"))
    }

    /// The application among a Pod's `ownerReferences`; an owner is in the Pod's own namespace.
    pub fn among(owners: &Value, namespace: &str) -> Option<Self> {
        let owner = owners
            .as_array()?
            .iter()
            .find(|owner| owner["apiVersion"] == API_VERSION && owner["kind"] == KIND)?;
        Self::new(namespace, owner["name"].as_str(), owner["uid"].as_str())
    }

    fn new(namespace: &str, name: Option<&str>, uid: Option<&str>) -> Option<Self> {
        Some(Self {
            namespace: namespace.to_owned(),
            name: name.filter(|name| !name.is_empty())?.to_owned(),
            uid: uid.filter(|uid| !uid.is_empty()).map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reference(namespace: &str, uid: Option<&str>) -> Option<ApplicationReference> {
        ApplicationReference::new(namespace, Some("pi"), uid)
    }

    #[test]
    fn an_application_is_recognised_in_a_text_that_is_wrong() {
        let head = format!("apiVersion: {API_VERSION}\nkind: {KIND}\n");
        for (rest, expected) in [
            (
                "metadata: {name: pi, namespace: jobs, uid: u}\nspec: {misspelled: 1}",
                reference("jobs", Some("u")),
            ),
            ("metadata: {name: pi}", reference("default", None)),
            ("metadata: {namespace: jobs}", None),
            ("metadata: [", None),
        ] {
            let text = format!("{head}{rest}");
            assert_eq!(ApplicationReference::in_text(&text), expected, "{rest}");
        }
        assert_eq!(
            ApplicationReference::in_text("kind: Pod\nmetadata: {name: pi}"),
            None
        );
    }

    #[test]
    fn an_application_is_recognised_among_owners() {
        let owners = json!([
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "other", "uid": "o"},
            {"apiVersion": API_VERSION, "kind": KIND, "name": "pi", "uid": "u"},
        ]);
        assert_eq!(
            ApplicationReference::among(&owners, "jobs"),
            reference("jobs", Some("u"))
        );
        assert_eq!(ApplicationReference::among(&json!([owners[0]]), "jobs"), None);
        assert_eq!(ApplicationReference::among(&Value::Null, "jobs"), None);
    }
}
