//! TLS of gRPC and REST, with certificates that change while the server runs.
//!
//! A new certificate, key or list of authorities goes live when all files of it are good together; else the last good
//! ones stay. It counts for new connections, those that exist go on. No session of before is resumed: a client whose
//! authority was taken out is refused when it comes back.

mod identity;
pub(super) mod pem;

use crate::{
    settings::TlsFiles,
    telemetry::Metrics,
    watch::{Timing, Watch},
};
use arc_swap::ArcSwap;
use identity::TlsIdentity;
use pem::FileError;
use rustls::{ServerConfig, pki_types::CertificateDer};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tokio_rustls::TlsAcceptor;
use tracing::{error, info};

/// What the files hold, where they are good together.
pub(crate) struct Certificates {
    /// The server's certificate, then its issuers.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// The authorities of clients.
    pub(crate) client_authorities: Vec<CertificateDer<'static>>,
}

/// Reads the files once, as a server does at its start.
pub(crate) fn certificates(files: &TlsFiles) -> Result<Certificates, FileError> {
    let identity = TlsIdentity::read(files)?;
    identity.config()?;
    identity.certificates()
}

/// What an entry point speaks inside TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP/2, for gRPC.
    Http2,
    /// HTTP/1.1, for REST.
    Http1,
}

/// The certificate that is live.
pub(super) struct Tls {
    files: TlsFiles,
    live: ArcSwap<Configs>,
    last: Mutex<Attempt>,
    metrics: Arc<Metrics>,
}

struct Configs {
    http2: Arc<ServerConfig>,
    http1: Arc<ServerConfig>,
}

/// The last reading of the files.
#[derive(PartialEq)]
struct Attempt {
    /// What was read; none if the files could not be.
    identity: Option<TlsIdentity>,
    /// Why it didn't go live.
    error: Option<FileError>,
}

impl Configs {
    fn new(config: &ServerConfig) -> Self {
        let speaking = |protocol: &[u8]| {
            let mut config = config.clone();
            config.alpn_protocols = vec![protocol.to_vec()];
            Arc::new(config)
        };
        Self {
            http2: speaking(b"h2"),
            http1: speaking(b"http/1.1"),
        }
    }
}

impl Tls {
    /// Reads the files for the first time.
    pub(super) fn load(files: TlsFiles, metrics: Arc<Metrics>) -> Result<Self, FileError> {
        let identity = TlsIdentity::read(&files)?;
        let configs = Configs::new(&identity.config()?);
        metrics.tls_reload(true);
        metrics.certificate_ends(identity.ends().unwrap_or_default());
        Ok(Self {
            files,
            live: ArcSwap::from_pointee(configs),
            last: Mutex::new(Attempt {
                identity: Some(identity),
                error: None,
            }),
            metrics,
        })
    }

    /// Makes the certificate of a new connection's handshake.
    pub(super) fn acceptor(&self, protocol: Protocol) -> TlsAcceptor {
        let live = self.live.load();
        TlsAcceptor::from(Arc::clone(match protocol {
            Protocol::Http2 => &live.http2,
            Protocol::Http1 => &live.http1,
        }))
    }

    /// Whether clients must have a certificate.
    pub(super) fn asks_clients(&self) -> bool {
        self.files.client_ca.is_some()
    }

    /// Looks at the files whenever they change, and now and then.
    pub(super) fn watch(self: &Arc<Self>, timing: Timing) -> Watch {
        let tls = Arc::clone(self);
        let directories = self.directories();
        Watch::start(
            "the directory of the TLS files",
            move || directories.clone(),
            timing,
            move || {
                tls.reload();
            },
        )
    }

    /// Looks at the files and, if they changed since the last attempt, tries to make them live. Blocks.
    pub(super) fn reload(&self) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let attempt = match TlsIdentity::read(&self.files) {
            Ok(identity) if last.identity.as_ref() == Some(&identity) => return,
            Ok(identity) => Attempt {
                error: self.go_live(&identity).err(),
                identity: Some(identity),
            },
            Err(error) => Attempt {
                identity: None,
                error: Some(error),
            },
        };
        // Files that stay unreadable are read again and again, but logged once.
        if attempt == *last {
            return;
        }
        match &attempt.error {
            None => info!("a new TLS certificate is live"),
            Some(error) => error!("the new TLS files are rejected, the last good ones stay: {error}"),
        }
        self.metrics.tls_reload(attempt.error.is_none());
        *last = attempt;
    }

    fn go_live(&self, identity: &TlsIdentity) -> Result<(), FileError> {
        let configs = Configs::new(&identity.config()?);
        self.live.store(Arc::new(configs));
        self.metrics.certificate_ends(identity.ends().unwrap_or_default());
        Ok(())
    }

    fn directories(&self) -> Vec<PathBuf> {
        let TlsFiles {
            certificate,
            key,
            client_ca,
        } = &self.files;
        let mut directories: Vec<_> = [Some(certificate), Some(key), client_ca.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(|file| file.parent())
            .map(|parent| Path::new(".").join(parent))
            .collect();
        directories.sort();
        directories.dedup();
        directories
    }
}
