//! The terminal: human text to stderr, data to stdout, nothing else anywhere.

use std::io::{BufRead, Write};
use std::sync::{Mutex, PoisonError};

use crate::report::words::Paint;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Volume {
    /// Errors only.
    Quiet,
    /// Results and progress.
    Normal,
    /// Every event.
    Verbose,
}

/// Where a command talks.
pub struct Console {
    out: Mutex<Box<dyn Write + Send>>,
    err: Mutex<Box<dyn Write + Send>>,
    input: Mutex<Box<dyn BufRead + Send>>,
    lost: Mutex<Option<std::io::Error>>,
    /// Colours for stderr.
    pub paint: Paint,
    /// Whether a person sits there: stderr and stdin are terminals and `--no-input` was not given.
    pub can_ask: bool,
    /// Whether stderr is a terminal, so that a line can be redrawn.
    pub is_live: bool,
    /// How much is said.
    pub volume: Volume,
    /// Whether stderr is the log of a GitHub Actions job, whose runner obeys lines of a certain form.
    pub is_job: bool,
}

impl Console {
    /// Makes a console.
    pub fn new(
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
        input: Box<dyn BufRead + Send>,
    ) -> Self {
        Self {
            out: Mutex::new(out),
            err: Mutex::new(err),
            input: Mutex::new(input),
            lost: Mutex::new(None),
            paint: Paint::default(),
            can_ask: false,
            is_live: false,
            volume: Volume::Normal,
            is_job: false,
        }
    }

    /// Writes data to stdout. A reader that went away is not an error; any other failure is kept for
    /// [`Console::lost_data`].
    pub fn data(&self, text: &str) {
        if let Err(error) = write(&self.out, text)
            && error.kind() != std::io::ErrorKind::BrokenPipe
        {
            *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
    }

    /// Returns why data did not reach stdout, if it did not.
    pub fn lost_data(&self) -> Option<std::io::Error> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Says something to people, unless they asked for quiet.
    pub fn say(&self, text: &str) {
        if self.volume >= Volume::Normal {
            self.complain(text);
        }
    }

    /// Says something to people, even if they asked for quiet.
    pub fn complain(&self, text: &str) {
        match self.is_job {
            true => tell(&self.err, &inert(text)),
            false => tell(&self.err, text),
        }
    }

    /// Writes one command to the runner of a job, which is to obey it.
    pub fn command(&self, line: &str) {
        tell(&self.err, &format!("{line}\n"));
    }

    /// Asks a yes-or-no question. Without a person the answer is no.
    pub fn ask(&self, question: &str) -> bool {
        if !self.can_ask {
            return false;
        }
        tell(&self.err, &format!("{question} [y/N] "));
        let mut answer = String::new();
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        match input.read_line(&mut answer) {
            Ok(_) => matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"),
            Err(_) => false,
        }
    }

    /// Asks for a line. Nothing comes back without a person, or once they have hung up.
    pub fn answer(&self, question: &str) -> Option<String> {
        if !self.can_ask {
            return None;
        }
        tell(&self.err, question);
        let mut answer = String::new();
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        match input.read_line(&mut answer) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(answer.trim().to_owned()),
        }
    }
}

/// Returns text of which the runner of a GitHub Actions job obeys no line: it takes commands from lines
/// that begin with `::`, after any white space, and in its older form (`##[`) from anywhere in a line.
fn inert(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive(['\n', '\r']) {
        let rest = line.trim_start();
        let (space, rest) = line.split_at(line.len() - rest.len());
        out.push_str(space);
        if rest.starts_with("::") {
            out.push('\\');
        }
        out.push_str(&rest.replace("##[", "#\\#["));
    }
    out
}

fn write(stream: &Mutex<Box<dyn Write + Send>>, text: &str) -> std::io::Result<()> {
    let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
    stream.write_all(text.as_bytes()).and_then(|()| stream.flush())
}

/// Writes to people. When nobody listens any more there is nobody to tell, either.
fn tell(stream: &Mutex<Box<dyn Write + Send>>, text: &str) {
    let _ = write(stream, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that fails in one way.
    struct Failing(std::io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn data_that_could_not_be_written_is_noticed_unless_nobody_reads() {
        let lost = |kind| {
            let console =
                Console::new(Box::new(Failing(kind)), Box::new(Vec::new()), Box::new(std::io::empty()));
            console.data("{}");
            console.lost_data().map(|error| error.kind())
        };
        let full = std::io::ErrorKind::StorageFull;
        assert_eq!(lost(full), Some(full));
        assert_eq!(lost(std::io::ErrorKind::BrokenPipe), None);
    }

    #[test]
    fn no_line_of_a_job_is_a_command() {
        let text = "::error::a\n  \u{a0}::set-output name=x::y\r::z\n│ ##[add-mask]b\na::b #[c]\n";
        let told = inert(text);
        assert_eq!(
            told,
            "\\::error::a\n  \u{a0}\\::set-output name=x::y\r\\::z\n│ #\\#[add-mask]b\na::b #[c]\n"
        );
    }
}
