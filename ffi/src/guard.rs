//! What every call runs inside: the default floating-point environment, a net for panics, the text of the last error.

use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use patchstream::error::{self, Error, Result};
use patchstream::guest::FpGuard;

use crate::status::{patchstream_status, status_of};

thread_local! {
    /// The sentence of the last error on this thread.
    static LAST_ERROR: RefCell<CString> = RefCell::default();
    /// What the panic hook heard on this thread.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// What the last call on this thread that returned an error (a status below 0) had to say: what is wrong, with the
/// values, and what to do. "" before the first, and while a thread ends. It lives until the next error on this thread.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_last_error() -> *const c_char {
    LAST_ERROR.try_with(|message| message.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

/// The version of the library, such as "0.1.0". It lives for ever.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// The version of the binary interface: it changes only when a program must be compiled again. Compare it with
/// PATCHSTREAM_ABI_VERSION.
#[unsafe(no_mangle)]
pub extern "C" fn patchstream_abi_version() -> u32 {
    PATCHSTREAM_ABI_VERSION
}

/// The version of the binary interface that this header describes.
pub const PATCHSTREAM_ABI_VERSION: u32 = 1;

/// Runs the body of a call: nothing of it reaches the host but a status.
pub(crate) fn guard(body: impl FnOnce() -> Result<patchstream_status>) -> patchstream_status {
    let _environment = FpGuard::enter();
    hush_panics();
    // A body changes shared state only through the library, and a stream that a panic passed through answers with an
    // error from then on.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => fail(&error),
        Err(_) => fail(&error::panic(format!(
            "the library met a bug of its own, please report it: {}",
            PANIC.try_with(|panic| panic.borrow().clone()).unwrap_or_default()
        ))),
    }
}

fn fail(error: &Error) -> patchstream_status {
    let text: Vec<u8> = error.message().bytes().filter(|&byte| byte != 0).collect();
    // At the end of a thread, when its own storage is gone, the status has to be enough.
    let _ = LAST_ERROR.try_with(|message| message.replace(CString::new(text).unwrap_or_default()));
    status_of(error)
}

/// The library never prints: its panics go to [`PANIC`]. The hook is that of this shared library's own runtime.
fn hush_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            // At the end of a thread there is nowhere left to write to.
            let _ = PANIC.try_with(|panic| panic.replace(info.to_string()));
        }));
    });
}
