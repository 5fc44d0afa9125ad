//! The options of a stream, in C.

use std::ffi::{c_char, c_void};
use std::path::Path;

use patchstream::dynim::Mode;
use patchstream::error::{Result, argument};
use patchstream::stream::{Builder, Config, LogLevel, Stream};

use crate::guard::guard;
use crate::queues::{Route, patchstream_route_fn};
use crate::status::{PATCHSTREAM_OK, patchstream_status};
use crate::types::{Sized32, read, text, write};

/// Something to know once.
pub const PATCHSTREAM_LOG_INFO: i32 = 1;
/// Something was refused or will surprise.
pub const PATCHSTREAM_LOG_WARNING: i32 = 2;

/// Where the log goes: the library itself never prints. Called by the thread that has something to say, which may be
/// the stream's worker, and while no lock of the stream is held; it must return and throw nothing. message lives during
/// the call.
pub type patchstream_log_fn = Option<unsafe extern "C" fn(user: *mut c_void, level: i32, message: *const c_char)>;

/// Picks see each other: ranks are updated after each pick. The default.
pub const PATCHSTREAM_SEQUENTIAL: u32 = 1;
/// All picks of an event come from one ranking.
pub const PATCHSTREAM_BATCH: u32 = 2;

/// Options of a stream. patchstream_options_init() sets every field to 0, NULL or -1: as the configuration file has it,
/// or its default, which is named here.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct patchstream_options {
    /// Set by patchstream_options_init().
    pub struct_size: u32,
    /// Threads of the library's own: 0, the host's calls do the work; 1, a worker encodes as patches come.
    pub threads: u32,
    /// The processor that the worker is bound to; -1: not bound. Only with threads.
    pub worker_cpu: i32,
    /// PATCHSTREAM_SEQUENTIAL or PATCHSTREAM_BATCH.
    pub mode: u32,
    /// Grid points of a patch along x: 37.
    pub nx: u32,
    /// Grid points of a patch along y: 37.
    pub ny: u32,
    /// Edge of a patch in nm: 30.
    pub size_nm: f64,
    /// Slots of each producer's ring, a power of two: 64.
    pub slots: u32,
    /// Nearest selected points that a rank is the mean distance to: 10.
    pub k: u32,
    /// Candidates kept after an event: 35,000. Not with queues in the file, which have their own.
    pub capacity: u64,
    /// The encoder: "metric", "mean", "radial", or a path to NAME.onnx with its card NAME.toml beside it: "metric".
    pub model: *const c_char,
    /// A TOML file of options, those here and more (channels, protein states, queues): none.
    pub config: *const c_char,
    /// Where the log goes: nowhere.
    pub log: patchstream_log_fn,
    /// Given to log.
    pub log_user: *mut c_void,
    /// What random draws follow from; the default, importance sampling, draws none: 0.
    pub seed: u64,
    /// Rows of history that are kept until patchstream_stream_history() takes them, 40 bytes each, the oldest going
    /// first: none.
    pub history: u64,
    /// Routes patches to the queues of the file, which then name no constellations: by constellation.
    pub route: patchstream_route_fn,
    /// Given to route.
    pub route_user: *mut c_void,
    /// A classifier beside the encoder, whose card has [classes]: "fingerprint", or a path as for model: none.
    pub classifier: *const c_char,
    /// Where other processes find the stream: "shm:NAME" with 1 to 59 of A-Z a-z 0-9 . _ -, or "dir:PATH". Every pick is a
    /// job then, and the densities of patches are kept for it: nowhere.
    pub transport: *const c_char,
    /// 1: what producers of other processes say of a patch's content is computed again; everything else is anyway. 0.
    pub untrusted: u32,
    /// 0.
    pub reserved: u32,
    /// The folder of a run, new or used, in which everything that is acknowledged or told is written down before it is:
    /// patchstream_stream_resume(). NULL: none.
    pub run_dir: *const c_char,
}

// SAFETY: as the trait asks: numbers, pointers, and optional functions, for which zero is none.
unsafe impl Sized32 for patchstream_options {
    const NAME: &'static str = "patchstream_options";
    const OLDEST: usize = 80;
}

/// Sets all options to their defaults.
///
/// @param struct_size  sizeof(patchstream_options)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patchstream_options_init(
    options: *mut patchstream_options,
    struct_size: u32,
) -> patchstream_status {
    guard(|| {
        if options.is_null() {
            return Err(argument("options is NULL: pass the address of a patchstream_options"));
        }
        let defaults = patchstream_options {
            struct_size,
            threads: 0,
            worker_cpu: -1,
            mode: 0,
            nx: 0,
            ny: 0,
            size_nm: 0.0,
            slots: 0,
            k: 0,
            capacity: 0,
            model: std::ptr::null(),
            config: std::ptr::null(),
            log: None,
            log_user: std::ptr::null_mut(),
            seed: 0,
            history: 0,
            route: None,
            route_user: std::ptr::null_mut(),
            classifier: std::ptr::null(),
            transport: std::ptr::null(),
            untrusted: 0,
            reserved: 0,
            run_dir: std::ptr::null(),
        };
        // SAFETY: the caller's struct starts with its size and has as many bytes as it says.
        unsafe {
            options.cast::<u32>().write_unaligned(struct_size);
            write(&defaults, options)?;
        }
        Ok(PATCHSTREAM_OK)
    })
}

