//! Saved plans: what `plan --out` writes and `apply --plan` carries out, to the letter.
//!
//! One JSON document. It holds the plans of one or more pipelines, what they were made from, and the facts a
//! later look is compared with ([`super::stale`]). It holds no memory text, no transcript and no credential;
//! of rendered instructions it holds the hash, and they are rendered again when they are needed.
//!
//! `sha256` is the last field: the hash of the document's bytes with these 64 digits as zeros. It guards
//! against damage, truncation and edits by hand, and not against forgery: whoever can write the file can
//! plan. `id` is made from the content, so that one plan has one id wherever it is copied to.
//!
//! History of the format:
//!
//! * 1.0: the first.
//!
//! A newer format is refused, also a minor one: a plan that is not understood to its end must not be run.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{PipelineName, PlanId, SessionId};
use crate::memory::ContentHash;
use crate::price::ModelPrice;
use crate::session::SessionSize;
use crate::spec::pipeline::{GateSpec, Pipeline};
use crate::state::alias::Origin;

use super::Plan;
use super::facts::Facts;
use super::report::PlanReport;

/// The format this version writes and reads.
pub const FORMAT: (u32, u32) = (1, 0);

/// The word that tells a saved plan from other documents.
const KIND: &str = "saved_plan";
/// What stands before the digest.
const DIGEST: &str = "\"sha256\": \"";
/// The digits of a digest.
const DIGITS: usize = 64;

/// A saved plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedPlan {
    /// The format, `major.minor`.
    pub format_version: String,
    /// Always `saved_plan`.
    pub kind: String,
    /// Its id, which it can be used up by once.
    pub id: PlanId,
    /// When it was made.
    pub made_at: Timestamp,
    /// What made it, and where.
    pub made_by: MadeBy,
    /// The plans, ordered by pipeline.
    pub pipelines: Vec<SavedPipeline>,
    /// The hash of this document with zeros in place of these digits.
    pub sha256: String,
}

/// What made a saved plan, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MadeBy {
    /// The version of dreamrun.
    pub dreamrun: String,
    /// The profile that was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Where state lay, as the project names it.
    pub state: String,
    /// Where the stores are; none for the local backend of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// The plan of one pipeline, and the facts it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedPipeline {
    /// The pipeline's file, relative to the project.
    pub file: String,
    /// What a run does.
    pub plan: Plan,
    /// How much each session held that is read.
    pub sessions: BTreeMap<SessionId, SessionSize>,
    /// What the model cost; none if that was not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<ModelPrice>,
    /// What the live store held. Agents write to it all day, so no plan is stale for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<ContentHash>,
    /// What the planner noticed.
    pub report: PlanReport,
}

/// Why a file is not a saved plan that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SavedPlanError {
    /// It is something else.
    #[error("this is not a saved plan")]
    NotOne,
    /// It is not what was written.
    #[error("the saved plan is damaged: {reason}")]
    Damaged {
        /// What is wrong with it.
        reason: String,
    },
    /// A newer version wrote it.
    #[error("the saved plan has format {found}, this version reads {}.{}", FORMAT.0, FORMAT.1)]
    TooNew {
        /// Its format.
        found: String,
    },
}

impl SavedPipeline {
    /// Takes a plan with the facts it was made from.
    pub fn of(mut plan: Plan, pipeline: &Pipeline, facts: &Facts) -> Self {
        let read: std::collections::BTreeSet<&SessionId> =
            plan.batches.iter().flat_map(|batch| &batch.sessions).collect();
        let listed = facts.sources.values().flat_map(|source| &source.sessions);
        let sessions = listed
            .filter(|session| read.contains(&session.id))
            .map(|session| (session.id.clone(), session.size))
            .collect();
        Self {
            file: pipeline.file.display().to_string(),
            sessions,
            price: facts.prices.price(&plan.model).cloned(),
            live: facts.store.hash,
            report: std::mem::take(&mut plan.report),
            plan,
        }
    }

    /// Returns the plan with what the planner noticed, to be shown.
    pub fn shown(&self) -> Plan {
        Plan { report: self.report.clone(), ..self.plan.clone() }
    }

