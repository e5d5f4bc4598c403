//! What the engine and its tools say when what is around them fails: a port, the address pool, a registry.

/// What the engine says of a container whose ports it could not bind comes first: each release words the cause anew.
const KNOWN: [&str; 7] = [
    "driver failed programming external connectivity",
    "Ports are not available",
    "port is already allocated",
    "address already in use",
    "address pool",
    "toomanyrequests",
    "TLS handshake timeout",
];

/// True of a refusal that is not for the sake of what was asked for: another try may not meet it. That a command is not
/// in its image, or a user unknown to it, is the author's own matter.
pub fn of_the_surroundings(text: &str) -> bool {
    KNOWN.iter().any(|known| text.contains(known))
}
