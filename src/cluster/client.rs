//! The connection to the API server.

use super::kubeconfig::{ReadKubeconfig, UnusableKubeconfig, in_words};
use crate::{
    finding::{error_words, io_words},
    redaction::shown,
};
use hyper_timeout::TimeoutConnector;
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use kube::{
    Client, Config,
    client::{AuthError, ClientBuilder, ConfigExt as _},
    config::{AuthInfo, InClusterError},
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tower::{BoxError, ServiceBuilder};

/// How to reach the API server.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// The kubeconfig, in place of `KUBECONFIG` and `~/.kube/config`. With one given no service account is looked for.
    pub kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context; its current one where `None`. With a context only the kubeconfig is looked at
    /// (`spark.kubernetes.context`).
    pub context: Option<String>,
    /// Where the API server is, in place of what the configuration says: `https://host:port`.
    pub server: Option<String>,
    /// Credentials in place of the configuration's, each by itself.
    pub credentials: Credentials,
    /// Whether one connection carries all requests, by HTTP/2 where the API server speaks it: for a process of few requests,
    /// each of which would begin with a handshake of its own.
    pub one_connection: bool,
    /// Whether there must be something to be known by: a kubeconfig, a service account or [`Self::credentials`]. Without it an
    /// `https` address alone is an error; by `http` nothing could be sent.
    pub identity_needed: bool,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long the server may be silent on a connection; longer than a request may take.
    pub read_timeout: Duration,
}

/// Who a client is and whom it trusts, as `spark.kubernetes.authenticate.submission.*` has it.
#[derive(Clone, Default)]
pub struct Credentials {
    /// A bearer token.
    pub token: Option<String>,
    /// A file with a bearer token, read again as it changes.
    pub token_file: Option<String>,
    /// A PEM file with the authorities that the API server's certificate is checked against.
    pub authority_file: Option<String>,
    /// A PEM file with the client's certificate.
    pub certificate_file: Option<String>,
    /// A PEM file with the certificate's key.
    pub key_file: Option<String>,
}

impl Credentials {
    /// Whether there are any.
    pub fn given(&self) -> bool {
        let Self {
            token,
            token_file,
            authority_file,
            certificate_file,
            key_file,
        } = self;
        [token, token_file, authority_file, certificate_file, key_file]
            .into_iter()
            .any(Option::is_some)
    }

    fn put_into(&self, config: &mut Config) -> Result<(), ClientError> {
        let user = &mut config.auth_info;
        if self.token.is_some() || self.token_file.is_some() {
            user.token = self.token.clone().map(Into::into);
            user.token_file.clone_from(&self.token_file);
        }
        if self.certificate_file.is_some() {
            user.client_certificate.clone_from(&self.certificate_file);
            user.client_certificate_data = None;
        }
        if self.key_file.is_some() {
            user.client_key.clone_from(&self.key_file);
            user.client_key_data = None;
        }
        if let Some(path) = &self.authority_file {
            let unusable = |what: &str| ClientError::Unusable(format!("{}: {what}", shown(path)));
            let text = std::fs::read(path).map_err(|error| unusable(&error_words(&error)))?;
            let authorities: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
            let authorities = authorities.map_err(|_| unusable("is not PEM"))?;
            if authorities.is_empty() {
                return Err(unusable("holds no certificate in PEM"));
            }
            config.root_cert = Some(authorities.iter().map(|der| der.to_vec()).collect());
        }
        Ok(())
    }
}

impl std::fmt::Debug for Credentials {
    /// A token is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("given", &self.given())
            .finish_non_exhaustive()
    }
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            kubeconfig: None,
            context: None,
            server: None,
            credentials: Credentials::default(),
            one_connection: false,
            identity_needed: false,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(15),
        }
    }
}