    /// Says whether the plan is what the pipeline asks for in all that a plan copies from it. One that
    /// names a definition and does something else was put together by hand.
    pub fn is_of(&self, pipeline: &Pipeline) -> bool {
        let plan = &self.plan;
        let gates = |gates: &[GateSpec]| {
            serde_json::to_string(&gates.iter().map(GateSpec::without_places).collect::<Vec<_>>()).ok()
        };
        let read = plan.batches.iter().flat_map(|batch| &batch.sessions);
        (&plan.pipeline, &plan.model) == (&pipeline.name, &pipeline.model)
            && plan.run.pipeline() == &pipeline.name
            && (&plan.store.reference, &plan.adopt) == (&pipeline.store, &pipeline.adopt)
            && (plan.budget, &plan.existing, &plan.saved) == (pipeline.budget, &None, &None)
            && gates(&plan.gates) == gates(&pipeline.gates)
            && read.clone().count() == self.sessions.len()
            && read.clone().all(|session| self.sessions.contains_key(session))
    }
}

impl SavedPlan {
    /// Makes a saved plan and the text to write.
    ///
    /// # Errors
    ///
    /// Fails when a value has no form in JSON.
    pub fn write(
        made_at: Timestamp,
        made_by: MadeBy,
        pipelines: Vec<SavedPipeline>,
    ) -> Result<(Self, String), serde_json::Error> {
        let mut saved = Self {
            format_version: format!("{}.{}", FORMAT.0, FORMAT.1),
            kind: KIND.to_owned(),
            id: content_id(made_at, &made_by, &pipelines)?,
            made_at,
            made_by,
            pipelines,
            sha256: "0".repeat(DIGITS),
        };
        let blank = format!("{}\n", serde_json::to_string_pretty(&saved)?);
        saved.sha256 = ContentHash::of(&blank).to_string();
        Ok((saved.clone(), format!("{}\n", serde_json::to_string_pretty(&saved)?)))
    }

    /// Reads a saved plan.
    ///
    /// # Errors
    ///
    /// Says why it cannot be used. A single byte that is not as it was written is enough.
    pub fn read(bytes: &[u8]) -> Result<Self, SavedPlanError> {
        let damaged = |reason: &str| SavedPlanError::Damaged { reason: reason.to_owned() };
        let text = std::str::from_utf8(bytes).map_err(|_| damaged("it is not UTF-8"))?;
        let value: serde_json::Value = serde_json::from_str(text)
            .map_err(|error| SavedPlanError::Damaged { reason: error.to_string() })?;
        if value["kind"] != KIND {
            return Err(SavedPlanError::NotOne);
        }
        let format = value["format_version"].as_str().unwrap_or_default();
        let numbers = format.split_once('.').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        match numbers {
            None => return Err(damaged("it has no format")),
            Some(found) if found > FORMAT => {
                return Err(SavedPlanError::TooNew { found: format.to_owned() });
            }
            Some(_) => {}
        }
        let (blank, digest) = blanked(text).ok_or_else(|| damaged("it has no digest"))?;
        if ContentHash::of(blank).to_string() != digest {
            return Err(damaged("its content is not what was written"));
        }
        let saved: Self = serde_json::from_value(value)
            .map_err(|error| SavedPlanError::Damaged { reason: error.to_string() })?;
        let id = content_id(saved.made_at, &saved.made_by, &saved.pipelines).ok();
        if id.as_ref() != Some(&saved.id) || saved.pipelines.is_empty() {
            return Err(damaged("its id is not that of its content"));
        }
        Ok(saved)
    }

    /// Returns the part of a pipeline.
    pub fn part(&self, pipeline: &PipelineName) -> Option<&SavedPipeline> {
        self.pipelines.iter().find(|part| part.plan.pipeline == *pipeline)
    }
}

fn content_id(
    made_at: Timestamp,
    made_by: &MadeBy,
    pipelines: &[SavedPipeline],
) -> Result<PlanId, serde_json::Error> {
    serde_json::to_vec(&(made_at, made_by, pipelines)).map(|content| PlanId::of(&content))
}

