use super::*;

#[test]
fn values_keep_order_duplicates_and_spelling() {
    let value = parse(" {\"a\" : [1.0,-0, 1E+5,\"\"],\"b\":{},\"a\":true,\"\\u0061\\n\":null} ", 2).unwrap();
    assert_eq!(value.as_object().unwrap().len(), 4);
    assert_eq!(value.get("a").unwrap().as_bool(), Some(true));
    assert_eq!(value.get("a\n"), Some(&Value::Null));
    let items = value.as_object().unwrap()[0].1.as_array().unwrap();
    assert_eq!(items[..3], ["1.0", "-0", "1E+5"].map(|spelling| Value::Number(spelling.into())));
    assert_eq!((items[3].as_str(), items[3].get("a")), (Some(""), None));
}

#[test]
fn errors_have_a_place_and_a_sentence() {
    for (text, place, message) in [
        ("", 0, "expected a value"),
        ("[1,]", 3, "expected a value"),
        ("[1 2]", 3, "expected `,` or `]` after a value"),
        ("{\"a\":1]", 6, "expected `,` or `}` after a value"),
        ("{a:1}", 1, "expected a key in double quotes"),
        ("{\"a\":1,}", 7, "expected a key in double quotes"),
        ("{\"a\" 1}", 5, "expected `:` after a key"),
        ("1 1", 2, "expected the end of the text"),
        ("[1.]", 3, "expected a digit"),
        ("\u{a0}1", 0, "expected a value"),
        ("[\"é\\x\"]", 4, "invalid escape in a string"),
        ("\"\\u12\"", 1, "invalid escape in a string"),
        ("\"a\tb\"", 2, "control character in a string"),
        ("[\"abc", 1, "this string is never closed"),
        ("[[[1]]]", 2, "nested deeper than 2 levels"),
    ] {
        let error = parse(text, 2).unwrap_err();
        assert_eq!((error.kind(), error.offset(), error.message()), (ErrorKind::Json, place, message), "{text}");
    }
}

#[test]
fn escapes() {
    let mut out = String::new();
    write_escaped("a\"\\/\u{8}\u{c}\n\r\t\0\u{1f}\u{7f}é😀", &mut out);
    assert_eq!(out, "a\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\u{7f}é😀");
    for (inner, strict, lossy) in [
        ("\\ud83d\\uDE00\\/\\u00e9\n", Some("😀/é\n"), "😀/é\n"),
        ("\\ud83d\\u0041", None, "\u{FFFD}A"),
        ("\\ud83d\\ud83d\\ude00\\ude00", None, "\u{FFFD}😀\u{FFFD}"),
    ] {
        let mut out = String::from("x");
        assert_eq!(unescape(inner, &mut out), strict.is_some(), "{inner}");
        assert_eq!(out[1..], *strict.unwrap_or_default());
        let text = inner.replace('\n', "\\n");
        assert_eq!(parse(&format!("\"{text}\""), 0).unwrap().as_str(), Some(lossy));
        assert_eq!(reformat(&format!("\"{text}\""), false, 0, &mut out), strict.is_some());
    }
    let invalid = ["\\", "\\x", "\\u", "\\u+123", "\\u12g4", "a\\nb\\"];
    assert!(!invalid.iter().any(|inner| unescape(inner, &mut out)));
}

#[test]
fn depth_is_bounded_for_values_and_free_for_skipping() {
    let (deep, mut out) = ("[{\"a\":".repeat(100_000) + "1" + &"}]".repeat(100_000), String::from("x"));
    assert_eq!(parse(&deep, usize::MAX).unwrap_err().message(), "nested deeper than 1024 levels");
    let mut reader = Reader::new(&deep);
    reader.skip_value().unwrap();
    assert_eq!((reader.pull(), reader.offset()), (Ok(None), deep.len()));
    assert!(!reformat(&deep, false, 256, &mut out) && !reformat("[1", false, 256, &mut out));
    assert!(reformat(" {\"b\" : [1.50 ,\"\\u0009\\/\"],\"b\":{ } }", true, 2, &mut out));
    assert_eq!(out, "x{\"b\": [1.50, \"\\t/\"], \"b\": {}}");
}

#[test]
fn the_grammar_is_that_of_serde_json() {
    let pieces: Vec<&str> = "[|]|{|}|,|:|\"|\"a\"|\\|\\n|0|1|-|.|e|+|null| |\t|é".split('|').collect();
    let (mut state, mut valid) = (1_u64, 0);
    let mut random = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound
    };
    for _ in 0..300_000 {
        let mut parts: Vec<_> = "{|\"a\"|:|[|1|,|-|0|.|1|e|+|1|,|{|}|,|[|]|]|,|\"|\\n|\"|:|null|}".split('|').collect();
        for _ in 0..random(4) {
            let (at, piece) = (random(parts.len()), pieces[random(pieces.len())]);
            if random(2) == 0 { parts[at] = piece } else { parts.insert(at, piece) }
        }
        let text = parts[random(4) / 3 * random(parts.len())..].concat();
        let ours = parse(&text, 64).ok();
        assert_eq!(ours.is_some(), serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
        assert_eq!(is_number(&text), matches!(&ours, Some(Value::Number(same)) if *same == text), "{text}");
        for spaced in [false, true] {
            let mut again = String::new();
            assert_eq!(reformat(&text, spaced, 64, &mut again), ours.is_some(), "{text}");
            assert_eq!(parse(&again, 64).ok(), ours, "{text}");
        }
        valid += usize::from(ours.is_some());
    }
    assert!(valid > 5_000, "{valid}");
}
