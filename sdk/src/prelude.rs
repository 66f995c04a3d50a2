//! Everything a contract needs: `use chancery_sdk::prelude::*;`.

pub use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

pub use crate::{
    Address, Arrived, BounceReason, CallError, CallFailure, Cx, Digest, MainchainFact, Name, SendFailure, contract,
    data, ensure, error, event, handle, methods,
    storage::{Index, List, Map, Set, Value},
};
