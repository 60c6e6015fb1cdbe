//! What the server shows to clients and asks of them: certificate, key and authorities, read as one state of the files.

use super::{
    Certificates,
    pem::{FileError, PemFile, in_words},
};
use crate::settings::TlsFiles;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    version::{TLS12, TLS13},
};
use std::sync::Arc;
use x509_parser::prelude::{FromDer, X509Certificate};

/// How often files that change while they are read are read again.
const ATTEMPTS: usize = 5;

/// The files' content.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct TlsIdentity {
    certificate: PemFile,
    key: PemFile,
    client_ca: Option<PemFile>,
}

impl TlsIdentity {
    /// Reads the files until two readings are equal: a swap between two files would else give a certificate with
    /// another's key.
    pub(super) fn read(files: &TlsFiles) -> Result<Self, FileError> {
        let mut last = Self::read_once(files)?;
        for _ in 0..ATTEMPTS {
            let next = Self::read_once(files)?;
            if next == last {
                return Ok(last);
            }
            last = next;
        }
        Err(last
            .certificate
            .error("changes, or its key does, each time that it is read"))
    }

    fn read_once(files: &TlsFiles) -> Result<Self, FileError> {
        let client_ca = files.client_ca.as_deref();
        Ok(Self {
            certificate: PemFile::read("TLS_CERT_FILE", &files.certificate)?,
            key: PemFile::read("TLS_KEY_FILE", &files.key)?,
            client_ca: client_ca
                .map(|path| PemFile::read("TLS_CLIENT_CA_FILE", path))
                .transpose()?,
        })
    }

    /// All certificates that are in the files.
    pub(super) fn certificates(&self) -> Result<Certificates, FileError> {
        let authorities = self.client_ca.as_ref().map(PemFile::certificates).transpose()?;
        Ok(Certificates {
            chain: self.certificate.certificates()?,
            client_authorities: authorities.unwrap_or_default(),
        })
    }

    /// When the server's certificate ends, in seconds since 1970.
    pub(super) fn ends(&self) -> Option<i64> {
        let chain = self.certificate.certificates().ok()?;
        let (_, certificate) = X509Certificate::from_der(chain.first()?).ok()?;
        Some(certificate.validity().not_after.timestamp())
    }

    /// TLS 1.2 and 1.3 by these. With authorities, who has no certificate of theirs is refused.
    pub(super) fn config(&self) -> Result<ServerConfig, FileError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| self.certificate.error(error.to_string()))?;
        let builder = match &self.client_ca {
            Some(file) => builder.with_client_cert_verifier(verifier(file, provider)?),
            None => builder.with_no_client_auth(),
        };
        let (certificates, key) = (self.certificate.certificates()?, self.key.private_key()?);
        builder
            .with_single_cert(certificates, key)
            .map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => self
                    .key
                    .error("is not the key of the certificate in TLS_CERT_FILE"),
                rustls::Error::InvalidCertificate(_) => self.certificate.error(format!(
                    "holds a certificate that can't be used: {}",
                    in_words(&error)
                )),
                other => self
                    .key
                    .error(format!("can't be used with TLS_CERT_FILE: {}", in_words(&other))),
            })
    }
}

fn verifier(file: &PemFile, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, FileError> {
    let mut roots = RootCertStore::empty();
    for certificate in file.certificates()? {
        roots.add(certificate).map_err(|error| {
            file.error(format!(
                "holds a certificate that can't be used: {}",
                in_words(&error)
            ))
        })?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| file.error(error.to_string()))
}
