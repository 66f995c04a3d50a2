//! Every limit of the protocol in one place. A limit is part of what all nodes must agree on, so changing one is a
//! change of the protocol; limits of one node alone (pool sizes, caches) are configuration and live in `node`.

/// Bytes of a module's source Wasm.
pub const CODE_BYTES_MAX: usize = 256 * 1024;
/// Functions a module may define.
pub const FUNCTIONS_MAX: u32 = 2_000;
/// Bytes of one function body. What compiling costs binds earlier: a transaction can pay for some 40,000.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Locals of one function, parameters not counted.
pub const LOCALS_MAX: u32 = 100;
/// Blocks (`block`, `loop`, `if`) in one function.
pub const BLOCKS_MAX: u32 = 5_000;
/// Nesting depth of blocks in one function.
pub const BLOCK_DEPTH_MAX: u32 = 256;
/// Total targets of all `br_table`s in one function.
pub const BRANCH_TARGETS_MAX: u32 = 10_000;
/// Types a module may declare.
pub const TYPES_MAX: u32 = 1_024;
/// Parameters of one function.
pub const PARAMETERS_MAX: usize = 64;
/// Results of one function.
pub const RESULTS_MAX: usize = 16;
/// Tables a module may define.
pub const TABLES_MAX: u32 = 1;
/// Elements of the table.
pub const TABLE_ELEMENTS_MAX: u64 = 4_096;
/// Globals a module may define.
pub const GLOBALS_MAX: u32 = 256;
/// Exports a module may have.
pub const EXPORTS_MAX: u32 = 512;
/// Data and element segments a module may have, each.
pub const SEGMENTS_MAX: u32 = 1_024;
/// Imports a module may have; all from the host's list.
pub const IMPORTS_MAX: u32 = 100;
/// Pages of 64 KiB of linear memory; a module must declare a maximum at or below it.
pub const MEMORY_PAGES_MAX: u64 = 256;
/// Slots of 8 bytes of the logical stack that one transaction may use, over all nested calls.
pub const STACK_SLOTS_MAX: u32 = 64 * 1024;
/// Contracts that may be under execution at once in one transaction, the first included.
pub const CALL_DEPTH_MAX: u32 = 16;
/// Bytes of a storage key.
pub const SLOT_KEY_BYTES_MAX: usize = 128;
/// Bytes of a storage value.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a call's input, and of its output.
pub const CALL_DATA_BYTES_MAX: usize = 128 * 1024;
/// Bytes of one event.
pub const EVENT_BYTES_MAX: usize = 16 * 1024;
/// Bytes of all events of one transaction.
pub const EVENTS_BYTES_MAX: usize = 256 * 1024;
/// Events of one transaction.
pub const EVENTS_MAX: usize = 512;
/// Index fields of one event.
pub const EVENT_KEYS_MAX: usize = 4;
/// Bytes of the data that goes with a contract's error.
pub const ERROR_DATA_BYTES_MAX: usize = 1_024;
/// Entries that one storage page may hold.
pub const PAGE_ENTRIES_MAX: u32 = 256;
/// Bytes that one storage page may hold; the first entry always fits.
pub const PAGE_BYTES_MAX: usize = 128 * 1024;
/// Bytes of one transaction.
pub const TRANSACTION_BYTES_MAX: usize = 512 * 1024;
/// Calls of one batch.
pub const BATCH_CALLS_MAX: usize = 64;
/// Heights from the decision about a mainchain's next committee to its first block, at least.
pub const COMMITTEE_NOTICE_BLOCKS: u64 = 64;
/// Gas of one transaction.
pub const TRANSACTION_GAS_MAX: u64 = 10_000_000_000;
/// Gas of all transactions of one block.
pub const BLOCK_GAS_MAX: u64 = 20_000_000_000;
/// Bytes of all transactions of one block.
pub const BLOCK_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Transactions of one block.
pub const BLOCK_TRANSACTIONS_MAX: usize = 10_000;
/// How many heights ahead a transaction's last valid height may lie.
pub const VALIDITY_HEIGHTS_MAX: u64 = 100_000;
/// Bytes of the authenticator data of a passkey's signature.
pub const AUTHENTICATOR_DATA_BYTES_MAX: usize = 1_024;
/// Bytes of the client data of a passkey's signature.
pub const CLIENT_DATA_BYTES_MAX: usize = 2_048;
/// Members of a committee.
pub const COMMITTEE_MAX: usize = 128;
/// Departments of a genesis.
pub const DEPARTMENTS_MAX: usize = 256;
/// Blocks before the first height of an announced threshold key in which the key before signs it.
pub const KEY_NOTICE_BLOCKS: u64 = 32;
/// Beacons that one header may carry.
pub const BEACONS_MAX: usize = 16;
/// Heights whose beacons contracts can ask for, back from the newest.
pub const BEACONS_KEPT: u64 = 1 << 20;
/// Nodes of one state proof; a key has 64 nibbles.
pub const PROOF_NODES_MAX: usize = 65;
/// Headers that may lead from a proof's header to the certified one.
pub const PROOF_DESCENDANTS_MAX: usize = 1_024;
/// Hand-overs that may lead from the trust anchor to a certificate's epoch.
pub const PROOF_HAND_OVERS_MAX: usize = 4_096;
/// Rotations of the threshold key in a proof bundle.
pub const PROOF_ROTATIONS_MAX: usize = 1_024;
/// Bytes of one proof bundle.
pub const PROOF_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of a contract's schema section.
pub const SCHEMA_BYTES_MAX: usize = 64 * 1024;
/// Nesting depth of a type in a schema, and of any value decoded from the wire.
pub const TYPE_DEPTH_MAX: u32 = 32;
/// Gas of one message, at most.
pub const MESSAGE_GAS_MAX: u64 = 2_000_000_000;
/// Gas that a message which came back may use.
pub const BOUNCE_GAS: u64 = 500_000_000;
/// Bytes of a message's arguments: what comes back has to fit in a message as well.
pub const MESSAGE_INPUT_BYTES_MAX: usize = 16 * 1024;
/// Heights of the mainchain for which a message may be valid, at most: some two months of idle blocks.
pub const MESSAGE_VALID_MAX: u64 = 2_500_000;
/// Messages of one delivery.
pub const DELIVERY_MESSAGES_MAX: usize = 32;
/// Messages that one settlement with a closed chain hands back, each with [`BOUNCE_GAS`].
pub const SETTLEMENT_RETURNS_MAX: u64 = 8;
/// Gas of the messages of one lane in one block: a quarter of the block's.
pub const LANE_GAS_MAX: u64 = BLOCK_GAS_MAX / 4;
/// Messages that contracts may have on their way to one chain.
pub const LANE_PENDING_MAX: u64 = 10_000;
/// Headers of one anchoring transaction.
pub const ANCHORS_MAX: usize = 64;
/// Mainchain headers that a sidechain remembers having seen, back from the newest height.
pub const SEEN_KEPT: u64 = 4_096;
/// Bytes of registry entries in one message, beside a single one that is larger.
pub const REGISTRY_MESSAGE_BYTES: usize = 24 * 1024;
/// Blocks from the decision about a sidechain's next committee to its first one.
pub const SIDECHAIN_NOTICE_BLOCKS: u64 = COMMITTEE_NOTICE_BLOCKS;
