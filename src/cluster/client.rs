//! The connection to the API server.

use crate::redaction::shown;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, KubeconfigError},
};
use std::time::Duration;

/// How to reach the API server.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// The kubeconfig's context; its current one where `None`. With a context only the kubeconfig is looked at
    /// (`spark.kubernetes.context`).
    pub context: Option<String>,
    /// Where the API server is, in place of what the configuration says: `https://host:port`.
    pub server: Option<String>,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long the server may be silent on a connection; longer than a request may take.
    pub read_timeout: Duration,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            context: None,
            server: None,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(15),
        }
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address given is none.
    #[error("{0} is not the address of an API server: allowed is https://host:port")]
    Address(String),
    /// Nothing says where the API server is.
    #[error(
        "no API server is configured. Looked for a kubeconfig (KUBECONFIG, else ~/.kube/config): {kubeconfig}; \
         and for a service account (KUBERNETES_SERVICE_HOST and the Pod's token): {in_cluster}"
    )]
    NotConfigured {
        /// What is wrong with the kubeconfig.
        kubeconfig: String,
        /// What is wrong in the Pod.
        in_cluster: String,
    },
    /// The configuration is there but cannot be used.
    #[error("the API server's configuration cannot be used: {0}")]
    Unusable(String),
}

/// A client by kubeconfig or service account, without kube's own retry and with timeouts.
///
/// Must be called within a tokio runtime.
pub async fn client(settings: &ClientSettings) -> Result<Client, ClientError> {
    let options = KubeConfigOptions {
        context: settings.context.clone(),
        ..KubeConfigOptions::default()
    };
    let server: Option<http::Uri> = settings
        .server
        .as_ref()
        .map(|text| text.parse().map_err(|_| ClientError::Address(shown(text))))
        .transpose()?;
    let configured = match Config::from_kubeconfig(&options).await {
        Err(error) if settings.context.is_none() => {
            Config::incluster().map_err(|in_cluster| ClientError::NotConfigured {
                kubeconfig: in_words(&error),
                in_cluster: in_cluster.to_string(),
            })
        }
        found => found.map_err(|error| ClientError::Unusable(in_words(&error))),
    };
    let mut config = match (configured, server) {
        // With nothing but an address, as fabric8 does it: without credentials.
        (Err(ClientError::NotConfigured { .. }), Some(server)) => Config::new(server),
        (configured, None) => configured?,
        (configured, Some(server)) => {
            let mut config = configured?;
            config.cluster_url = server;
            config
        }
    };
    set(&mut config, settings);
    Client::try_from(config).map_err(|error| ClientError::Unusable(error.to_string()))
}

/// By default kube retries POST, for up to 1,000 s at a time, and waits for an answer for ever.
fn set(config: &mut Config, settings: &ClientSettings) {
    config.default_retry = false;
    config.connect_timeout = Some(settings.connect_timeout);
    config.read_timeout = Some(settings.read_timeout);
    config.write_timeout = Some(settings.read_timeout);
    // Else the time that a connection was idle in the pool counts as silence.
    config.reset_reader_on_write = true;
}

/// A parser's message shows the text around the error, and a kubeconfig holds keys: so without it.
fn in_words(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(_) => "it is not a valid kubeconfig".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_retried_or_waited_for_without_end_by_the_client() {
        let mut config = Config::new("http://127.0.0.1:1".parse().unwrap());
        set(&mut config, &ClientSettings::default());
        assert!(!config.default_retry);
        assert!(config.reset_reader_on_write);
        for timeout in [config.connect_timeout, config.read_timeout, config.write_timeout] {
            assert!(timeout.is_some_and(|timeout| timeout <= Duration::from_secs(15)));
        }
    }

    #[tokio::test]
    async fn an_unknown_context_is_an_error_that_names_it() {
        let settings = ClientSettings {
            context: Some("no-such-context".to_owned()),
            ..ClientSettings::default()
        };
        assert!(matches!(client(&settings).await, Err(ClientError::Unusable(_))));
    }
}
