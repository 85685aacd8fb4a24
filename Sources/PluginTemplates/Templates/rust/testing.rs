//! What the tests of every kind share: a host that only calls, and the plugin's table.
#![allow(dead_code)] // not every kind needs all of it

use crate::abi::*;
use std::ffi::{c_void, CStr};
use std::mem::zeroed;
use std::ptr::null_mut;

/// A host without services, and a model without sizes. The plugin reads neither.
pub fn nothing() -> (Host, Model) {
    unsafe { (zeroed(), zeroed()) }
}

/// The plugin's table, found as the host finds it.
pub fn table<T>(kind: i32) -> &'static T {
    unsafe {
        let library = &*crate::adapt_pruner_plugin();
        assert_eq!((library.abi_major, library.count), (ABI_MAJOR, 1));
        let plugin = &**library.descriptors;
        assert_eq!(plugin.kind, kind);
        &*plugin.interface.cast::<T>()
    }
}

/// An instance with these options.
pub unsafe fn made(create: Create, host: &Host, options: &CStr) -> *mut c_void {
    let mut instance = null_mut();
    assert_eq!(create(host, options.as_ptr(), &mut instance), OK);
    instance
}

/// A matrix, row by row.
pub fn matrix(values: &mut [f32], shape: &[i64; 2], strides: &[i64; 2]) -> Tensor {
    Tensor {
        data: values.as_mut_ptr().cast(),
        device: Device { kind: 1, id: 0 },
        ndim: 2,
        dtype: DataType {
            code: 2,
            bits: 32,
            lanes: 1,
        },
        shape: shape.as_ptr(),
        strides: strides.as_ptr(),
        byte_offset: 0,
    }
}
