//! Batches: one root stands for many digests, and a path shows that a digest is among them.

use chancery_sdk::{merkle, prelude::*};

use crate::{Batch, Evidence, EvidenceError};

#[methods]
impl Evidence {
    /// What was filed under a root.
    /// zh: 查询批次
    #[query]
    pub fn batch(&self, root: Digest) -> Result<Batch, EvidenceError> {
        self.batches.get(&root).ok_or(EvidenceError::NotFiled { digest: root })
    }

    /// Whether a digest is at place `index` of a batch, by the siblings from its leaf upwards.
    /// zh: 验证摘要是否在批次中
    #[query]
    pub fn in_batch(
        &self,
        cx: &Cx,
        root: Digest,
        digest: Digest,
        index: u64,
        siblings: Vec<Digest>,
    ) -> Result<bool, EvidenceError> {
        let count = self.batch(root)?.count;
        let path = merkle::Path { index, count, siblings };
        Ok(cx.merkle_root(&path, &digest.0) == Some(root))
    }
}