/// Returns a document with its digest blanked out, and the digest.
fn blanked(text: &str) -> Option<(String, &str)> {
    let from = text.rfind(DIGEST)? + DIGEST.len();
    let digest = text.get(from..from + DIGITS)?;
    let blank = [text.get(..from)?, &"0".repeat(DIGITS), text.get(from + DIGITS..)?].concat();
    Some((blank, digest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{facts, noon, pipeline, sessions};
    use super::super::{plan, rendered_again};
    use super::*;
    use crate::spec::pipeline::Template;

    fn made_by() -> MadeBy {
        let state = ".dreamrun/state.db".to_owned();
        MadeBy { dreamrun: "0.1.0".to_owned(), profile: Some("ci".to_owned()), state, origin: None }
    }

    /// Saves a plan over so many sessions, two a dream.
    fn saved(count: u32) -> (SavedPlan, String) {
        let mut pipeline = pipeline();
        pipeline.batch.size = 2;
        pipeline.instructions = Some(Template::new("zebra {{ batch.index }}"));
        let facts = facts(sessions(count));
        let part = SavedPipeline::of(plan(&pipeline, &facts).unwrap(), &pipeline, &facts);
        assert!(part.is_of(&pipeline));
        SavedPlan::write(noon(), made_by(), vec![part]).unwrap()
    }

    #[test]
    fn a_plan_reads_back_as_it_was_written_but_for_the_words_of_its_instructions() {
        for count in [0, 1, 5] {
            let (saved, text) = saved(count);
            let read = SavedPlan::read(text.as_bytes()).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::to_value(&saved).unwrap());
            let mut pipeline = pipeline();
            pipeline.batch.size = 2;
            pipeline.instructions = Some(Template::new("zebra {{ batch.index }}"));
            let again = rendered_again(&pipeline, &read.pipelines[0].plan);
            let planned: Vec<_> =
                saved.pipelines[0].plan.batches.iter().map(|b| b.instructions.clone()).collect();
            assert_eq!(again, planned);
        }
    }

    #[test]
    fn it_holds_no_words_of_instructions() {
        let (saved, text) = saved(5);
        assert_eq!(saved.pipelines[0].plan.batches.len(), 3);
        assert!(!text.contains("zebra"), "{text}");
    }

    #[test]
    fn the_same_plan_has_the_same_id_and_another_one_another() {
        assert_eq!(saved(5), saved(5));
        assert_ne!(saved(5).0.id, saved(4).0.id);
    }

    proptest! {
        #[test]
        fn any_damaged_byte_is_noticed(at in any::<prop::sample::Index>(), bits in 1_u8..) {
            let (_, text) = saved(3);
            let mut bytes = text.into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= bits;
            prop_assert!(SavedPlan::read(&bytes).is_err(), "byte {}", at);
        }

        #[test]
        fn a_torn_or_continued_plan_is_noticed(at in any::<prop::sample::Index>(), more in "[ \\n}]{1,3}") {
            let (_, text) = saved(3);
            let cut = at.index(text.len());
            prop_assert!(SavedPlan::read(&text.as_bytes()[..cut]).is_err(), "cut at {}", cut);
            let longer = [text, more].concat();
            prop_assert!(SavedPlan::read(longer.as_bytes()).is_err());
        }
    }

    #[test]
    fn a_plan_that_is_sealed_again_after_an_edit_still_has_another_id() {
        let (_, text) = saved(3);
        let edited = text.replacen("\"offline\"", "\"dearest\"", 1);
        let (blank, digest) = blanked(&edited).unwrap();
        let sealed = edited.replace(digest, &ContentHash::of(blank).to_string());
        let error = SavedPlan::read(sealed.as_bytes()).unwrap_err();
        assert!(error.to_string().ends_with("its id is not that of its content"), "{error}");
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let (_, text) = saved(3);
        let newer = text.replacen("\"1.0\"", "\"1.1\"", 1);
        let table = [
            ("{\"kind\": \"plan\"}".to_owned(), "this is not a saved plan"),
            ("[]".to_owned(), "this is not a saved plan"),
            (newer, "the saved plan has format 1.1, this version reads 1.0"),
            (text.replacen("\"1.0\"", "\"one\"", 1), "the saved plan is damaged: it has no format"),
            (text.replace(DIGEST, "\"sha\": \""), "the saved plan is damaged: it has no digest"),
        ];
        for (text, expected) in table {
            assert_eq!(SavedPlan::read(text.as_bytes()).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_plan_that_does_otherwise_than_the_pipeline_it_names_is_not_of_it() {
        let pipeline = pipeline();
        let facts = facts(sessions(3));
        let part = SavedPipeline::of(plan(&pipeline, &facts).unwrap(), &pipeline, &facts);
        let changes: [fn(&mut SavedPipeline); 6] = [
            |part| part.plan.model = "claude-opus-5".to_owned(),
            |part| part.plan.gates.clear(),
            |part| part.plan.budget = Some(crate::price::Usd::from_micros(1)),
            |part| part.plan.adopt.drift = crate::spec::pipeline::Drift::Block,
            |part| _ = part.plan.batches[0].sessions.pop(),
            |part| part.plan.pipeline = PipelineName::parse("weekly").unwrap(),
        ];
        for (place, change) in changes.into_iter().enumerate() {
            let mut changed = part.clone();
            change(&mut changed);
            assert!(!changed.is_of(&pipeline), "change {place}");
        }
        assert!(part.is_of(&pipeline));
    }
}
