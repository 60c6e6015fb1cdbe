//! Which cluster a command talks to, by the flags that kubectl has.

use crate::cluster::ClientSettings;
use clap::{
    Args,
    builder::{OsStringValueParser, TypedValueParser as _},
};
use std::path::PathBuf;

/// Which API server is used, and with which credentials: flags as `kubectl` has them.
#[derive(Debug, Clone, Default, Args)]
#[allow(clippy::doc_markdown, reason = "help is shown as it stands")]
pub struct ClusterAccess {
    /// Context of the kubeconfig, in place of its current one
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,

    /// Kubeconfig, in place of KUBECONFIG and ~/.kube/config
    // clap's parser of paths refuses an empty one.
    #[arg(long, value_name = "FILE", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub kubeconfig: Option<PathBuf>,
}

impl ClusterAccess {
    /// What a client is made of. An empty text is none, as for kubectl.
    pub fn client_settings(&self) -> ClientSettings {
        ClientSettings {
            context: self.context.clone().filter(|name| !name.is_empty()),
            kubeconfig: self
                .kubeconfig
                .clone()
                .filter(|path| !path.as_os_str().is_empty()),
            ..ClientSettings::default()
        }
    }
}
