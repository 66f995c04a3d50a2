//! Everything a contract needs: `use chancery_sdk::prelude::*;`.

pub use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

pub use crate::{
    Address, CallError, CallFailure, Cx, Digest, Name, contract, data, ensure, error, event, handle, methods,
    storage::{Index, List, Map, Set, Value},
};
