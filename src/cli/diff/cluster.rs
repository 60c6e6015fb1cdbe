//! The applications of the cluster.

use crate::{
    cli::{End, could_not_run, input::Found, runtime},
    cluster::{ClientSettings, applications, client},
    operator::application::ApplicationDocument,
};

/// Takes each application of a namespace or of all of them; of schedules the template, if they are wanted.
pub(super) fn each_application(
    namespace: Option<&str>,
    scheduled: bool,
    take: &mut dyn FnMut(Found),
) -> Result<(), End> {
    let runtime = runtime().map_err(|_| End::CouldNotRun)?;
    let client = runtime.block_on(async { client(&ClientSettings::default()).await });
    let client = client.map_err(|error| could_not_run(&error))?;
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
