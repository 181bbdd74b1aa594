//! What this process is to others that work on the same state: its machine, and the page of its CI run.

use crate::report::words::line;
use crate::state::lease::Who;

use super::Call;

/// Where Linux keeps the name of a machine.
const NAME_FILE: &str = "/proc/sys/kernel/hostname";
/// The variables that may name it elsewhere.
const NAMES: [&str; 2] = ["HOSTNAME", "COMPUTERNAME"];
/// The variables in which CI systems give the page of the run itself.
const PAGES: [&str; 4] = ["CI_JOB_URL", "BUILDKITE_BUILD_URL", "CIRCLE_BUILD_URL", "BUILD_URL"];
/// The most characters that are kept of either.
const LIMIT: usize = 300;

/// Returns what this machine is called.
pub(super) fn name() -> String {
    let kept = std::fs::read_to_string(NAME_FILE).ok();
    let name = kept.or_else(|| NAMES.iter().find_map(|name| std::env::var(name).ok()));
    name.map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "a machine without a name".to_owned())
}

/// Returns this process, as people find it.
pub(super) fn who(call: &Call<'_>) -> Who {
    let (machine, pid) = call.parts.process();
    Who { machine: kept(&machine), pid, run_url: page(&|name| call.variable(name)).map(|url| kept(&url)) }
}

fn kept(text: &str) -> String {
    line(text).chars().take(LIMIT).collect()
}

/// Returns the page of the CI run that this process belongs to, if the environment tells.
fn page(variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let is_page = |url: &String| url.starts_with("https://") || url.starts_with("http://");
    let github = || {
        let [server, repository, run] =
            ["GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"].map(variable);
        let page = format!("{}/{}/actions/runs/{}", server?, repository?, run?);
        Some(match variable("GITHUB_RUN_ATTEMPT") {
            Some(attempt) => format!("{page}/attempts/{attempt}"),
            None => page,
        })
    };
    github().filter(is_page).or_else(|| PAGES.iter().find_map(|name| variable(name).filter(is_page)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ci_run_is_found_by_what_its_system_sets() {
        let of = |set: &[(&str, &str)]| {
            let value =
                |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, to)| (*to).to_owned());
            page(&value)
        };
        let github = [
            ("GITHUB_SERVER_URL", "https://git.example"),
            ("GITHUB_REPOSITORY", "team/memory"),
            ("GITHUB_RUN_ID", "42"),
        ];
        let run = "https://git.example/team/memory/actions/runs/42";
        assert_eq!(of(&github).as_deref(), Some(run));
        let again = [&github[..], &[("GITHUB_RUN_ATTEMPT", "2")]].concat();
        assert_eq!(of(&again), Some(format!("{run}/attempts/2")));
        assert_eq!(
            of(&[("CI_JOB_URL", "https://ci.example/jobs/7")]).as_deref(),
            Some("https://ci.example/jobs/7")
        );
        assert_eq!(of(&[("BUILD_URL", "javascript:alert(1)")]), None);
        assert_eq!(of(&github[1..]), None);
    }
}
