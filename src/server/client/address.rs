//! Where a server is, and what is needed to talk to it.

use crate::server::tls::pem::{FileError, PemFile, in_words};
use clap::Args;
use std::{collections::BTreeSet, error::Error as _, fmt, path::PathBuf, str::FromStr};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

/// Files for a server that speaks TLS. The variables have names of their own, for a server's (`TLS_CERT_FILE`) may be set in
/// the same environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[allow(clippy::doc_markdown, reason = "help is shown as it stands")]
pub struct TlsOptions {
    /// Certificate authorities of the server, PEM; the system's where it is not given
    #[arg(long, env = "NATIVE_SUBMIT_TLS_CA", value_name = "PATH")]
    pub tls_ca: Option<PathBuf>,

    /// Certificate chain to show to the server, PEM
    #[arg(long, env = "NATIVE_SUBMIT_TLS_CERT", value_name = "PATH")]
    pub tls_cert: Option<PathBuf>,

    /// Private key of --tls-cert, PEM
    #[arg(long, env = "NATIVE_SUBMIT_TLS_KEY", value_name = "PATH")]
    pub tls_key: Option<PathBuf>,
}

/// A server of the gRPC entry point: `http://HOST:PORT` in plain text, `https://HOST:PORT` with TLS, or `HOST:PORT` with TLS where there
/// are files for it; or, as gRPC writes it, `dns:///HOST:PORT` for all addresses of a name, with TLS in the same case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    authority: String,
    /// None for plain text.
    tls: Option<TlsOptions>,
    /// Whether the address leaves it to the files if it speaks TLS.
    tls_by_files: bool,
    /// Whether each address of the name is a server of its own.
    by_name: bool,
}

/// What may stand for a server.
const ALLOWED: &str =
    "expected HOST:PORT, https://HOST:PORT for TLS, or dns:///HOST:PORT for all addresses of a name";

/// Why a server can't even be called.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ServerError(#[from] Problem);

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("--server {0}: {ALLOWED}")]
    Address(String),
    #[error("--server {0}: the name has no address: {1}")]
    Unresolved(String, String),
    #[error("{0} is given and {1} is not: a client's certificate needs its key")]
    Half(&'static str, &'static str),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(
        "--tls-cert and --tls-key, or the authorities (the system's without --tls-ca), can't be used: {0}"
    )]
    Tls(String),
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (authority, tls) = match text.split_once("://") {
            None => (text, None),
            Some(("http", authority)) => (authority, None),
            Some(("https", authority)) => (authority, Some(TlsOptions::default())),
            // Between the second slash and the third there would be a name server.
            Some(("dns", rest)) => (rest.strip_prefix('/').unwrap_or_default(), None),
            Some(_) => ("", None),
        };
        let by_name = text.starts_with("dns://");
        let parsed = authority.parse::<http::uri::Authority>();
        match parsed {
            Ok(parsed) if parsed.port_u16().is_some() && !parsed.as_str().contains('@') => Ok(Self {
                authority: authority.to_owned(),
                tls,
                tls_by_files: by_name || !text.contains("://"),
                by_name,
            }),
            _ => Err(ALLOWED.to_owned()),
        }
    }
}

impl Server {
    /// The same server; if it speaks TLS, with these files.
    #[must_use]
    pub fn with(mut self, options: TlsOptions) -> Self {
        if let Some(tls) = &mut self.tls {
            *tls = options;
        } else if self.tls_by_files && options != TlsOptions::default() {
            self.tls = Some(options);
        }
        self
    }

    /// Whether it is spoken to in plain text.
    pub(super) fn is_plain(&self) -> bool {
        self.tls.is_none()
    }

    /// Whether it speaks TLS and gets no certificate to see.
    pub(super) fn shows_no_certificate(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.tls_cert.is_none())
    }

    /// What connects to it: of a name's addresses each, which are to be tried in turn. `turn` says which comes first, so that many
    /// submissions are spread over all.
    pub(super) async fn endpoints(&self, turn: usize) -> Result<Vec<Endpoint>, ServerError> {
        if !self.by_name {
            return Ok(vec![self.connecting(&self.authority)?]);
        }
        let found = tokio::net::lookup_host(&self.authority).await;
        let unresolved = |why: String| Problem::Unresolved(self.to_string(), why);
        let found = found.map_err(|error| unresolved(error.to_string()))?;
        let addresses: BTreeSet<_> = found.map(|address| address.to_string()).collect();
        if addresses.is_empty() {
            return Err(unresolved("none".to_owned()).into());
        }
        let endpoints = addresses.iter().map(|address| self.connecting(address));
        let mut endpoints = endpoints.collect::<Result<Vec<_>, _>>()?;
        let first = turn % endpoints.len();
        endpoints.rotate_left(first);
        Ok(endpoints)
    }

    fn connecting(&self, authority: &str) -> Result<Endpoint, Problem> {
        let wrong = || Problem::Address(self.to_string());
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let endpoint = Endpoint::from_shared(format!("{scheme}://{authority}")).map_err(|_| wrong())?;
        let Some(options) = &self.tls else {
            return Ok(endpoint);
        };
        // An IPv6 address has brackets in a URL, and none in a certificate, which is for the name and not for its addresses.
        let named = self
            .authority
            .parse::<http::uri::Authority>()
            .map_err(|_| wrong())?;
        let tls = options
            .config()?
            .domain_name(named.host().trim_matches(['[', ']']));
        endpoint
            .tls_config(tls)
            .map_err(|error| Problem::Tls(cause(&error)))
    }
}

