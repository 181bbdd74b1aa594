//! Being asked to stop: from a signal to an exit code.

use tokio::sync::watch;

use super::exit::ExitCode;

/// Says whether the process was asked to stop, and how it ends then.
#[derive(Debug, Clone)]
pub struct Signals {
    interrupt: watch::Receiver<bool>,
    code: watch::Receiver<Option<ExitCode>>,
}

impl Signals {
    /// Listens for the signals of this process, from this moment on and for as long as it lives.
    pub fn of_process() -> Self {
        let (interrupt, asked) = watch::channel(false);
        let (code, which) = watch::channel(None);
        let signal = signals();
        tokio::spawn(async move {
            let reason = signal.await;
            // The code is there before anybody stops because of it.
            let _ = code.send(Some(reason));
            let _ = interrupt.send(true);
            // Keeps the channels open until the process ends.
            std::future::pending::<()>().await;
        });
        Self { interrupt: asked, code: which }
    }

    /// Makes a signal that has come already.
    pub fn came(code: ExitCode) -> Self {
        Self { interrupt: watch::channel(true).1, code: watch::channel(Some(code)).1 }
    }

    /// Returns what turns true when the process is asked to stop.
    pub(super) fn interrupt(&self) -> watch::Receiver<bool> {
        self.interrupt.clone()
    }

    /// Returns how the process ends, if it was asked to stop.
    pub(super) fn code(&self) -> Option<ExitCode> {
        *self.code.borrow()
    }
}

/// Takes signals over from the system before it returns, and waits for the first of them.
#[cfg(unix)]
fn signals() -> impl Future<Output = ExitCode> {
    use tokio::signal::unix::{Signal, SignalKind, signal};
    async fn first(signal: Option<Signal>) {
        match signal {
            Some(mut signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
    let interrupt = signal(SignalKind::interrupt()).ok();
    let terminate = signal(SignalKind::terminate()).ok();
    async {
        tokio::select! {
            () = first(interrupt) => ExitCode::Interrupted,
            () = first(terminate) => ExitCode::Terminated,
        }
    }
}

#[cfg(not(unix))]
async fn signals() -> ExitCode {
    let _ = tokio::signal::ctrl_c().await;
    ExitCode::Interrupted
}
