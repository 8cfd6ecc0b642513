//! Argument texts by themselves: what the whole text decides, and where a fault is.
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

use gemma4_parser::{ErrorKind, arguments_to_json};

/// A quote in the text may be decided by the bracket behind it only. What then follows the arguments is not dropped.
#[test]
fn nothing_follows_the_arguments() {
    for (text, offset) in
        [("a:'y',`'} x`", 10), ("a:'y',`:'}`", 10), ("a:'y',<|\"|>k'}x<|\"|>", 14), ("a:'y',\"'}\"", 9), ("a:1} x", 5)]
    {
        let error = arguments_to_json(text, false).unwrap_err();
        assert_eq!((error.kind(), error.offset()), (ErrorKind::Arguments, offset), "{text}: {error}");
    }
    assert_eq!(arguments_to_json("a:'y',`k`:1", false).unwrap(), r#"{"a":"y","k":1}"#);
}

/// What is left open is a fault at the end of the text.
#[test]
fn texts_that_end_too_early() {
    for text in ["a", "a:[1", "a:<|\"|>x", "a:'x", "a:\"x", "a:{b:1", "a:1} cal", "{a:1"] {
        let error = arguments_to_json(text, false).unwrap_err();
        assert_eq!((error.kind(), error.offset()), (ErrorKind::Arguments, text.len()), "{text}: {error}");
    }
}
