//! The applications of the cluster.

use crate::{
    cli::{End, connected, could_not_run, input::Found, output::message},
    cluster::{ClientSettings, Namespaces, applications},
    operator::application::ApplicationDocument,
    spark::submission::NamespaceMetadata,
    templates::TemplateSet,
};
use std::collections::BTreeMap;
use tokio::runtime::Runtime;

/// Takes each application of a namespace or of all of them; of schedules the template, if they are wanted.
pub(super) fn each_application(
    access: &ClientSettings,
    namespace: Option<&str>,
    scheduled: bool,
    take: &mut dyn FnMut(Found),
) -> Result<(), End> {
    let (runtime, client) = connected(access)?;
    let mut pages = applications(&client, namespace, scheduled);
    while let Some(page) = runtime.block_on(pages.next()) {
        for value in page.map_err(|error| could_not_run(&error))? {
            let document = ApplicationDocument::of(value).map_err(|error| error.to_string());
            let name = document
                .as_ref()
                .map(ApplicationDocument::name)
                .unwrap_or_default();
            take((name, document));
        }
    }
    Ok(())
}

/// The namespaces of the cluster, for policies that read them; each is read once.
pub(super) struct LiveNamespaces {
    runtime: Runtime,
    namespaces: Namespaces,
    known: BTreeMap<String, Option<NamespaceMetadata>>,
}

impl LiveNamespaces {
    pub(super) fn connect(access: &ClientSettings) -> Result<Self, End> {
        let (runtime, client) = connected(access)?;
        Ok(Self {
            namespaces: Namespaces::one_by_one(client),
            known: BTreeMap::new(),
            runtime,
        })
    }

    /// A namespace's metadata, where a policy of the set reads it and it may be read.
    pub(super) fn of(&mut self, namespace: &str, set: &TemplateSet) -> Option<NamespaceMetadata> {
        if !set.reads_namespace() {
            return None;
        }
        let Self {
            runtime,
            namespaces,
            known,
        } = self;
        let found = known.entry(namespace.to_owned()).or_insert_with(|| {
            let found = runtime.block_on(namespaces.of(namespace));
            if let Err(why) = &found {
                message!("warning: namespace {namespace}: its labels and annotations are not known: {why}");
            }
            found.ok()
        });
        found.clone()
    }
}
