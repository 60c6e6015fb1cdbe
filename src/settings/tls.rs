//! The files of the service's TLS.

use clap::Args;
use std::path::PathBuf;

/// TLS of gRPC and REST; health and metrics stay in plain text, for the kubelet's probes.
#[derive(Debug, Clone, Default, Args)]
#[allow(clippy::doc_markdown, reason = "help is shown as it stands")]
pub struct TlsSettings {
    /// File with the server's certificate chain, PEM; if it is set, gRPC and REST accept only TLS. The server reads it again when
    /// it changes
    #[arg(long, env = "TLS_CERT_FILE", value_name = "PATH")]
    pub tls_cert_file: Option<PathBuf>,

    /// File with the private key of that certificate, PEM
    #[arg(long, env = "TLS_KEY_FILE", value_name = "PATH")]
    pub tls_key_file: Option<PathBuf>,

    /// File with the certificate authorities of clients, PEM; if it is set, clients need a certificate of one of them
    #[arg(long, env = "TLS_CLIENT_CA_FILE", value_name = "PATH")]
    pub tls_client_ca_file: Option<PathBuf>,
}

/// Where certificate and key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// The certificate authorities of clients; where there are none, clients need no certificate.
    pub client_ca: Option<PathBuf>,
}

impl TlsSettings {
    /// The files, if TLS is set; half a setting is an error that names the other half.
    pub fn files(&self) -> Result<Option<TlsFiles>, String> {
        let missing = |set: &str, missing: &str| {
            Err(format!(
                "{set} is set and {missing} is not: TLS needs TLS_CERT_FILE and TLS_KEY_FILE"
            ))
        };
        match (&self.tls_cert_file, &self.tls_key_file) {
            (Some(certificate), Some(key)) => Ok(Some(TlsFiles {
                certificate: certificate.clone(),
                key: key.clone(),
                client_ca: self.tls_client_ca_file.clone(),
            })),
            (Some(_), None) => missing("TLS_CERT_FILE", "TLS_KEY_FILE"),
            (None, Some(_)) => missing("TLS_KEY_FILE", "TLS_CERT_FILE"),
            (None, None) if self.tls_client_ca_file.is_some() => {
                missing("TLS_CLIENT_CA_FILE", "TLS_CERT_FILE")
            }
            (None, None) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_setting_is_an_error_that_names_the_other_half() {
        let file = |set: bool| set.then(|| PathBuf::from("file"));
        for (cert, key, ca, names) in [
            (
                true,
                false,
                false,
                ["TLS_CERT_FILE is set", "TLS_KEY_FILE is not"],
            ),
            (false, true, true, ["TLS_KEY_FILE is set", "TLS_CERT_FILE is not"]),
            (
                false,
                false,
                true,
                ["TLS_CLIENT_CA_FILE is set", "TLS_CERT_FILE is not"],
            ),
        ] {
            let settings = TlsSettings {
                tls_cert_file: file(cert),
                tls_key_file: file(key),
                tls_client_ca_file: file(ca),
            };
            let error = settings.files().unwrap_err();
            assert!(names.iter().all(|name| error.contains(name)), "{error}");
        }
        assert_eq!(TlsSettings::default().files(), Ok(None));
    }
}
