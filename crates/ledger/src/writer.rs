//! The one task that appends. It takes what waits in the queue, writes it in one transaction, and
//! answers each append after the commit (group commit).

use crate::canonical::{Sealed, link};
use crate::chain::follow;
use crate::steps::Linked;
use crate::store::{Store, WriteError};
use crate::{Appended, Balances, Draft, Entry, Head, LedgerError};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use tokio::sync::{broadcast, mpsc, oneshot};

/// Most entries of one transaction.
const BATCH_MAX: usize = 256;
/// A batch is full at so many bytes of content.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// Entries read at once when the log is re-derived.
const PAGE: usize = 1_000;
/// How often another writer may be first before an append gives up.
const ATTEMPTS_MAX: usize = 64;

/// What the writer is asked.
#[derive(Debug)]
pub(crate) enum Request {
    Append {
        sealed: Sealed,
        reply: oneshot::Sender<Result<Appended, LedgerError>>,
    },
    Close {
        reply: oneshot::Sender<()>,
    },
}

/// What the handles and the writer share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub store: Store,
    pub committed: broadcast::Sender<Arc<Entry>>,
    view: RwLock<View>,
}

/// The log's end and what follows from it.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub head: Head,
    pub balances: Balances,
}

impl Shared {
    pub(crate) fn new(store: Store, lag_max: usize) -> Self {
        Self {
            store,
            committed: broadcast::channel(lag_max).0,
            view: RwLock::default(),
        }
    }

    pub(crate) fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes committed entries into the view and tells the subscribers.
    fn commit<'a>(&self, entries: impl Iterator<Item = (Head, &'a Draft)> + Clone) {
        {
            let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
            for (head, draft) in entries.clone() {
                assert_eq!(
                    head.seq,
                    view.head.seq + 1,
                    "the view takes every entry once"
                );
                for movement in &draft.movements {
                    view.balances.apply(movement);
                }
                view.head = head;
            }
        }
        if self.committed.receiver_count() > 0 {
            for (Head { seq, hash }, draft) in entries {
                let draft = draft.clone();
                // Nobody listening is no error.
                let _ = self.committed.send(Arc::new(Entry { seq, draft, hash }));
            }
        }
    }

    /// Re-derives what the store has beyond the view.
    async fn catch_up(&self) -> Result<(), LedgerError> {
        let mut reader = self.store.reader().await?;
        let mut head = self.view().head;
        loop {
            let after = i64::try_from(head.seq).unwrap_or(i64::MAX);
            let page = reader.page(after, PAGE).await?;
            let mut entries = Vec::with_capacity(page.len());
            for raw in &page {
                let seq = head.seq + 1;
                let entry =
                    follow(&head, raw).map_err(|what| LedgerError::Damaged { seq, what })?;
                head = entry.head();
                entries.push(entry);
            }
            self.commit(entries.iter().map(|entry| (entry.head(), &entry.draft)));
            if page.len() == PAGE {
                continue;
            }
            // Read after the entries it can only be further on than they are.
            let stored = reader.head().await?;
            if stored == head {
                return Ok(());
            }
            if stored.seq <= head.seq {
                let what = format!(
                    "the head says entry {} with hash {}",
                    stored.seq, stored.hash
                );
                let seq = head.seq;
                return Err(LedgerError::Damaged { seq, what });
            }
            if page.is_empty() {
                let what = format!("the log ends before it, its head says {}", stored.seq);
                let seq = head.seq + 1;
                // Unless another process appended just now.
                let after = i64::try_from(head.seq).unwrap_or(i64::MAX);
                if reader.page(after, 1).await?.is_empty() {
                    return Err(LedgerError::Damaged { seq, what });
                }
            }
        }
    }
}

/// Re-derives the view, then starts the writer on the current runtime.
pub(crate) async fn start(
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Request>,
) -> Result<(), LedgerError> {
    shared.catch_up().await?;
    let writer = Writer {
        shared,
        queue,
        unsure: false,
        broken: None,
    };
    tokio::spawn(writer.run());
    Ok(())
}

struct Writer {
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Request>,
    /// The last transaction failed, perhaps after its commit.
    unsure: bool,
    /// Why nothing is taken any more.
    broken: Option<LedgerError>,
}

/// An append that waits for its answer.
struct Waiting {
    sealed: Sealed,
    reply: oneshot::Sender<Result<Appended, LedgerError>>,
}

impl Writer {
    async fn run(mut self) {
        let mut closing = Vec::new();
        let mut several = false;
        while let Some(first) = self.queue.recv().await {
            if several {
                // The writers just answered are about to append again: let them, or half of all
                // commits would be of the few that were quickest.
                tokio::task::yield_now().await;
            }
            let mut batch = Vec::new();
            let mut bytes = 0;
            let mut next = Some(first);
            while let Some(request) = next {
                match request {
                    Request::Append { sealed, reply } => {
                        bytes += sealed.content.len();
                        batch.push(Waiting { sealed, reply });
                    }
                    Request::Close { reply } => {
                        closing.push(reply);
                        self.queue.close();
                    }
                }
                if batch.len() >= BATCH_MAX || bytes >= BATCH_BYTES_MAX {
                    break;
                }
                next = self.queue.try_recv().ok();
            }
            several = batch.len() > 1;
            self.append(batch).await;
        }
        self.shared.store.close().await;
        for reply in closing {
            let _ = reply.send(());
        }
    }

