//! The border to the host: it is C, and no panic may cross it.
#![allow(dead_code)] // not every kind needs all of it

use crate::abi::{self, Host, Status, Tensor};
use std::ffi::{CStr, CString};
use std::panic::{catch_unwind, AssertUnwindSafe};

/// A constant that the host reads from any thread: pointers to other constants, never written again.
#[repr(transparent)]
pub struct Constant<T>(pub T);
unsafe impl<T> Sync for Constant<T> {}

/// Why a call fails.
pub enum Failure {
    /// With a sentence for the user.
    Said(Status, String),
    /// A service of the host failed, which has noted its own sentence.
    Passed(Status),
}

pub fn failed(sentence: &str) -> Failure {
    Failure::Said(abi::FAILED, sentence.to_string())
}

/// What a service of the host answered.
pub fn check(status: Status) -> Result<(), Failure> {
    if status == abi::OK {
        Ok(())
    } else {
        Err(Failure::Passed(status))
    }
}

/// Does work, and makes a status and a sentence of its failure or panic.
///
/// # Safety
/// `host` is what the host has handed to the call.
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

/// # Safety
/// A text of the host, ending in NUL.
pub unsafe fn text<'a>(pointer: *const std::ffi::c_char) -> &'a str {
    CStr::from_ptr(pointer).to_str().unwrap_or("")
}

/// What a pointer and a count mean. Of a count of zero the pointer does not matter.
///
/// # Safety
/// `count` elements are there for as long as 'a.
pub unsafe fn list<'a, T>(pointer: *const T, count: i64) -> &'a [T] {
    match usize::try_from(count) {
        Ok(count) if count > 0 => std::slice::from_raw_parts(pointer, count),
        _ => &[],
    }
}

impl Tensor {
    /// Rows and columns of a matrix.
    ///
    /// # Safety
    /// A matrix of the host's.
    pub unsafe fn size(&self) -> (i64, i64) {
        (*self.shape, *self.shape.add(1))
    }

    /// # Safety
    /// A matrix of the host's, and an element within it.
    pub unsafe fn element(&self, row: i64, column: i64) -> f64 {
        let values = (self.data as *const u8).add(self.byte_offset as usize) as *const f32;
        let place = row * *self.strides + column * *self.strides.add(1);
        f64::from(*values.offset(place as isize))
    }
}
