//! The key is in one header and nowhere else.

use std::io::Write;
use std::sync::{Arc, Mutex};

use dreamrun::backend::Backend;
use dreamrun::backend::http::{HttpBackend, KeyHeader};
use tracing_subscriber::fmt::MakeWriter;

use crate::creates::{dream, request};
use crate::peer::{KEY, Peer, Reply, error, options};

#[derive(Clone, Default)]
struct Traces(Arc<Mutex<Vec<u8>>>);

impl Write for Traces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Traces {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn no_trace_no_error_and_no_debug_text_shows_the_key() {
    let traces = Traces::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(traces.clone()).finish();
    // As long as there is one subscriber, a place that another test comes to first is asked of that test's thread
    // whether it is traced, and for good.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let mut texts = Vec::new();
    // One thread, so that everything is traced under the subscriber of this one.
    tracing::subscriber::with_default(subscriber, || {
        tracing::callsite::rebuild_interest_cache();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for key_header in [KeyHeader::Bearer, KeyHeader::XApiKey] {
                // A server that answers with what it was sent.
                let peer = Peer::start(|asked, n| {
                    let sent =
                        asked.headers.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(" ");
                    match n {
                        0 => Reply::error(401, "authentication_error", &format!("bad key {sent}")),
                        1 => Reply::status(500, &[("x-should-retry", "false")], &sent),
                        2 => Reply::status(302, &[("location", &format!("http://x/{sent}"))], ""),
                        3 => Reply::status(429, &[("retry-after", "999")], error(&sent, &sent)),
                        4 => Reply::json(&sent),
                        _ => Reply::json(dream("running").replace("claude-opus-5", &sent)),
                    }
                })
                .await;
                let mut options = options(&peer.url());
                options.key_header = key_header;
                texts.push(format!("{options:?}"));
                let backend = HttpBackend::new(options).unwrap();
                texts.push(format!("{backend:?}"));
                for _ in 0..5 {
                    let error = backend.create_dream(&request()).await.unwrap_err();
                    texts.push(format!("{error} {error:?}"));
                }
                assert_eq!(peer.asked().len(), 5);
            }
        });
    });
    let traced = String::from_utf8(traces.0.lock().unwrap().clone()).unwrap();
    assert!(traced.contains("not answered"), "the requests were traced: {traced:.500}");
    texts.push(traced);
    for text in texts {
        let at = text.find(KEY).or_else(|| text.find(&KEY[7..30]));
        assert_eq!(at, None, "{}", &text[at.unwrap_or(0).saturating_sub(300)..][..400.min(text.len())]);
    }
}
