//! Files exactly as a person types them: one optional key per kind, unknown keys refused.
//!
//! The doc comments of the fields are what people read in their editor, through the JSON Schemas
//! generated from these types. Nothing here is checked beyond its shape; `check` does that.

mod decisions;
mod forget;
mod fixture;
mod gates;
mod guards;
mod pipeline;
mod probes;
mod project;
mod scalar;

pub use decisions::{AuthoredDecision, AuthoredDecisions, DecisionWord};
pub use fixture::{
    AuthoredCase, AuthoredExpect, AuthoredFates, AuthoredLive, AuthoredLosses, AuthoredPlanCase,
    AuthoredPlanExpect, AuthoredRendered, AuthoredSaying, AuthoredSessionList, AuthoredStoreText,
    AuthoredTests, AuthoredWaiting,
};
pub use forget::{AuthoredForgetFile, AuthoredForgetRule};
pub use gates::{
    AuthoredAssertion, AuthoredBytes, AuthoredCost, AuthoredGates, AuthoredLimits, AuthoredLost,
    AuthoredLostClass, AuthoredPolicyRule, AuthoredProtected, AuthoredSizeReduction, AuthoredThresholds,
};
pub use guards::{AuthoredInjection, AuthoredInjectionKinds, AuthoredProbes, LevelOrOff, ProbeJudge};
pub use pipeline::{
    AuthoredAdopt, AuthoredBatch, AuthoredBudget, AuthoredInput, AuthoredPipeline, AuthoredSchedule,
    AuthoredSessions, AuthoredSource, TargetWord,
};
pub use probes::{AuthoredProbe, AuthoredProbeFile};
pub use project::{
    AuthoredBackend, AuthoredLedger, AuthoredNotification, AuthoredPrice, AuthoredProfile, AuthoredProject,
    AuthoredStore, AuthoredWebhook, BackendWord, NotifyWord,
};
pub use scalar::{AuthoredBackendOrWord, AuthoredLossLimit, AuthoredPin, AuthoredThreshold};
