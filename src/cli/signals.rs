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
    /// Listens for the signals of this process, for as long as it lives.
    pub fn of_process() -> Self {
        let (interrupt, asked) = watch::channel(false);
        let (code, which) = watch::channel(None);
        tokio::spawn(async move {
            let reason = signal().await;
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

async fn signal() -> ExitCode {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            let _ = tokio::signal::ctrl_c().await;
            return ExitCode::Interrupted;
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => ExitCode::Interrupted,
            _ = terminate.recv() => ExitCode::Terminated,
        }
    }
    #[cfg(not(unix))]
    {
        let _ = tokio::signal::ctrl_c().await;
        ExitCode::Interrupted
    }
}
