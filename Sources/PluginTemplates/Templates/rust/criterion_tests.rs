//! What the host would do, with numbers worked out by hand.
use crate::abi::*;
use std::ffi::CStr;
use std::mem::size_of;
use std::ptr::null_mut;

#[test]
fn scores_are_means_of_powers() {
    // Two channels: the rows of up_proj and the columns of down_proj.
    let mut up: [f32; 4] = [1.0, -2.0, 3.0, 4.0];
    let mut down: [f32; 4] = [5.0, -6.0, 7.0, 8.0];
    // (1 + 2 + 5 + 7) / 4, (3 + 4 + 6 + 8) / 4
    assert_eq!(scores(c"{\"power\":1}", &mut up, &mut down), [3.75, 5.25]);
    // (1 + 4 + 25 + 49) / 4, (9 + 16 + 36 + 64) / 4
    assert_eq!(scores(c"{\"power\":2}", &mut up, &mut down), [19.75, 31.25]);
}

fn scores(options: &CStr, up: &mut [f32; 4], down: &mut [f32; 4]) -> [f32; 2] {
    let shape = [2, 2];
    let strides = [2, 1];
    let matrix = |name: &'static CStr, axis, values: &mut [f32; 4]| Matrix {
        struct_size: size_of::<Matrix>() as u32,
        axis,
        name: name.as_ptr(),
        repeats: 1,
        positions: 1,
        weight: Tensor {
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
        },
        statistics: std::ptr::null(),
    };
    let rows = matrix(c"up_proj", ROWS, up);
    let columns = matrix(c"down_proj", COLUMNS, down);
    let matrices: [*const Matrix; 2] = [&rows, &columns];
    let original = [0, 1];
    let units = Units {
        struct_size: size_of::<Units>() as u32,
        family: c"mlp".as_ptr(),
        layer: 0,
        count: 2,
        original: original.as_ptr(),
        matrix_count: 2,
        matrices: matrices.as_ptr(),
        statistics: std::ptr::null(),
    };
    // All zero: no services, and nothing that the plugin reads.
    let host: Host = unsafe { std::mem::zeroed() };
    let model: Model = unsafe { std::mem::zeroed() };
    let mut scores = [0.0; 2];
    unsafe {
        let library = &*crate::adapt_pruner_plugin();
        assert_eq!((library.abi_major, library.count), (ABI_MAJOR, 1));
        let plugin = &**library.descriptors;
        assert_eq!(plugin.kind, CRITERION);
        let criterion = &*plugin.interface.cast::<Criterion>();
        let mut instance = null_mut();
        assert_eq!(
            (criterion.create)(&host, options.as_ptr(), &mut instance),
            OK
        );
        assert_eq!(
            (criterion.score)(instance, &host, &model, &units, scores.as_mut_ptr()),
            OK
        );
        (criterion.destroy)(instance);
    }
    scores
}
