//! Certificates and keys out of PEM files. No message holds a file's text: it may be a key.

use crate::finding::io_words;
use rustls::{
    CertificateError,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{
    fs, io,
    io::Read as _,
    path::{Path, PathBuf},
};

/// The most bytes of a file: bundles of authorities have some hundred KiB.
const MOST_BYTES: u64 = 1 << 20;

/// A file that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} {}: {problem}", path.display())]
pub(crate) struct FileError {
    /// What names the file.
    pub(in crate::server) setting: &'static str,
    /// The file.
    pub(in crate::server) path: PathBuf,
    /// What is wrong with it.
    pub(in crate::server) problem: String,
}

/// A file as it was read.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::server) struct PemFile {
    setting: &'static str,
    path: PathBuf,
    bytes: Vec<u8>,
}

impl PemFile {
    /// Reads the file that `setting` names.
    pub(in crate::server) fn read(setting: &'static str, path: &Path) -> Result<Self, FileError> {
        let bytes = bytes(path).map_err(|problem| FileError {
            setting,
            path: path.to_owned(),
            problem,
        })?;
        Ok(Self {
            setting,
            path: path.to_owned(),
            bytes,
        })
    }

    /// The text.
    pub(in crate::server) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The certificates in it, at least one.
    pub(in crate::server) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, FileError> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.bytes).collect();
        match certificates {
            Ok(certificates) if certificates.is_empty() => Err(self.error("holds no certificate in PEM")),
            Ok(certificates) => Ok(certificates),
            Err(_) => Err(self.error("is not PEM")),
        }
    }

    /// The private key in it.
    pub(in crate::server) fn private_key(&self) -> Result<PrivateKeyDer<'static>, FileError> {
        PrivateKeyDer::from_pem_slice(&self.bytes)
            .map_err(|_| self.error("holds no private key in PEM: expected PKCS #8, PKCS #1 or SEC 1"))
    }

    /// What is wrong with this file.
    pub(in crate::server) fn error(&self, problem: impl Into<String>) -> FileError {
        FileError {
            setting: self.setting,
            path: self.path.clone(),
            problem: problem.into(),
        }
    }
}

/// What is wrong with keys and certificates, without the names that rustls gives its errors.
pub(in crate::server) fn in_words(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InconsistentKeys(_) => "the key belongs to another certificate".to_owned(),
        rustls::Error::InvalidCertificate(CertificateError::BadEncoding) => {
            "it is not an X.509 certificate".to_owned()
        }
        other => other.to_string(),
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: io::Error| format!("can't be read: {}", io_words(error.kind()));
    // Looked at before it is opened: opening a named pipe would wait for ever.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err("is not a file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(failed)?;
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("expected at most {MOST_BYTES} bytes, found more"));
    }
    Ok(bytes)
}
