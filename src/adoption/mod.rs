//! Adoption: making a candidate the live store.
