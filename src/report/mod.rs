//! What a finished run tells people and programs.
