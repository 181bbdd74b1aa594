//! Running `git` so that nothing but what is asked for happens: no hooks, no prompts, no signatures, no
//! housekeeping, and an end after a while.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// How long one command may take, the network included.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Settings that stand above those of the user and the repository. Credentials and addresses stay theirs.
const SETTINGS: [&str; 15] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "commit.gpgSign=false",
    "push.gpgSign=false",
    "push.followTags=false",
    "push.recurseSubmodules=no",
    "push.pushOption=",
    "fetch.recurseSubmodules=false",
    "fetch.writeCommitGraph=false",
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.pushUpdateRejected=false",
    "color.ui=false",
    // A folder of a pull request that looks like a bare repository has a say in nothing.
    "safe.bareRepository=explicit",
];

/// Variables by which a surrounding `git` would have us work elsewhere.
const FOREIGN: [&str; 11] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
];

/// How `git` is run.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    /// The folder it is run in.
    pub(crate) folder: PathBuf,
    /// How long one command may take.
    pub(crate) patience: Duration,
    /// Variables beside those of the process.
    pub(crate) variables: Vec<(String, String)>,
}

/// What a command said before it ended.
#[derive(Debug)]
pub(crate) struct Said {
    /// Whether it succeeded.
    pub(crate) is_good: bool,
    /// What it wrote as data.
    pub(crate) out: Vec<u8>,
    /// What it complained of.
    pub(crate) talk: String,
}

impl Said {
    /// Returns what it wrote as one line of text.
    pub(crate) fn line(&self) -> String {
        String::from_utf8_lossy(&self.out).trim().to_owned()
    }

    /// Returns what it complained of, fit to be shown.
    pub(crate) fn complaint(&self) -> String {
        presentable(&self.talk)
    }
}

impl Git {
    /// Runs a command to its end.
    ///
    /// # Errors
    ///
    /// Says why it could not be started, or that it took too long. Then nobody knows what it did.
    pub(crate) async fn run(&self, arguments: &[&str], input: &[u8]) -> Result<Said, String> {
        let mut child = self.start(arguments).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "there is no `git` on this machine".to_owned(),
            _ => format!("could not run git: {error}"),
        })?;
        match tokio::time::timeout(self.patience, talk(&mut child, input)).await {
            Ok(said) => said.map_err(|error| format!("could not talk to git: {error}")),
            Err(_) => {
                end(&child);
                Err(format!("git gave no answer within {} s", self.patience.as_secs_f32()))
            }
        }
    }

    fn start(&self, arguments: &[&str]) -> std::io::Result<Child> {
        let mut command = Command::new("git");
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        for variable in FOREIGN {
            command.env_remove(variable);
        }
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // Of its own group, so that Ctrl-C does not cut a push, and its helpers end with it.
        #[cfg(unix)]
        command.process_group(0);
        command.spawn()
    }
}

async fn talk(child: &mut Child, input: &[u8]) -> std::io::Result<Said> {
    let (mut stdin, mut stdout, mut stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (mut out, mut talk) = (Vec::new(), Vec::new());
    let write = async {
        if let Some(pipe) = &mut stdin {
            // One that ends early says why on its own.
            let _cut = pipe.write_all(input).await;
        }
        drop(stdin);
        Ok(0)
    };
    let read_out = async {
        match &mut stdout {
            Some(pipe) => pipe.read_to_end(&mut out).await,
            None => Ok(0),
        }
    };
    let read_talk = async {
        match &mut stderr {
            Some(pipe) => pipe.read_to_end(&mut talk).await,
            None => Ok(0),
        }
    };
    tokio::try_join!(write, read_out, read_talk)?;
    let status = child.wait().await?;
    Ok(Said { is_good: status.success(), out, talk: String::from_utf8_lossy(&talk).into_owned() })
}

/// Ends a command and whatever it started.
fn end(child: &Child) {
    #[cfg(unix)]
    if let Some(group) =
        child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw)
    {
        // It may just have ended by itself.
        let _gone = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    #[cfg(not(unix))]
    let _ = child;
}

/// Returns the last lines of a talk without what belongs to a terminal or opens a door.
fn presentable(talk: &str) -> String {
    let lines: Vec<String> = talk
        .lines()
        .map(|line| line.chars().filter(|c| !c.is_control()).collect::<String>())
        .map(|line| without_credentials(line.trim()))
        .filter(|line| !line.is_empty())
        .collect();
    match lines.as_slice() {
        [] => "git gave no reason".to_owned(),
        lines => lines[lines.len().saturating_sub(3)..].join("; "),
    }
}

/// Cuts what stands before an `@` in the addresses of a line.
fn without_credentials(line: &str) -> String {
    let mut shown = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let end = after.find(['/', ' ', '\'', '"']).unwrap_or(after.len());
        rest = match after[..end].rfind('@') {
            Some(at) => &after[at + 1..],
            None => after,
        };
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_holds_no_credentials_and_no_escapes() {
        let talk = "\u{1b}[31mfatal: unable to access 'https://me:hunter2@host/x.git/': no\nremote: a@b\n\n";
        assert_eq!(presentable(talk), "[31mfatal: unable to access 'https://host/x.git/': no; remote: a@b");
        assert_eq!(presentable("\n"), "git gave no reason");
    }

    #[tokio::test]
    async fn a_command_that_hangs_ends_with_its_helpers() {
        let folder = tempfile::tempdir().unwrap();
        let alive = folder.path().join("alive");
        let git = Git {
            folder: folder.path().to_owned(),
            patience: Duration::from_millis(300),
            variables: Vec::new(),
        };
        // The helper holds the pipes and would outlive git.
        let alias = format!("alias.hang=!mkfifo '{0}'; exec 3<>'{0}'; cat <&3", alive.display());
        let refused = git.run(&["-c", &alias, "hang"], b"").await.unwrap_err();
        assert_eq!(refused, "git gave no answer within 0.3 s");
    }
}