    /// Records a batch and answers every append of it.
    async fn append(&mut self, batch: Vec<Waiting>) {
        let sealed: Vec<&Sealed> = batch.iter().map(|waiting| &waiting.sealed).collect();
        let answers = match &self.broken {
            Some(broken) => Err(broken.clone()),
            None => {
                let written = record(&self.shared, &sealed, self.unsure).await;
                self.unsure = written.is_err();
                if let Err(error @ LedgerError::Damaged { .. }) = &written {
                    self.broken = Some(error.clone());
                }
                written
            }
        };
        match answers {
            Ok(answers) => {
                for (waiting, answer) in batch.into_iter().zip(answers) {
                    // Who no longer waits will append again under the same key.
                    let _ = waiting.reply.send(answer);
                }
            }
            Err(error) => {
                tracing::error!(entries = batch.len(), %error, "appends failed");
                for waiting in batch {
                    let _ = waiting.reply.send(Err(error.clone()));
                }
            }
        }
    }
}

type Answer = Result<Appended, LedgerError>;

/// Writes the drafts whose keys are new, in one transaction. The answers are in the drafts' order.
async fn record(
    shared: &Shared,
    batch: &[&Sealed],
    unsure: bool,
) -> Result<Vec<Answer>, LedgerError> {
    if unsure {
        shared.catch_up().await?;
    }
    // The first of each key is written; the others are answered from it.
    let mut first_of: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, sealed) in batch.iter().enumerate() {
        first_of.entry(&sealed.draft.key).or_insert(i);
    }
    let mut answers: Vec<Option<Answer>> = vec![None; batch.len()];
    for attempt in 0.. {
        let head = shared.view().head;
        let mut linked = Vec::new();
        let mut places = Vec::new();
        let mut previous = head;
        for (i, sealed) in batch.iter().enumerate() {
            if answers[i].is_some() || first_of.get(sealed.draft.key.as_str()) != Some(&i) {
                continue;
            }
            let seq = previous.seq + 1;
            let hash = link(&previous.hash, seq, &sealed.content);
            previous = Head { seq, hash };
            linked.push(Linked { seq, hash, sealed });
            places.push(i);
        }
        match shared.store.write(&linked).await {
            Ok(()) => {
                for (linked, place) in linked.iter().zip(places) {
                    answers[place] = Some(Ok(Appended {
                        seq: linked.seq,
                        hash: linked.hash,
                        duplicate: false,
                    }));
                }
                shared.commit(linked.iter().map(|linked| {
                    let Linked { seq, hash, sealed } = *linked;
                    (Head { seq, hash }, &sealed.draft)
                }));
                break;
            }
            Err(WriteError::Taken) if attempt < ATTEMPTS_MAX => {
                // A key is known already, or another process was first at the end of the log.
                shared.catch_up().await?;
                let mut reader = shared.store.reader().await?;
                for place in places {
                    let sealed = batch[place];
                    if let Some(raw) = reader.find(&sealed.draft.key).await? {
                        answers[place] = Some(known(sealed, &raw));
                    }
                }
            }
            Err(WriteError::Taken) => {
                return Err(LedgerError::Closed(
                    "a place or a key stays taken: append again, or run `walkout fsck`".into(),
                ));
            }
            Err(WriteError::Failed(error)) => return Err(error),
        }
    }
    // Repeats within the batch, answered by what became of their first.
    let mut all = Vec::with_capacity(batch.len());
    for (i, sealed) in batch.iter().enumerate() {
        let first = first_of
            .get(sealed.draft.key.as_str())
            .copied()
            .unwrap_or(i);
        let answer = answers[first]
            .clone()
            .unwrap_or_else(|| Err(LedgerError::Closed("an append was lost sight of".into())));
        all.push(match answer {
            answer if first == i => answer,
            Ok(appended) if sealed.content == batch[first].content => Ok(Appended {
                duplicate: true,
                ..appended
            }),
            Ok(Appended { seq, .. }) => Err(conflict(sealed, seq)),
            // The first of them says something else than the store; this one may not.
            Err(LedgerError::KeyConflict { seq, .. }) => {
                let mut reader = shared.store.reader().await?;
                match reader.find(&sealed.draft.key).await? {
                    Some(raw) => known(sealed, &raw),
                    None => Err(conflict(sealed, seq)),
                }
            }
            Err(error) => Err(error),
        });
    }
    Ok(all)
}

fn conflict(sealed: &Sealed, seq: u64) -> LedgerError {
    let key = sealed.draft.key.clone();
    LedgerError::KeyConflict { key, seq }
}

/// The answer to a draft whose key is in the store.
fn known(sealed: &Sealed, raw: &crate::reader::RawEntry) -> Answer {
    let seq = u64::try_from(raw.seq).unwrap_or(0);
    let entry = crate::chain::decode(raw).map_err(|what| LedgerError::Damaged { seq, what })?;
    if crate::canonical::content(&entry.draft, &raw.body) == sealed.content {
        Ok(Appended {
            seq,
            hash: entry.hash,
            duplicate: true,
        })
    } else {
        Err(conflict(sealed, seq))
    }
}
