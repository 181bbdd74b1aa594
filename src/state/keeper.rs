//! The one who keeps the lease of an alias for this process, and the only one who changes an alias.
//!
//! A change is written only onto a record in which the lease is this process's own. Between the writes, time
//! decides: [`Keeper::under`] carries an action on only while the lease was renewed so lately, by this
//! process's own clocks, that nobody can have broken it. A process that was paused therefore does nothing
//! before it has asked state whether it still has the lease.
//!
//! What remains is a pause of more than the rest of the lease's time between that look and the system call
//! it allows. Writes to state are conditional and fail then; a dream that is asked for so late is one too many, and
//! no journal knows of it.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::clock::{Clock, Monotonic};
use crate::ids::Alias;

use super::alias::{self, AliasRecord};
use super::lease::{Lease, Watch, Who, acting_time, beat_time};
use super::{PutIf, StateError, StateStore};

/// What a process is to others that work on the same state.
#[derive(Clone)]
pub struct Tenant {
    /// As people find it.
    pub who: Who,
    /// The lock folder in which it holds the driver lock of the alias for as long as it uses its keeper; none
    /// if it does not.
    pub domain: Option<String>,
    /// How long its leases hold.
    pub time: Duration,
    /// Measures that time.
    pub monotonic: Arc<dyn Monotonic>,
    /// The hour, for people; and a second witness of time that passed, where a machine slept.
    pub clock: Arc<dyn Clock>,
}

/// What came of asking for the lease.
#[derive(Debug)]
pub enum Taken {
    /// It is ours, and this is the alias.
    Yes(Box<AliasRecord>),
    /// Another process has it.
    HeldBy(Box<Lease>),
    /// There is no such alias.
    NoAlias,
}

/// Keeps the lease of one alias.
pub struct Keeper {
    alias: Alias,
    tenant: Tenant,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Our holding. It is there from when it may be in state until it is sure not to be.
    nonce: Option<String>,
    /// When the last beat that is in state began to be written, on both clocks; none while we do not hold it.
    beaten: Option<(Duration, Timestamp)>,
    since: Option<Timestamp>,
    /// Whether it is gone because we gave it back.
    is_given_back: bool,
    section: String,
    watch: Watch,
}

impl Keeper {
    /// Makes a keeper that holds nothing yet.
    pub fn new(alias: Alias, tenant: Tenant) -> Self {
        Self { alias, tenant, inner: Mutex::default() }
    }

    /// Returns the alias.
    pub fn alias(&self) -> &Alias {
        &self.alias
    }

    /// Returns this process, as people find it.
    pub fn who(&self) -> &Who {
        &self.tenant.who
    }

    /// Returns how much time has passed, whatever happens to the hour.
    pub fn elapsed(&self) -> Duration {
        self.tenant.monotonic.elapsed()
    }

    /// Says whether this process has the lease, as far as it knows.
    pub fn is_held(&self) -> bool {
        self.inner().beaten.is_some()
    }

    /// Says whether the lease is ours beyond doubt: it was renewed so lately that nobody can have broken it.
    pub fn is_fresh(&self) -> bool {
        self.age().is_some_and(|age| age < acting_time(self.tenant.time))
    }

    /// Looks at a lease that another process has and returns how long it has to stay as it is until this one
    /// may take it; zero if it may now.
    pub fn look(&self, lease: &Lease) -> Duration {
        if self.is_dead(lease) || self.inner().nonce.as_ref() == Some(&lease.nonce) {
            return Duration::ZERO;
        }
        let at = self.elapsed();
        self.inner().watch.look(lease, at)
    }

