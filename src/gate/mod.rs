//! Gates: rules a candidate must pass.
