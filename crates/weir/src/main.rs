//! The program: its allocator, and nothing else. See the library of the same name.

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    weir::main(std::env::args_os().collect())
}
