//! Buckets of real servers as places of state. Each place is a prefix of its own.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use dreamrun::spec::project::BucketService;
use dreamrun::state::object::{ObjectState, connect};
use dreamrun::state::{Key, PutIf, StateError, StateStore};

use crate::proxy::Proxy;
use crate::state::Place;
use crate::unique;

/// The variable with a bucket of an S3-compatible server, which `AWS_ENDPOINT_URL` names.
pub(crate) const S3: &str = "DREAMRUN_TEST_S3";
/// The variable with a bucket of a server that speaks Google's protocol.
pub(crate) const GS: &str = "DREAMRUN_TEST_GS";
/// The variable with a container of a server that speaks Azure's protocol.
pub(crate) const AZ: &str = "DREAMRUN_TEST_AZ";

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

async fn opened(
    service: BucketService,
    bucket: &str,
    prefix: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Arc<dyn StateStore> {
    let store = connect(service, bucket, variable, None).unwrap();
    Arc::new(ObjectState::open(store, prefix, format!("{}://{bucket}", service.scheme())).await.unwrap())
}

macro_rules! place {
    ($name:ident, $service:expr, $variable:expr, $updates:expr) => {
        pub(crate) struct $name(String);

        impl Place for $name {
            const UPDATES: usize = $updates;

            fn new() -> Self {
                Self(unique())
            }

            async fn open(&self) -> Arc<dyn StateStore> {
                let store = connect($service, &variable($variable).unwrap(), &variable, None).unwrap();
                Arc::new(ObjectState::open(store, &self.0, self.0.clone()).await.unwrap())
            }
        }
    };
}

place!(S3Place, BucketService::S3, S3, 500);
place!(GcsPlace, BucketService::Gcs, GS, 100);
place!(AzurePlace, BucketService::Azure, AZ, 100);

pub(crate) async fn a_write_whose_answer_was_cut_off_is_found_by_looking() {
    let endpoint = variable("AWS_ENDPOINT_URL").unwrap();
    let proxy = Proxy::to(endpoint.trim_start_matches("http://").trim_end_matches('/').to_owned()).await;
    let through = format!("http://{}", proxy.address);
    let given = |name: &str| match name {
        "AWS_ENDPOINT_URL" => Some(through.clone()),
        name => variable(name),
    };
    let state = opened(BucketService::S3, &variable(S3).unwrap(), &unique(), &given).await;
    let key = Key::from_listing("aliases/a".to_owned());
    proxy.cuts.store(1, Ordering::SeqCst);
    let version = state.put(&key, b"x", PutIf::Absent).await.unwrap();
    assert_eq!(proxy.cuts.load(Ordering::SeqCst), 0, "an answer was cut off");
    proxy.cuts.store(2, Ordering::SeqCst);
    let newer = state.put(&key, b"y", PutIf::Version(version)).await.unwrap();
    let found = state.get(&key).await.unwrap().unwrap();
    assert_eq!((found.bytes.as_slice(), found.version), (&b"y"[..], newer));
}

pub(crate) async fn a_bucket_that_is_not_there_is_told() {
    let store = connect(BucketService::S3, &unique(), &variable, None).unwrap();
    let looked = ObjectState::open_read_only(Arc::clone(&store), "", "s3://nowhere".to_owned()).await;
    let opened = ObjectState::open(store, "", "s3://nowhere".to_owned()).await;
    for refused in [looked.unwrap_err(), opened.unwrap_err()] {
        assert!(matches!(refused, StateError::Missing { .. }), "{refused}");
        assert!(
            refused.to_string().ends_with("in `s3://nowhere`: the service knows no such bucket"),
            "{refused}"
        );
    }
}
