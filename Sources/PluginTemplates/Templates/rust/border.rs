//! The border to the host. It is C, so no panic may cross it.
#![allow(dead_code)] // not every kind needs all of it

use crate::abi::{self, Host, Status, Tensor};
use std::ffi::{c_char, c_void, CStr, CString};
use std::panic::{catch_unwind, AssertUnwindSafe};

/// A constant that the host reads from any thread. It holds pointers to other constants and is never written again.
#[repr(transparent)]
pub struct Constant<T>(pub T);
unsafe impl<T> Sync for Constant<T> {}

/// Declares the library of one plugin: its constants, and the one symbol that the host looks up.
macro_rules! library {
    (
        kind: $kind:expr,
        interface: $table:ident,
        options_schema: $schema:expr,
        statistics: [$($statistic:expr),*],
    ) => {
        use crate::abi::{Descriptor, Library};
        use crate::border::Constant;

        static STATISTICS: Constant<[*const c_char; <[&str]>::len(&[$(stringify!($statistic)),*]) + 1]> =
            Constant([$($statistic.as_ptr(),)* std::ptr::null()]);
        static DESCRIPTOR: Constant<Descriptor> = Constant(Descriptor {
            struct_size: size_of::<Descriptor>() as u32,
            kind: $kind,
            id: c"__ID__".as_ptr(),
            version: c"__VERSION__".as_ptr(),
            summary: c"__SUMMARY__".as_ptr(),
            licence: c"0BSD".as_ptr(),
            paper: std::ptr::null(),
            options_schema: $schema.as_ptr(),
            statistics: STATISTICS.0.as_ptr(),
            interface: std::ptr::addr_of!($table).cast(),
            scores_compare: 0, // a criterion's score ranks the units of one family of one layer
        });
        static DESCRIPTORS: Constant<[*const Descriptor; 1]> = Constant([&DESCRIPTOR.0]);
        static LIBRARY: Constant<Library> = Constant(Library {
            struct_size: size_of::<Library>() as u32,
            abi_major: crate::abi::ABI_MAJOR,
            abi_minor: crate::abi::ABI_MINOR,
            count: 1,
            descriptors: DESCRIPTORS.0.as_ptr(),
        });

        #[no_mangle]
        pub extern "C" fn adapt_pruner_plugin() -> *const Library {
            &LIBRARY.0
        }
    };
}

/// The `create` of a plugin that keeps nothing.
///
/// # Safety
/// `instance` is the place that the host has handed to the call.
pub unsafe extern "C" fn create_nothing(
    _host: *const Host,
    _options: *const c_char,
    instance: *mut *mut c_void,
) -> Status {
    *instance = std::ptr::null_mut();
    abi::OK
}

/// The `destroy` of a plugin that keeps nothing.
pub unsafe extern "C" fn destroy_nothing(_instance: *mut c_void) {}

/// Why a call fails.
pub enum Failure {
    /// The plugin has a sentence for the user.
    Said(Status, String),
    /// A service of the host failed. The host has noted its own sentence.
    Passed(Status),
}

pub fn failed(sentence: &str) -> Failure {
    Failure::Said(abi::FAILED, sentence.to_string())
}

/// Turns the status of a service of the host into a result.
pub fn check(status: Status) -> Result<(), Failure> {
    if status == abi::OK {
        Ok(())
    } else {
        Err(Failure::Passed(status))
    }
}

/// Does the work. A failure or a panic becomes a status and a sentence.
///
/// # Safety
/// `host` is the one that the host has handed to the call.
pub unsafe fn guarded(
    host: *const Host,
    work: impl FnOnce(&Host) -> Result<(), Failure>,
) -> Status {
    let host = &*host;
    let (status, sentence) = match catch_unwind(AssertUnwindSafe(|| work(host))) {
        Ok(Ok(())) => return abi::OK,
        Ok(Err(Failure::Passed(status))) => return status,
        Ok(Err(Failure::Said(status, sentence))) => (status, sentence),
        Err(_) => (abi::FAILED, "the plugin panicked".to_string()),
    };
    if let (Some(set_error), Ok(sentence)) = (host.set_error, CString::new(sentence)) {
        set_error(host, sentence.as_ptr());
    }
    status
}

/// Reads a text of the host.
///
/// # Safety
/// The text ends in NUL.
pub unsafe fn text<'a>(pointer: *const c_char) -> &'a str {
    CStr::from_ptr(pointer).to_str().unwrap_or("")
}

/// Makes a slice of a pointer and a count. If the count is zero, the pointer does not matter.
///
/// # Safety
/// `count` elements exist as long as 'a.
pub unsafe fn list<'a, T>(pointer: *const T, count: i64) -> &'a [T] {
    match usize::try_from(count) {
        Ok(count) if count > 0 => std::slice::from_raw_parts(pointer, count),
        _ => &[],
    }
}

impl Tensor {
    /// The rows and columns of a matrix.
    ///
    /// # Safety
    /// The tensor is a matrix of the host.
    pub unsafe fn size(&self) -> (i64, i64) {
        (*self.shape, *self.shape.add(1))
    }

    /// One element of a matrix.
    ///
    /// # Safety
    /// The tensor is a matrix of the host, and the element is within it.
    pub unsafe fn element(&self, row: i64, column: i64) -> f64 {
        let values = (self.data as *const u8).add(self.byte_offset as usize) as *const f32;
        let place = row * *self.strides + column * *self.strides.add(1);
        f64::from(*values.offset(place as isize))
    }
}
