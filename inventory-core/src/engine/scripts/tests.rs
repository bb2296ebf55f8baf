use super::*;

#[test]
fn every_script_is_assembled_with_its_library() {
    for script in Scripts::assemble().all() {
        assert!(script.text.starts_with("#!lua"), "{}", script.name);
        assert!(
            !script.text.contains("--[["),
            "{}: the header is left out",
            script.name
        );
    }
}
