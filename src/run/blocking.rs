//! Work that would keep the runtime's threads: judging, folders and files.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::spawn_blocking;

/// Does something on a thread of its own, so that leases are renewed and other runs go on however long it takes. On a
/// runtime of one thread, where nothing else may happen meanwhile, it is done in place.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => work(),
        _ => match spawn_blocking(work).await {
            Ok(done) => done,
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is being shut down, and nobody waits for it.
                Err(_) => std::future::pending().await,
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn others_go_on_while_something_blocks() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let (word, heard) = mpsc::channel();
        let computing = blocking(move || heard.recv_timeout(Duration::from_secs(10)));
        let told =
            runtime.block_on(async { tokio::join!(computing, async { word.send("go on").unwrap() }).0 });
        assert_eq!(told, Ok("go on"));
    }

    #[test]
    fn on_a_single_thread_it_is_done_at_once() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert_eq!(runtime.block_on(blocking(|| std::thread::current().id())), std::thread::current().id());
    }
}
