//! The owner's door, and the lane that each peer has to it: records between one process that owns and many that come and
//! go. It moves records and knows neither patches nor jobs.
//!
//! ```text
//! NAME               the door, the owner's segment    part 0  what peers have to know, a text
//!                                                     part 1  the bell that the owner sleeps on; one word a seat
//! NAME.p0 .. .p63    a producer's lane, its own       part 0  ring peer -> owner     part 1  its label
//! NAME.w0 .. .w255   a worker's lane, its own         part 0  ring peer -> owner     part 1  ring owner -> peer
//!                                                     part 2  its label
//! ```
//! A peer makes its lane under the first seat that nothing lies under, adds one to the seat's word and rings. The owner
//! compares the words with a copy and opens what is new; words are hints, nothing is believed of them, and one seat after
//! the other is looked at anyway. Who holds the record lock of a lane lives; the kernel lets go of it however a process
//! ends. A peer never removes its lane while the owner lives, and nobody takes over what lies there: the owner drains it,
//! and what was committed by a process that is gone is not lost. Lanes of peers that came to a former owner of the name
//! and have not found out yet are left to them: what they sent is theirs to send again. A peer looks whether the owner
//! lives while it waits and before it sends.
//!
//! Each peer costs the owner three open files and its lane's memory; running out is an error of that lane alone.
//! Not here: rings ([`crate::ring`]), who lives ([`crate::shm`]), what records mean (`crate::stream`).

mod door;
mod seat;
mod visit;
mod watch;

pub use door::{Door, Lane};
pub use seat::{CAME_TO, Role, SEATS_OF_PRODUCERS, SEATS_OF_WORKERS};
pub use visit::Visit;
pub use watch::{Thing, lane_of, remove_left, text};
