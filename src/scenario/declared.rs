//! `secrets`, `configs`, `networks` and `volumes`: what a scenario has beside its images and stacks.

use crate::diagnostic::Spanned;
use crate::shape::{Named, Rule, Text, shape};

shape! {
    /// What a secret or a config holds: one of `content` and `file`.
    pub struct Content ("a secret or a config") rules [Rule::One(&["content", "file"])] {
        /// The text itself: often computed, `${{ random(24) }}`.
        content: Option<Text>,
        /// A file that holds it, of any bytes, from the scenario's folder.
        file: Option<Text>,
    }
}

shape! {
    /// A network. A text alone is its driver.
    pub struct Network ("a network") short driver {
        /// The driver (default: `bridge`); `overlay` needs an engine in a swarm.
        driver: Option<Text>,
        /// Whether containers that are no tasks of a swarm may join it; an overlay network that says nothing is.
        attachable: Option<Spanned<bool>>,
        /// `true` lets nothing out of it.
        internal: Option<Spanned<bool>>,
        /// A fixed subnet: `10.77.0.0/24`. Scenarios that have one in common run one after the other.
        subnet: Option<Text>,
        /// `true` gives it IPv6, too.
        ipv6: Option<Spanned<bool>>,
        /// Options of the driver.
        options: Named<Text>,
        /// More labels.
        labels: Named<Text>,
    }
}

shape! {
    /// A volume. A text alone is what it is filled from.
    pub struct Volume ("a volume") short from {
        /// A folder whose content it begins with, or a file.
        from: Option<Text>,
        /// The driver (default: `local`).
        driver: Option<Text>,
        /// Options of the driver.
        options: Named<Text>,
        /// More labels.
        labels: Named<Text>,
    }
}
