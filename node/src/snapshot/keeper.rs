//! The snapshots that a running node makes and keeps for others, every so many blocks.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::sync_channel,
    },
    thread,
    time::Instant,
};

use chancery_runtime::storage::StateBackend;

use super::{Folder, SnapshotError, create};

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeeperConfig {
    /// Where.
    pub directory: PathBuf,
    /// One is made at every multiple of this height; 0 is never.
    pub every_blocks: u64,
    /// How many are kept. With two, whoever downloads one has time for it until the next but one.
    pub kept: usize,
}

/// Makes snapshots beside the chain's work.
#[derive(Debug)]
pub struct Keeper {
    config: KeeperConfig,
    busy: Arc<AtomicBool>,
}

impl Keeper {
    /// Keeps snapshots as `config` says.
    pub fn new(config: KeeperConfig) -> Self {
        Self { config, busy: Arc::default() }
    }

    /// Where the snapshot of a height is, when there is a whole one.
    pub fn folder(&self, height: u64) -> Option<Folder> {
        let folder = Folder::at(self.config.directory.join(height.to_string()));
        folder.has_manifest().then_some(folder)
    }

    /// The heights of whole snapshots, in ascending order.
    pub fn heights(&self) -> Vec<u64> {
        let mut heights: Vec<u64> = self.all().into_iter().filter(|height| self.folder(*height).is_some()).collect();
        heights.sort_unstable();
        heights
    }

    fn all(&self) -> Vec<u64> {
        let entries = fs::read_dir(&self.config.directory).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }

    /// Whether a snapshot is to be made at a height, when the newest height known to be final is `newest`: while a chain
    /// catches up, one whose next is due already is of no use to anybody.
    fn is_due(&self, height: u64, newest: impl FnOnce() -> u64) -> bool {
        let every = self.config.every_blocks;
        every != 0 && height.is_multiple_of(every) && newest() < height.saturating_add(every)
    }

    /// A block was committed. When it is one that a snapshot is due of, a thread begins to make it, of the store as it is
    /// now; the chain goes on meanwhile. One that is still being made is not begun again. `newest` says which height is the
    /// newest known to be final, here or elsewhere.
    pub fn committed<B: StateBackend + 'static>(&self, backend: &Arc<B>, height: u64, newest: impl FnOnce() -> u64) {
        if !self.is_due(height, newest) || self.busy.swap(true, Ordering::SeqCst) {
            return;
        }
        let (backend, keeper) =
            (Arc::clone(backend), Self { config: self.config.clone(), busy: Arc::clone(&self.busy) });
        let (taken, is_taken) = sync_channel(1);
        let work = move || {
            let began = Instant::now();
            let mut made = None;
            backend.with_snapshot(&mut |reader| {
                // The moment is held from here on; whoever waits is not there only when the node stops.
                taken.send(()).ok();
                made = Some(create(reader, &Folder::at(keeper.config.directory.join(height.to_string()))));
            });
            match made {
                Some(Ok(created)) => {
                    let (entries, bytes, took_ms) = (created.entries, created.bytes, began.elapsed().as_millis());
                    let directory = keeper.config.directory.display();
                    tracing::info!(height, entries, bytes, took_ms, %directory, "a state snapshot was made");
                    keeper.prune();
                }
                Some(Err(error @ SnapshotError::NotNow { .. })) => tracing::info!(height, "{error}"),
                Some(Err(error)) => tracing::error!(height, "no state snapshot was made: {error}"),
                None => {}
            }
            keeper.busy.store(false, Ordering::SeqCst);
        };
        match thread::Builder::new().name("snapshot".into()).spawn(work) {
            Ok(_) => {
                is_taken.recv().ok();
            }
            Err(error) => {
                tracing::error!("no state snapshot was made: {error}");
                self.busy.store(false, Ordering::SeqCst);
            }
        }
    }

    /// Removes all but the newest whole ones, and what was never finished.
    fn prune(&self) {
        let whole = self.heights();
        let keep = &whole[whole.len().saturating_sub(self.config.kept)..];
        for height in self.all().into_iter().filter(|height| !keep.contains(height)) {
            let path = self.config.directory.join(height.to_string());
            if let Err(error) = fs::remove_dir_all(&path) {
                tracing::warn!("cannot remove {}: {error}", path.display());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_is_made_while_a_later_one_is_due_already() {
        let keeper = |every_blocks| Keeper::new(KeeperConfig { directory: PathBuf::new(), every_blocks, kept: 2 });
        let due = |every, height, newest| keeper(every).is_due(height, || newest);
        assert!(!due(0, 0, 0) && !due(20, 19, 19));
        assert!(due(20, 20, 20) && due(20, 20, 39), "the newest, or all but");
        assert!(!due(20, 20, 40) && !due(20, 40, 1_000), "it is catching up");
        assert!(due(20, 1_000, 1_000), "it has caught up");
        let not_asked = || -> u64 { unreachable!("only where it matters") };
        assert!(!keeper(20).is_due(7, not_asked));
    }
}
