//! New ids: the API's prefixes before a time-ordered number, so that sorting by id follows creation.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::ids::{DreamId, MemoryStoreId, MemoryVersionId, SessionId};

/// 36 to this power is the first above 2 to the 128th.
const DIGITS: usize = 25;
const PRINTABLE: &str = "minted ids are printable ASCII";

pub(super) fn memory_store() -> MemoryStoreId {
    MemoryStoreId::parse(mint("memstore_")).expect(PRINTABLE)
}

pub(super) fn memory() -> String {
    mint("mem_")
}

pub(super) fn memory_version() -> MemoryVersionId {
    MemoryVersionId::parse(mint("memver_")).expect(PRINTABLE)
}

pub(super) fn dream() -> DreamId {
    DreamId::parse(mint("drm_")).expect(PRINTABLE)
}

pub(super) fn session() -> SessionId {
    SessionId::parse(mint("sesn_")).expect(PRINTABLE)
}

pub(super) fn event() -> String {
    mint("sevt_")
}

pub(super) fn session_resource() -> String {
    mint("sesrsc_")
}

pub(super) fn outcome() -> String {
    mint("outc_")
}

pub(super) fn agent() -> String {
    mint("agent_")
}

pub(super) fn environment() -> String {
    mint("env_")
}

pub(super) fn deployment() -> String {
    mint("depl_")
}

pub(super) fn deployment_run() -> String {
    mint("drun_")
}

/// Mints an id of any kind.
pub(crate) fn mint(prefix: &str) -> String {
    written(prefix, Uuid::now_v7().as_u128())
}

/// Returns an id that follows from a text: the same one for the same text.
pub(super) fn derived(prefix: &str, text: &str) -> String {
    let hash: [u8; 32] = Sha256::digest(text).into();
    let number = hash[..16].iter().fold(0, |number, byte| number << 8 | u128::from(*byte));
    written(prefix, number)
}

fn written(prefix: &str, mut rest: u128) -> String {
    let mut digits = ['0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = char::from_digit((rest % 36) as u32, 36).unwrap_or('0');
        rest /= 36;
    }
    prefix.chars().chain(digits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_id_is_the_same_for_the_same_text() {
        let id = derived("mem_", "a");
        assert_eq!((id.len(), &id), ("mem_".len() + DIGITS, &derived("mem_", "a")));
        assert_ne!(id, derived("mem_", "b"));
    }

    #[test]
    fn ids_sort_as_they_were_minted() {
        let ids: Vec<String> = (0..1_000).map(|_| mint("drm_")).collect();
        assert!(ids.is_sorted());
        assert_eq!(ids[0].len(), "drm_".len() + DIGITS);
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
