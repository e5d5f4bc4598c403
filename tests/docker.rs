//! What only a real engine can show. Fails where there is none; everything it makes has labels of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod docker {
    pub(crate) mod stage;

    mod containers;
    mod files;
    mod leases;
    mod logs;
    mod output;
    mod removal;
    mod resources;
    mod swarms;
    mod tools;
}
