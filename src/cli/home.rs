//! Bare `dreamrun`: where things stand, and the likely next commands.

use super::Call;
use super::answer::Answer;
use super::exit::CliError;
use super::status;
use super::workspace::Workspace;

pub(super) async fn run(call: &Call<'_>) -> Result<Answer, CliError> {
    let workspace = Workspace::open_valid(call)?;
    let state = workspace.state_read_only(call).await?;
    let status = status::read(call, &workspace, state.as_deref(), &[]).await?;
    let console = &call.console;
    console.say(&status::text(&status, call));
    console.say("\n");
    for (command, what) in status.next_commands() {
        console.say(&format!("  {command:<36} {}\n", console.paint.dim(&what)));
    }
    console.say(&format!("  {:<36} {}\n", "dreamrun --help", console.paint.dim("every command")));
    Ok(Answer::new("status", status))
}