    /// Takes the lease and changes the alias in the same write. Held already, it is renewed. `change` may
    /// refuse by an error, and then nothing is written.
    ///
    /// # Errors
    ///
    /// Fails as `change` does, or when state cannot be read or written.
    pub async fn take<E: From<StateError>>(
        &self,
        state: &dyn StateStore,
        section: &str,
        mut change: impl FnMut(&mut AliasRecord) -> Result<(), E>,
    ) -> Result<Taken, E> {
        loop {
            let Some((mut record, version)) = alias::read(state, &self.alias).await? else {
                return Ok(Taken::NoAlias);
            };
            if let Some(lease) = &record.lease
                && !self.look(lease).is_zero()
            {
                return Ok(Taken::HeldBy(Box::new(lease.clone())));
            }
            change(&mut record)?;
            let began = self.now();
            record.lease = Some(self.next_lease(section, record.lease.as_ref()));
            match alias::write(state, &self.alias, &record, PutIf::Version(version)).await {
                Ok(_) => {
                    self.note_beat(&record, began);
                    return Ok(Taken::Yes(Box::new(record)));
                }
                Err(StateError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Changes the alias by `change`, from whatever it is now, and returns what it became; nothing if there
    /// is no such alias. `change` sees the newest record each time and says whether anything is to be
    /// written, which also renews the lease.
    ///
    /// # Errors
    ///
    /// [`StateError::LeaseLost`] when something is to be written and the lease is not ours; or as `change`
    /// does, or when state cannot be read or written.
    pub async fn update<E: From<StateError>>(
        &self,
        state: &dyn StateStore,
        mut change: impl FnMut(&mut AliasRecord) -> Result<bool, E>,
    ) -> Result<Option<AliasRecord>, E> {
        loop {
            let Some((mut record, version)) = alias::read(state, &self.alias).await? else { return Ok(None) };
            if !change(&mut record)? {
                return Ok(Some(record));
            }
            self.demand(&record)?;
            let began = self.now();
            let section = self.inner().section.clone();
            record.lease = Some(self.next_lease(&section, record.lease.as_ref()));
            match alias::write(state, &self.alias, &record, PutIf::Version(version)).await {
                Ok(_) => {
                    self.note_beat(&record, began);
                    return Ok(Some(record));
                }
                Err(StateError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Makes sure that the lease is ours, renewing it where too much time has passed to know.
    ///
    /// # Errors
    ///
    /// [`StateError::LeaseLost`] when it is not, or there is no such alias; or when state cannot be read or written.
    pub async fn confirm(&self, state: &dyn StateStore) -> Result<(), StateError> {
        if self.is_fresh() {
            return Ok(());
        }
        match self.update(state, |_| Ok::<_, StateError>(true)).await? {
            Some(_) => Ok(()),
            None => Err(self.lost()),
        }
    }

    /// Says what is being done from now on. State learns it with the next beat.
    pub fn turn_to(&self, section: &str) {
        section.clone_into(&mut self.inner().section);
    }

    /// Gives the lease back, if it is ours, and changes the alias in the same write. `change` says whether it
    /// has anything to write; without the lease it must not.
    ///
    /// # Errors
    ///
    /// As [`Keeper::update`].
    pub async fn give_back<E: From<StateError>>(
        &self,
        state: &dyn StateStore,
        mut change: impl FnMut(&mut AliasRecord) -> Result<bool, E>,
    ) -> Result<(), E> {
        loop {
            let Some((mut record, version)) = alias::read(state, &self.alias).await? else { break };
            let is_ours = self.owns(&record);
            if change(&mut record)? {
                self.demand(&record)?;
            } else if !is_ours {
                break;
            }
            record.lease = None;
            match alias::write(state, &self.alias, &record, PutIf::Version(version)).await {
                Ok(_) => break,
                Err(StateError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.forget();
        self.inner().is_given_back = true;
        Ok(())
    }

    /// Carries an action out and renews the lease meanwhile. The action goes on only while the lease is fresh,
    /// or after it was given back; when it is lost, the action is dropped where it stands. An action that stands
    /// still may keep from the next beat what both need, so it is dropped too if the lease does not become fresh
    /// again within its own time.
    ///
    /// # Errors
    ///
    /// [`StateError::LeaseLost`], or why the lease could not be renewed in time.
    pub async fn under<T>(
        &self,
        state: &dyn StateStore,
        action: impl Future<Output = T>,
    ) -> Result<T, StateError> {
        let mut action = pin!(action);
        let mut beating = pin!(self.beat(state));
        let mut was_late = false;
        let mut limit = pin!(tokio::time::sleep(self.tenant.time));
        std::future::poll_fn(|context| {
            // The lease first: after a pause nothing is done before it is known to be ours still.
            let is_late = self.is_held() && !self.is_fresh();
            if is_late && !was_late {
                // Whatever it waits for, the next beat is due now.
                beating.set(self.beat(state));
                limit.as_mut().reset(tokio::time::Instant::now() + self.tenant.time);
            }
            if let Poll::Ready(error) = beating.as_mut().poll(context) {
                return Poll::Ready(Err(error));
            }
            was_late = self.is_held() && !self.is_fresh();
            if was_late {
                let alias = self.alias.clone();
                return limit.as_mut().poll(context).map(|()| Err(StateError::LeaseStale { alias }));
            }
            action.as_mut().poll(context).map(Ok)
        })
        .await
    }

    /// Renews the lease for as long as it can be. Returns why it cannot be any more.
    async fn beat(&self, state: &dyn StateStore) -> StateError {
        let pause = beat_time(self.tenant.time);
        loop {
            let wait = self.age().map_or(pause, |age| pause.saturating_sub(age));
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
                continue;
            }
            match self.update(state, |_| Ok::<_, StateError>(true)).await {
                Ok(Some(_)) => {}
                Ok(None) => return self.lost(),
                // The action gave it back while this beat was on its way.
                Err(StateError::LeaseLost { .. }) if self.inner().is_given_back => {}
                // As long as the lease is fresh there is time to try again.
                // A beat whose answer was lost does no harm, whether it is there or not.
                Err(
                    StateError::Unavailable { .. }
                    | StateError::Unreachable { .. }
                    | StateError::InDoubt { .. },
                ) if self.is_fresh() => {
                    tokio::time::sleep(pause / 4).await;
                }
                Err(error) => return error,
            }
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> (Duration, Timestamp) {
        (self.elapsed(), self.tenant.clock.now())
    }

    /// Returns how long ago the last beat began, none if we do not hold the lease. Where the hour moved on more
    /// than the monotonic clock the machine may have slept, and where it only was set, a beat too many is
    /// written.
    fn age(&self) -> Option<Duration> {
        let (elapsed, now) = self.now();
        let (beaten, at) = self.inner().beaten?;
        let by_hour = Duration::try_from(now.duration_since(at)).unwrap_or_default();
        Some(elapsed.saturating_sub(beaten).max(by_hour))
    }

    /// Says whether the holder of a lease is gone for sure: we have the lock it had.
    fn is_dead(&self, lease: &Lease) -> bool {
        self.tenant.domain.is_some() && lease.domain == self.tenant.domain
    }

    fn owns(&self, record: &AliasRecord) -> bool {
        let inner = self.inner();
        inner.nonce.is_some() && record.lease.as_ref().map(|lease| &lease.nonce) == inner.nonce.as_ref()
    }

    fn demand(&self, record: &AliasRecord) -> Result<(), StateError> {
        if self.is_held() && self.owns(record) {
            return Ok(());
        }
        Err(self.lost())
    }

    /// Forgets a lease that is ours no more, or never was.
    fn lost(&self) -> StateError {
        self.forget();
        StateError::LeaseLost { alias: self.alias.clone() }
    }

    fn next_lease(&self, section: &str, before: Option<&Lease>) -> Lease {
        let now = self.tenant.clock.now();
        let mut inner = self.inner();
        inner.is_given_back = false;
        // One that stands nowhere may have stood there, been broken and given back: it tells two holdings apart
        // no more.
        if before.map(|lease| &lease.nonce) != inner.nonce.as_ref() {
            inner.nonce = None;
            inner.since = None;
        }
        let nonce = inner.nonce.get_or_insert_with(|| Uuid::now_v7().simple().to_string()).clone();
        // A write whose answer was lost may have put a beat there that we do not know of.
        let known = before.filter(|lease| lease.nonce == nonce).map_or(0, |lease| lease.beat + 1);
        Lease {
            beat: known,
            holder: self.tenant.who.clone(),
            section: section.to_owned(),
            since: *inner.since.get_or_insert(now),
            time_ms: u64::try_from(self.tenant.time.as_millis()).unwrap_or(u64::MAX),
            domain: self.tenant.domain.clone(),
            nonce,
        }
    }

    fn note_beat(&self, record: &AliasRecord, began: (Duration, Timestamp)) {
        let mut inner = self.inner();
        // The answer may come when the lease was given back.
        let Some(lease) = record.lease.as_ref().filter(|lease| inner.nonce.as_ref() == Some(&lease.nonce))
        else {
            return;
        };
        inner.beaten = Some(began);
        inner.section.clone_from(&lease.section);
    }

    fn forget(&self) {
        let mut inner = self.inner();
        let watch = std::mem::take(&mut inner.watch);
        *inner = Inner { watch, ..Inner::default() };
    }
}
