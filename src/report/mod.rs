//! What plans and runs tell people and programs.
//!
//! Everything here is made from a plan and a journal alone, so a run that was killed and continued
//! reports the same as one that was not.

pub mod plan_view;
pub mod plan_text;
pub mod run_view;
pub mod run_text;
pub mod gates_text;
pub mod fates;
pub mod kept;
pub mod fates_text;
pub mod review_text;
pub mod three_way;
pub mod life;
pub mod html;
pub mod comment;
pub mod life_text;
pub mod diff_text;
pub mod markdown;
pub mod junit;
pub mod test_text;
pub mod words;