impl ClientSettings {
    fn lacks_identity(&self, server: &http::Uri) -> bool {
        self.identity_needed && !self.credentials.given() && server.scheme_str() != Some("http")
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address given is none.
    #[error("the API server's address: expected https://host:port, found {0}")]
    Address(String),
    /// Nothing that can be used says where the API server is.
    #[error("{}", not_configured(kubeconfig, in_cluster))]
    NotConfigured {
        /// What is wrong with the kubeconfig.
        kubeconfig: UnusableKubeconfig,
        /// What is wrong in the Pod.
        in_cluster: String,
    },
    /// The configuration is there but cannot be used.
    #[error("the API server's configuration cannot be used: {0}")]
    Unusable(String),
    /// The kubeconfig that was chosen cannot be used.
    #[error(transparent)]
    Kubeconfig(#[from] UnusableKubeconfig),
}

fn not_configured(kubeconfig: &UnusableKubeconfig, in_cluster: &str) -> String {
    if kubeconfig.is_there {
        // Who has a kubeconfig means it, and a Pod's service account is only what would take its place.
        return format!("{kubeconfig}; in its place there is no service account: {in_cluster}");
    }
    let UnusableKubeconfig { files, reason, .. } = kubeconfig;
    format!(
        "no API server is configured. Looked for a kubeconfig (KUBECONFIG, else ~/.kube/config): {files}: {reason}; and for a \
         service account (KUBERNETES_SERVICE_HOST and the Pod's token): {in_cluster}"
    )
}

/// A client by kubeconfig or service account, without kube's own retry and with timeouts.
///
/// Must be called within a tokio runtime.
pub async fn client(settings: &ClientSettings) -> Result<Client, ClientError> {
    let server: Option<http::Uri> = settings
        .server
        .as_ref()
        .map(|text| text.parse().map_err(|_| ClientError::Address(shown(text))))
        .transpose()?;
    let mut config = match (configured(settings).await, server) {
        // With nothing but an address, as fabric8 does it: without credentials.
        (Err(ClientError::NotConfigured { .. }), Some(server)) if !settings.lacks_identity(&server) => {
            Config::new(server)
        }
        (configured, None) => configured?,
        (configured, Some(server)) => {
            let mut config = configured?;
            config.cluster_url = server;
            config
        }
    };
    // A kubeconfig may have any text for it; kube would panic on the first request.
    let address = &config.cluster_url;
    if address.scheme().is_none() || address.authority().is_none() {
        return Err(ClientError::Address(shown(&address.to_string())));
    }
    settings.credentials.put_into(&mut config)?;
    set(&mut config, settings);
    let user = config.auth_info.clone();
    connected(config, settings.one_connection).map_err(|error| unusable(&error, &user))
}

/// What the kubeconfig says, or a Pod's service account.
async fn configured(settings: &ClientSettings) -> Result<Config, ClientError> {
    let given = settings.kubeconfig.as_deref();
    let configured = match ReadKubeconfig::read(given) {
        Ok(read) => {
            let (context, credentials) = (settings.context.as_deref(), &settings.credentials);
            read.configured(context, credentials.given()).await
        }
        Err(error) => Err(error),
    };
    match configured {
        Err(kubeconfig) if given.is_none() && settings.context.is_none() => Config::incluster()
            .map_err(|error| in_cluster_words(&error))
            .map_err(|in_cluster| ClientError::NotConfigured {
                kubeconfig,
                in_cluster,
            }),
        configured => Ok(configured?),
    }
}

/// Why there is no service account.
fn in_cluster_words(error: &InClusterError) -> String {
    match error {
        InClusterError::ReadEnvironmentVariable(_) => {
            "KUBERNETES_SERVICE_HOST or KUBERNETES_SERVICE_PORT is not set".to_owned()
        }
        InClusterError::ReadDefaultNamespace(error) => format!("namespace: {}", io_words(error.kind())),
        InClusterError::ReadCertificateBundle(error) => {
            format!("ca.crt: {}", io_words(error.kind()))
        }
        other => other.to_string(),
    }
}

/// The namespace of the kubeconfig's context or of the service account's Pod, without a connection; `None` where nothing
/// is configured.
///
/// # Errors
/// Where the configuration is there and can't be used.
pub async fn configured_namespace(settings: &ClientSettings) -> Result<Option<String>, ClientError> {
    match configured(settings).await {
        Ok(config) => Ok(Some(config.default_namespace)),
        Err(ClientError::NotConfigured { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// As kube builds a client, but for TCP's delays: its own connections hold back the last part of a request until the API
/// server has said that the first part came, which takes 40 ms on a new connection.
fn connected(config: Config, one_connection: bool) -> Result<Client, kube::Error> {
    // What kube makes of a proxy depends on how it was built, and is its own to say.
    if config.proxy_url.is_some() {
        return Client::try_from(config);
    }
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    // With a name of its own for the certificate kube has to make the connector, which offers HTTP/1.1 alone.
    let https = if one_connection && config.tls_server_name.is_none() {
        let mut tls = config.rustls_client_config()?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        (tcp, Arc::new(tls)).into()
    } else {
        config.rustls_https_connector_with_connector(tcp)?
    };
    let mut connector = TimeoutConnector::new(https);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    // With a timer, connections that a peak opened are closed when they were idle for 90 s, and not when the next one is taken.
    let pool = legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(pool);
    Ok(ClientBuilder::new(service, config.default_namespace.clone()).build())
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

/// Why a configuration can't be used, without what a program of its user printed, which may be a secret.
fn unusable(error: &kube::Error, user: &AuthInfo) -> ClientError {
    let command = user.exec.as_ref().and_then(|exec| exec.command.as_deref());
    let of_command = |what: String| {
        let command = command.map(shown).unwrap_or_default();
        format!("the user's exec command {command}: {what}")
    };
    ClientError::Unusable(match error {
        kube::Error::Auth(AuthError::AuthExecStart(error)) => of_command(error_words(error)),
        kube::Error::Auth(AuthError::AuthExecRun { out, .. }) => {
            of_command(format!("expected exit status 0, found {}", out.status))
        }
        kube::Error::Auth(AuthError::AuthExecParse(_)) => {
            of_command("expected an ExecCredential, found other output".to_owned())
        }
        kube::Error::Auth(AuthError::ReadTokenFile(error, path)) => {
            format!(
                "{}: {}",
                shown(&path.display().to_string()),
                io_words(error.kind())
            )
        }
        kube::Error::InferKubeconfig(error) => in_words(error),
        other => other.to_string(),
    })
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

    #[test]
    fn given_credentials_take_the_place_of_the_configurations() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let authority = rcgen::generate_simple_self_signed(["api".to_owned()]).unwrap();
        std::fs::write(path("ca.pem"), authority.cert.pem()).unwrap();
        let mut config = Config::new("http://127.0.0.1:1".parse().unwrap());
        config.auth_info.token_file = Some("of-the-kubeconfig".to_owned());
        config.auth_info.client_key_data = Some("of-the-kubeconfig".to_owned().into());
        let credentials = Credentials {
            token: Some("mine".to_owned()),
            authority_file: Some(path("ca.pem")),
            key_file: Some(path("key.pem")),
            ..Credentials::default()
        };
        credentials.put_into(&mut config).unwrap();
        assert!(config.auth_info.token.is_some());
        assert_eq!(config.auth_info.token_file, None);
        assert_eq!(config.auth_info.client_key, Some(path("key.pem")));
        assert!(config.auth_info.client_key_data.is_none());
        assert_eq!(config.root_cert, Some(vec![authority.cert.der().to_vec()]));
        assert!(!format!("{credentials:?}").contains("mine"));

        std::fs::write(path("ca.pem"), "no certificate").unwrap();
        let refused = credentials.put_into(&mut config).unwrap_err().to_string();
        assert!(refused.contains("ca.pem"), "{refused}");
    }

    #[tokio::test]
    async fn an_unknown_context_is_an_error_that_names_it() {
        let settings = ClientSettings {
            context: Some("no-such-context".to_owned()),
            ..ClientSettings::default()
        };
        assert!(matches!(client(&settings).await, Err(ClientError::Kubeconfig(_))));
    }
}
