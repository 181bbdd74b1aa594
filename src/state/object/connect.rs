//! Reaching a bucket with what the environment gives: credentials, and the address of a server that is not
//! the service's own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::client::{HttpClient, HttpConnector};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{ClientConfigKey, ClientOptions, ObjectStore, RetryConfig};

use crate::spec::project::BucketService;
use crate::spec::quantity;
use crate::tls::{self, TlsError};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long one request may take. Objects of state are small.
const REQUEST: Duration = Duration::from_secs(30);

/// The variables that say how S3 is reached.
const S3: [&str; 19] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_STS",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
    "AWS_ALLOW_HTTP",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_METADATA_ENDPOINT",
    "AWS_REQUEST_PAYER",
    "AWS_SKIP_SIGNATURE",
];
/// The variables that say how Google Cloud Storage is reached.
const GCS: [&str; 5] = [
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "GOOGLE_BASE_URL",
    "GOOGLE_SKIP_SIGNATURE",
];
/// The variables that say how Azure Blob Storage is reached.
const AZURE: [&str; 15] = [
    "AZURE_STORAGE_ACCOUNT_NAME",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_TOKEN",
    "AZURE_STORAGE_ENDPOINT",
    "AZURE_STORAGE_USE_EMULATOR",
    "AZURE_ALLOW_HTTP",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_TENANT_ID",
    "AZURE_AUTHORITY_HOST",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_MSI_ENDPOINT",
    "AZURE_OBJECT_ID",
    "AZURE_MSI_RESOURCE_ID",
];

/// Why a bucket cannot be reached with what the environment gives.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody can be believed on the other side.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The client could not be set up.
    #[error("could not set up the HTTP client: {reason}")]
    Client {
        /// Why not.
        reason: String,
    },
    /// A variable holds what cannot be used, or one is missing.
    #[error("the environment does not say how to reach the bucket: {reason}")]
    Environment {
        /// What is wrong.
        reason: String,
    },
}

/// Sets up a client of a bucket. Asks it nothing yet.
///
/// # Errors
///
/// Says what of the environment cannot be used.
pub fn connect(
    service: BucketService,
    bucket: &str,
    variable: &dyn Fn(&str) -> Option<String>,
    ca_file: Option<&Path>,
) -> Result<Arc<dyn ObjectStore>, ConnectError> {
    let failed = |error: object_store::Error| ConnectError::Environment { reason: super::told(&error) };
    let http = Connector::new(ca_file)?;
    // Requests are tried again where it is known what may be tried again.
    let retry = RetryConfig { max_retries: 0, ..RetryConfig::default() };
    let given = |names: &[&'static str]| -> Vec<(&'static str, String)> {
        names.iter().filter_map(|name| Some((*name, variable(name)?))).collect()
    };
    // A server of this machine may be spoken to in the open.
    let is_here = |names: &[&str]| {
        names.iter().filter_map(|name| variable(name)).any(|url| quantity::is_loopback(&url))
    };
    Ok(match service {
        BucketService::S3 => {
            let mut builder = AmazonS3Builder::new().with_bucket_name(bucket);
            if is_here(&["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"]) {
                builder = builder.with_allow_http(true);
            }
            for (name, value) in given(&S3) {
                let key: AmazonS3ConfigKey = name.to_ascii_lowercase().parse().map_err(failed)?;
                builder = builder.with_config(key, value);
            }
            Arc::new(builder.with_http_connector(http).with_retry(retry).build().map_err(failed)?)
        }
        BucketService::Gcs => {
            let mut builder = GoogleCloudStorageBuilder::new().with_bucket_name(bucket);
            if is_here(&["GOOGLE_BASE_URL"]) {
                builder = builder.with_client_options(ClientOptions::new().with_allow_http(true));
            }
            for (name, value) in given(&GCS) {
                let key: GoogleConfigKey = name.to_ascii_lowercase().parse().map_err(failed)?;
                builder = builder.with_config(key, value);
            }
            Arc::new(builder.with_http_connector(http).with_retry(retry).build().map_err(failed)?)
        }
        BucketService::Azure => {
            let mut builder = MicrosoftAzureBuilder::new().with_container_name(bucket);
            if is_here(&["AZURE_STORAGE_ENDPOINT"]) {
                builder = builder.with_allow_http(true);
            }
            for (name, value) in given(&AZURE) {
                let key: AzureConfigKey = name.to_ascii_lowercase().parse().map_err(failed)?;
                builder = builder.with_config(key, value);
            }
            Arc::new(builder.with_http_connector(http).with_retry(retry).build().map_err(failed)?)
        }
    })
}

/// Gives the stores a client that believes whom this program believes.
#[derive(Debug)]
struct Connector {
    /// Speaks TLS and nothing else.
    secure: reqwest::Client,
    /// Speaks in the open too: to this machine, and to a cloud's own metadata service.
    open: reqwest::Client,
}

impl Connector {
    fn new(ca_file: Option<&Path>) -> Result<Self, ConnectError> {
        let client = |is_secure: bool| -> Result<reqwest::Client, ConnectError> {
            let builder = reqwest::Client::builder()
                .tls_backend_preconfigured(tls::config(ca_file, true)?)
                .user_agent(concat!("dreamrun/", env!("CARGO_PKG_VERSION")))
                // A redirect could take a token elsewhere.
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .https_only(is_secure)
                .connect_timeout(CONNECT)
                .timeout(REQUEST);
            builder.build().map_err(|error| ConnectError::Client { reason: error.to_string() })
        };
        Ok(Self { secure: client(true)?, open: client(false)? })
    }
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let may_be_open = options.get_config_value(&ClientConfigKey::AllowHttp).as_deref() == Some("true");
        Ok(HttpClient::new(if may_be_open { self.open.clone() } else { self.secure.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connected(service: BucketService, given: &[(&str, &str)]) -> Result<String, String> {
        let variable =
            |name: &str| given.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let store = connect(service, "bucket", &variable, None).map_err(|error| error.to_string())?;
        Ok(store.to_string())
    }

    #[test]
    fn a_bucket_is_where_the_environment_says() {
        let keys = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b"), ("AWS_REGION", "eu-west-1")];
        assert_eq!(connected(BucketService::S3, &keys), Ok("AmazonS3(bucket)".to_owned()));
        let azure = [("AZURE_STORAGE_ACCOUNT_NAME", "me"), ("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")];
        let store = connected(BucketService::Azure, &azure).unwrap();
        assert!(store.contains("account: me") && store.contains("bucket"), "{store}");
        let key = r#"{"disable_oauth": true, "client_email": "", "private_key": "", "private_key_id": ""}"#;
        let gcs = connected(BucketService::Gcs, &[("GOOGLE_SERVICE_ACCOUNT_KEY", key)]);
        assert_eq!(gcs, Ok("GoogleCloudStorage(bucket)".to_owned()));
    }

    #[test]
    fn what_is_missing_or_wrong_is_told_without_its_value() {
        let told = connected(BucketService::Azure, &[]).unwrap_err();
        assert!(told.starts_with("the environment does not say how to reach the bucket: "), "{told}");
        let told = connected(BucketService::Gcs, &[("GOOGLE_SERVICE_ACCOUNT_KEY", "hunter2")]).unwrap_err();
        assert!(!told.contains("hunter2"), "{told}");
    }
}
