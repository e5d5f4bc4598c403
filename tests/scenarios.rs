//! The built program on real scenarios and a real engine: those of `scenarios/` pass, those beside this file fail as they say.
//! Fails where there is no engine.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![expect(
    clippy::disallowed_methods,
    reason = "the built program is what is tested, from outside"
)]

mod scenarios {
    pub(crate) mod events;
    pub(crate) mod one_swarm;
    pub(crate) mod port;
    pub(crate) mod proxy;
    pub(crate) mod stage;

    mod again;
    mod ends;
    mod failures;
    mod far;
    mod images;
    mod masks;
    mod own;
    mod remote;
    mod remote_swarm;
    mod surroundings;
    mod swarm;
    mod swarm_ports;
    mod tls;
}
