//! Rules: what files of the project say that gates go by, read when a candidate is judged.

use crate::ledger::forget::ForgetList;
use crate::spec::probes::ProbeList;

/// The rule files of a run: none where no gate asks, and why where one could not be read.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// The store's forget list.
    pub forget: Option<Result<ForgetList, String>>,
    /// The pipeline's probes.
    pub probes: Option<Result<ProbeList, String>>,
}

impl Rules {
    /// Returns the forget list, if there is one and it could be read.
    pub fn forget_list(&self) -> Option<&ForgetList> {
        self.forget.as_ref()?.as_ref().ok()
    }
}
