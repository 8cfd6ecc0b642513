//! Argument texts by themselves: what the whole text decides, and where a fault is.
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

use gemma4_parser::canonical::{Canonical, Token};
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

/// The reader of canonical arguments reads what the template prints, and nothing else.
#[test]
fn canonical_arguments() {
    let mut reader = Canonical::new("a:<|\"|>x<y, \"z\"<|\"|>,b-1:[1,-2.5e3,[],{}],c:{d:true,e.f:null}");
    let expected = [
        Token::Key("a"),
        Token::String("x<y, \"z\""),
        Token::Key("b-1"),
        Token::Array,
        Token::Integer(1),
        Token::Number("-2.5e3"),
        Token::Array,
        Token::Close,
        Token::Object,
        Token::Close,
        Token::Close,
        Token::Key("c"),
        Token::Object,
        Token::Key("d"),
        Token::Bool(true),
        Token::Key("e.f"),
        Token::Null,
        Token::Close,
        Token::End,
    ];
    for token in expected {
        assert_eq!(reader.pull(), token);
    }
    let mut nested = "[".repeat(255);
    nested.push_str(&"]".repeat(255));
    for (text, is_canonical) in [
        ("", true),
        (&*format!("a:{nested}"), true),
        (&*format!("a:[{nested}]"), false),
        ("a:<|\"|><|turn<|\"|>", true),
        ("a:<|\"|><turn|><|\"|>", false),
        ("a:<|\"|><eos><|\"|>", false),
        ("a:<|\"|>x<|\"|", false),
        ("a:<|\"|>x", false),
        ("a:1,", false),
        ("a:[1,]", false),
        ("a:[1", false),
        ("a:1}", false),
        ("a:[1}", false),
        ("a:", false),
        ("a:01", false),
        ("a:1 ", false),
        (" a:1", false),
        ("a:truex", false),
        ("a:x", false),
        ("\"a\":1", false),
        ("a=1", false),
        ("{a:1}", false),
    ] {
        let mut reader = Canonical::new(text);
        let last = loop {
            if let token @ (Token::End | Token::Other) = reader.pull() {
                break token;
            }
        };
        assert_eq!(last == Token::End, is_canonical, "{text}");
    }
}
