//! Linker settings that Node-API needs.

fn main() {
    napi_build::setup();
}
