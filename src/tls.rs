//! Whom to believe on the other side of a TLS connection.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

/// Why a TLS connection cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file of certificates cannot be used.
    #[error("could not read certificates from `{path}`: {reason}")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The machine has no certificates to trust.
    #[error(
        "this machine has no certificates to trust; install its ca-certificates, or name a file with --ca-file"
    )]
    Trust(#[source] rustls::Error),
    /// TLS could not be set up.
    #[error("could not set up TLS")]
    Tls(#[source] rustls::Error),
}

/// Trusts what the machine trusts, and the certificates of a file beside it.
/// Connections that begin with TLS say which protocol of HTTP they speak; others need not.
///
/// # Errors
///
/// Says what stood in the way.
pub fn config(ca_file: Option<&Path>, is_needed: bool) -> Result<ClientConfig, TlsError> {
    let extra = ca_file.map(read).transpose()?.unwrap_or_default();
    // Never the process's default provider: there may be none, and asking for it panics.
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Tls)?;
    if !is_needed {
        // A plain-text server needs no certificates, and a container may have none.
        let nobody = rustls::RootCertStore::empty();
        return Ok(builder.with_root_certificates(nobody).with_no_client_auth());
    }
    let verifier = Verifier::new_with_extra_roots(extra, provider).map_err(TlsError::Trust)?;
    let mut config =
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |reason: String| TlsError::CaFile { path: path.to_owned(), reason };
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(error.to_string()))?;
    if found.is_empty() {
        return Err(unreadable("it holds no certificate in PEM form".to_owned()));
    }
    Ok(found)
}