/// Why TLS can't be spoken with these files.
fn cause(error: &tonic::transport::Error) -> String {
    let mut source = error.source();
    while let Some(found) = source {
        if let Some(of_tls) = found.downcast_ref::<rustls::Error>() {
            return in_words(of_tls);
        }
        source = found.source();
    }
    crate::finding::root_cause(error)
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match (self.by_name, &self.tls) {
            (true, _) => "dns:///",
            (false, Some(_)) => "https://",
            (false, None) => "http://",
        };
        write!(f, "{scheme}{}", self.authority)
    }
}

impl TlsOptions {
    fn config(&self) -> Result<ClientTlsConfig, Problem> {
        let mut config = ClientTlsConfig::new();
        config = match &self.tls_ca {
            None => config.with_native_roots(),
            Some(path) => {
                let file = PemFile::read("--tls-ca", path)?;
                // Read here too: what is no certificate would be passed over, and then nobody be trusted.
                file.certificates()?;
                config.ca_certificate(Certificate::from_pem(file.bytes()))
            }
        };
        match (&self.tls_cert, &self.tls_key) {
            (None, None) => Ok(config),
            (Some(_), None) => Err(Problem::Half("--tls-cert", "--tls-key")),
            (None, Some(_)) => Err(Problem::Half("--tls-key", "--tls-cert")),
            (Some(certificate), Some(key)) => {
                let certificate = PemFile::read("--tls-cert", certificate)?;
                let key = PemFile::read("--tls-key", key)?;
                certificate.certificates()?;
                key.private_key()?;
                Ok(config.identity(Identity::from_pem(certificate.bytes(), key.bytes())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_host_and_a_port_with_or_without_tls() {
        for (text, url) in [
            ("localhost:50051", "http://localhost:50051"),
            ("http://10.0.0.1:1", "http://10.0.0.1:1"),
            (
                "https://native-submit.spark:50051",
                "https://native-submit.spark:50051",
            ),
            ("[::1]:50051", "http://[::1]:50051"),
            (
                "dns:///native-submit-headless.spark:50051",
                "dns:///native-submit-headless.spark:50051",
            ),
        ] {
            assert_eq!(text.parse::<Server>().unwrap().to_string(), url);
        }
        for text in [
            "",
            "localhost",
            "grpc://a:1",
            "https://",
            "a:1/path",
            "user@a:1",
            "a b:1",
            "a:99999",
            "dns://a:1",
            "dns://10.0.0.1/a:1",
            "dns:///a",
        ] {
            assert!(text.parse::<Server>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn an_ipv6_address_can_be_called_with_tls() {
        let folder = tempfile::tempdir().unwrap();
        let ca = folder.path().join("ca.crt");
        let signed = rcgen::generate_simple_self_signed(vec!["::1".to_owned()]).unwrap();
        std::fs::write(&ca, signed.cert.pem()).unwrap();
        let options = TlsOptions {
            tls_ca: Some(ca),
            ..TlsOptions::default()
        };
        for url in ["https://[::1]:50051", "https://a.b:1"] {
            let server: Server = url.parse().unwrap();
            assert!(server.with(options.clone()).endpoints(0).await.is_ok(), "{url}");
        }
    }

    #[tokio::test]
    async fn the_addresses_of_a_name_come_in_turn() {
        let server: Server = "dns:///localhost:50051".parse().unwrap();
        let hosts = async |turn| {
            let endpoints = server.endpoints(turn).await.unwrap();
            let hosts = endpoints.iter().map(|endpoint| endpoint.uri().to_string());
            hosts.collect::<Vec<_>>()
        };
        let (first, second) = (hosts(0).await, hosts(1).await);
        assert!(first.contains(&"http://127.0.0.1:50051/".to_owned()), "{first:?}");
        assert_eq!(first.len(), second.len());
        assert_eq!(second[0], first[1 % first.len()]);
        let nowhere: Server = "dns:///no-such-name.invalid:1".parse().unwrap();
        let error = nowhere.endpoints(0).await.unwrap_err().to_string();
        assert!(
            error.starts_with("--server dns:///no-such-name.invalid:1: the name has no address"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn tls_files_hold_for_each_address_of_a_name() {
        let server: Server = "dns:///localhost:1".parse().unwrap();
        let missing = TlsOptions {
            tls_ca: Some("/no/such/file".into()),
            ..TlsOptions::default()
        };
        let error = server.with(missing).endpoints(0).await.unwrap_err().to_string();
        assert!(error.contains("--tls-ca"), "{error}");
    }

    #[test]
    fn files_of_tls_are_used_where_the_address_does_not_say_plain_text() {
        let options = TlsOptions {
            tls_ca: Some("ca.crt".into()),
            ..TlsOptions::default()
        };
        for (text, plain) in [
            ("a:1", false),
            ("dns:///a:1", false),
            ("https://a:1", false),
            ("http://a:1", true),
        ] {
            let server: Server = text.parse().unwrap();
            assert_eq!(server.with(options.clone()).is_plain(), plain, "{text}");
        }
        let without: Server = "a:1".parse().unwrap();
        assert!(without.with(TlsOptions::default()).is_plain());
    }

    #[tokio::test]
    async fn half_a_certificate_is_an_error_that_names_the_other_half() {
        let options = |cert: bool| TlsOptions {
            tls_cert: cert.then(|| "a".into()),
            tls_key: (!cert).then(|| "a".into()),
            ..TlsOptions::default()
        };
        for (cert, message) in [
            (true, "--tls-cert is given and --tls-key is not"),
            (false, "--tls-key is given and --tls-cert is not"),
        ] {
            let server: Server = "https://a:1".parse().unwrap();
            let error = server
                .with(options(cert))
                .endpoints(0)
                .await
                .unwrap_err()
                .to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