/// A builder with a caller's options; NULL: the defaults.
///
/// # Safety
/// - `options` is null or as [`read`] asks, its strings are null or end in 0, its log and route may be called with
///   `log_user` and `route_user` from any thread until the stream is closed.
pub(crate) unsafe fn builder(options: *const patchstream_options) -> Result<Builder> {
    if options.is_null() {
        return Ok(Stream::builder());
    }
    // SAFETY: the caller's promise.
    let options = unsafe { read(options) }?;
    // SAFETY: the caller's promise.
    let mut config = match unsafe { text(options.config, "config") }? {
        Some(path) => Config::from_file(Path::new(path))?,
        None => Config::default(),
    };
    // SAFETY: the caller's promise.
    if let Some(model) = unsafe { text(options.model, "model") }? {
        config.model = model.into();
    }
    // SAFETY: the caller's promise.
    if let Some(classifier) = unsafe { text(options.classifier, "classifier") }? {
        config.classifier = Some(classifier.into());
    }
    // SAFETY: the caller's promise.
    if let Some(transport) = unsafe { text(options.transport, "transport") }? {
        config.transport = Some(transport.into());
    }
    // SAFETY: the caller's promise.
    if let Some(run_dir) = unsafe { text(options.run_dir, "run_dir") }? {
        config.run_dir = Some(run_dir.into());
    }
    match options.untrusted {
        0 => {}
        1 => config.untrusted = true,
        other => return Err(argument(format!("untrusted {other}: 0 or 1"))),
    }
    let given = |value: u32, place: &mut usize| {
        if value != 0 {
            *place = value as usize;
        }
    };
    given(options.nx, &mut config.nx);
    given(options.ny, &mut config.ny);
    given(options.slots, &mut config.slots);
    given(options.k, &mut config.k);
    if options.capacity != 0 {
        config.capacity = Some(usize::try_from(options.capacity).unwrap_or(usize::MAX));
    }
    if options.seed != 0 {
        config.seed = options.seed;
    }
    if options.history != 0 {
        config.history = usize::try_from(options.history).unwrap_or(usize::MAX);
    }
    if options.size_nm != 0.0 {
        config.size_nm = options.size_nm;
    }
    match options.mode {
        0 => {}
        PATCHSTREAM_SEQUENTIAL => config.mode = Mode::Sequential,
        PATCHSTREAM_BATCH => config.mode = Mode::Batch,
        other => return Err(argument(format!("mode {other}: PATCHSTREAM_SEQUENTIAL or PATCHSTREAM_BATCH"))),
    }
    match options.threads {
        0 => {}
        1 => config.background = true,
        other => return Err(argument(format!("threads {other}: 0 for none of the library's own, or 1"))),
    }
    match options.worker_cpu {
        -1 => {}
        cpu @ 0.. => config.worker_cpu = Some(cpu as usize),
        other => return Err(argument(format!("worker_cpu {other}: a processor's number, or -1"))),
    }
    let mut builder = Stream::builder().config(config);
    if let Some(function) = options.route {
        let route = Route { function, user: options.route_user };
        builder = builder.route(move |meta, constellation| route.queue(meta, constellation));
    }
    Ok(match options.log {
        None => builder,
        Some(function) => {
            let log = Log { function, user: options.log_user };
            builder.log(move |level, message| log.say(level, message))
        }
    })
}

/// A caller's log.
struct Log {
    function: unsafe extern "C" fn(*mut c_void, i32, *const c_char),
    user: *mut c_void,
}

// SAFETY: the header says that any thread may call the log.
unsafe impl Send for Log {}
// SAFETY: as above.
unsafe impl Sync for Log {}

impl Log {
    fn say(&self, level: LogLevel, message: &str) {
        let level = match level {
            LogLevel::Info => PATCHSTREAM_LOG_INFO,
            LogLevel::Warning => PATCHSTREAM_LOG_WARNING,
        };
        let text: Vec<u8> = message.bytes().filter(|&byte| byte != 0).chain([0]).collect();
        // SAFETY: the caller's function and what belongs to it; the text ends in 0.
        unsafe { (self.function)(self.user, level, text.as_ptr().cast()) };
    }
}
