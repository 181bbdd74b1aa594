//! What to do after a request that brought no usable answer: a pure function of what happened.

use std::time::Duration;

use super::outcome::Failed;

/// The most attempts at one request, the first included.
const ATTEMPTS: u32 = 6;
/// How many times the first wait the longest one is that nobody asked for.
const SLOWEST: u32 = 16;
/// The longest wait that a server may ask for. One that wants more is not waited for: the caller is told.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// What a request does, and so what repeating it would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing: it may be repeated at will.
    Reads,
    /// The same once or many times: a write that names what it expects, a delete, a cancel.
    Settles,
    /// What was read before is put in the place of whatever is there now: whoever asks must read again before
    /// it is repeated.
    Overwrites,
    /// Something new each time: never repeated once it may have left the process.
    Creates,
}

/// Returns how long to wait before the next attempt, or nothing if this was the last.
///
/// `first` is the wait before the second attempt, which doubles with each one. `attempt` counts from 1; `jitter` is in `0.0..1.0` and shortens the wait by up to a quarter, so that
/// many clients do not come back at once.
pub(super) fn next_wait(
    effect: Effect,
    failed: &Failed,
    attempt: u32,
    first: Duration,
    jitter: f64,
) -> Option<Duration> {
    if attempt >= ATTEMPTS || effect == Effect::Overwrites {
        return None;
    }
    let doubled = first * 2_u32.pow(attempt.saturating_sub(1)).min(SLOWEST);
    let backoff = doubled.mul_f64(1.0 - jitter / 4.0);
    match failed {
        Failed::NotSent { is_passing, .. } => is_passing.then_some(backoff),
        Failed::Unanswered { is_passing, .. } => {
            (matches!(effect, Effect::Reads | Effect::Settles) && *is_passing).then_some(backoff)
        }
        Failed::Refused(refused) => {
            let is_repeatable = match effect {
                // Only a 429 says that nothing was created. What the server thinks of repeating any other
                // answer is not worth a second bill.
                Effect::Creates => refused.status == 429 && refused.should_retry != Some(false),
                Effect::Overwrites => false,
                Effect::Reads | Effect::Settles => {
                    let by_status = matches!(refused.status, 408 | 429) || refused.status >= 500;
                    refused.should_retry.unwrap_or(by_status)
                }
            };
            if refused.is_spent() || !is_repeatable {
                return None;
            }
            match refused.retry_after {
                Some(asked) => (asked <= PATIENCE).then(|| asked.max(Duration::from_millis(1))),
                None => Some(backoff),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::outcome::Refused;
    use super::*;

    const FIRST: Duration = Duration::from_millis(500);

    fn refused(status: u16) -> Refused {
        Refused { status, ..Refused::default() }
    }

    fn is_repeated(effect: Effect, failed: &Failed) -> bool {
        next_wait(effect, failed, 1, FIRST, 0.0).is_some()
    }

    #[test]
    fn what_may_be_repeated_depends_on_what_it_does_and_where_it_was_lost() {
        use Effect::{Creates, Reads, Settles};
        let not_sent = Failed::not_sent("refused");
        let unanswered = Failed::unanswered("reset");
        for effect in [Reads, Settles, Creates] {
            assert!(is_repeated(effect, &not_sent), "{effect:?}");
            assert_eq!(is_repeated(effect, &unanswered), effect != Creates, "{effect:?}");
            assert!(is_repeated(effect, &Failed::Refused(refused(429).into())), "{effect:?}");
            for status in [400, 401, 402, 403, 404, 409, 412, 413, 422] {
                assert!(
                    !is_repeated(effect, &Failed::Refused(refused(status).into())),
                    "{effect:?} {status}"
                );
            }
        }
        for status in [408, 500, 502, 503, 504, 529] {
            assert!(is_repeated(Reads, &Failed::Refused(refused(status).into())), "{status}");
            assert!(!is_repeated(Creates, &Failed::Refused(refused(status).into())), "{status}");
        }
    }

    #[test]
    fn no_word_of_the_server_has_a_create_repeated_that_may_have_had_its_effect() {
        for status in [400, 408, 409, 500, 502, 503, 504, 529] {
            for should_retry in [None, Some(true), Some(false)] {
                let refused = Refused { should_retry, ..refused(status) };
                assert!(
                    !is_repeated(Effect::Creates, &Failed::Refused(refused.into())),
                    "{status} {should_retry:?}"
                );
            }
        }
        let no = Refused { should_retry: Some(false), ..refused(429) };
        assert!(!is_repeated(Effect::Creates, &Failed::Refused(no.into())));
    }

    #[test]
    fn the_server_has_the_last_word_on_repeating_what_does_no_harm() {
        let yes = Refused { should_retry: Some(true), ..refused(409) };
        assert!(is_repeated(Effect::Settles, &Failed::Refused(yes.into())));
        let no = Refused { should_retry: Some(false), ..refused(503) };
        assert!(!is_repeated(Effect::Reads, &Failed::Refused(no.into())));
        let spent = Refused { code: Some("enforced_spend_limit_reached".to_owned()), ..refused(429) };
        assert!(!is_repeated(Effect::Reads, &Failed::Refused(spent.into())));
    }

    #[test]
    fn waits_double_up_to_a_limit_and_are_shortened_by_chance() {
        let failed = Failed::unanswered("reset");
        let waits: Vec<u128> = (1..=6)
            .map_while(|attempt| next_wait(Effect::Reads, &failed, attempt, FIRST, 0.0))
            .map(|wait| wait.as_millis())
            .collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000]);
        assert_eq!(next_wait(Effect::Reads, &failed, 1, FIRST, 1.0), Some(Duration::from_millis(375)));
    }

    #[test]
    fn a_wait_that_was_asked_for_is_kept_unless_it_is_too_long() {
        let asked = |seconds| {
            let wait = Duration::from_secs(seconds);
            let failed = Failed::Refused(Refused { retry_after: Some(wait), ..refused(429) }.into());
            next_wait(Effect::Creates, &failed, 1, FIRST, 0.5)
        };
        assert_eq!(asked(7), Some(Duration::from_secs(7)));
        assert_eq!(asked(120), Some(PATIENCE));
        assert_eq!(asked(3600), None);
    }
}
