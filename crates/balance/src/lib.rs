//! Balancing algorithms, queues, slow start and health state, without sockets or clocks.
//!
//! Decides which server gets a request, whether a server is fit, who waits and for how long, and
//! what follows a failure. Every function takes plain views and `now` in milliseconds and returns
//! a decision; nothing here blocks, reads a clock or allocates per pick. State objects are `Send`
//! and their operations short, so that the engine may share them between workers under a short
//! lock. Connecting, timers and counters are left to the engine.

mod balancer;
mod farm;
mod first;
mod group;
mod heap;
mod leastconn;
mod map;
mod ring;
mod roundrobin;
mod sticky;

pub mod hash;
pub mod health;
pub mod key;
pub mod maxconn;
pub mod queue;
pub mod retry;
pub mod weight;

pub use balancer::{Ask, Balancer, Plan, Scheme};
pub use farm::{Farm, Load, Member, RingKey};
pub use ring::Affinity;
