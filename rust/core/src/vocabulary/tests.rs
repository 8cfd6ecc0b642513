use super::*;

const DECODER: &str = r#"{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},
    {"type":"ByteFallback"},{"type":"Fuse"}]}"#;

/// tokenizer.json with all control tokens added, `vocab` and `decoder`.
fn file(vocab: &str, more_added: &str, decoder: &str) -> String {
    let added: Vec<String> = ControlToken::ALL
        .iter()
        .map(|token| format!(r#"{{"content":{:?},"special":true,"id":{}}}"#, token.literal(), token.id()))
        .collect();
    let added = added.join(",") + more_added;
    format!(
        r#"{{"version":"1.0","added_tokens":[{added}],"decoder":{decoder},"model":{{"type":"BPE","vocab":{vocab}}}}}"#
    )
}

fn message(json: &str) -> String {
    let error = Vocabulary::from_tokenizer_json(json).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Vocabulary);
    error.message().into()
}

fn controls() -> Vec<(u32, &'static [u8])> {
    ControlToken::ALL.iter().map(|token| (token.id(), token.literal().as_bytes())).collect()
}

#[test]
fn pieces_and_their_classes() {
    let mut pieces = controls();
    pieces.extend([(300, "a b".as_bytes()), (10, &[0xF0, 0x9F]), (11, &[]), (12, b"x,"), (200, b"<turn|>")]);
    pieces.extend([(300, "a b".as_bytes()), (13, "é ".as_bytes()), (14, &[0xC3, b'a'])]);
    let vocabulary = Vocabulary::from_pieces(pieces.clone()).unwrap();
    assert_eq!(vocabulary.len(), 24 + 7);
    assert_eq!(vocabulary.piece(300), Some(Piece::Text("a b")));
    assert_eq!(vocabulary.piece(10), Some(Piece::Bytes("\u{F0}\u{9F}")));
    assert_eq!(vocabulary.piece(14), Some(Piece::Bytes("\u{C3}a")));
    assert_eq!(vocabulary.piece(11), Some(Piece::Text("")));
    assert_eq!(vocabulary.piece(200), Some(Piece::Control(ControlToken::TurnClose)));
    assert_eq!(vocabulary.control_id(ControlToken::TurnClose), Some(106));
    assert!(vocabulary.contains(11) && !vocabulary.contains(15) && !vocabulary.contains(u32::MAX));
    assert_eq!((vocabulary.piece(15), vocabulary.piece(258_885), vocabulary.piece(u32::MAX)), (None, None, None));
    assert_eq!(
        [300, 10, 11, 12, 13, 106].map(|id| plain(&vocabulary, id)),
        [Some("a b"), None, None, None, None, None]
    );
    for token in ControlToken::ALL {
        assert_eq!(vocabulary.piece(token.id()), Some(Piece::Control(token)));
        assert_eq!(vocabulary.control_id(token), Some(token.id()));
    }
    pieces.push((300, b"other"));
    let error = Vocabulary::from_pieces(pieces).unwrap_err();
    assert_eq!(error.message(), "token id 300 is given twice with different pieces");
    let error = Vocabulary::from_pieces([(1 << 24, "a"), ((1 << 24) + 1, "b")]).unwrap_err();
    assert_eq!(error.message(), "token id 16777217 is too large: 16777216 is the highest");
}

#[test]
fn missing_control_tokens_are_all_named() {
    let mut pieces = controls();
    pieces.retain(|(id, _)| ![0, 1, 52, 106, 258_884].contains(id));
    let error = Vocabulary::from_pieces(pieces).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Vocabulary);
    assert!(error.message().ends_with("it has no control tokens <eos>, <|\"|>, <turn|>"), "{error}");
    assert!(Vocabulary::from_pieces::<&str>([]).unwrap_err().message().contains("<|tool>, <tool|>, <|tool_call>"));
}

fn plain(vocabulary: &Vocabulary, id: u32) -> Option<&str> {
    vocabulary.text(id).and_then(|(text, plain)| plain.then_some(text))
}

#[test]
fn decode_puts_bytes_together() {
    let vocab = r#"{"▁He":300,"<0xF0>":301,"<0x9f>":302,"<0x98>":303,"<0x80>":304,"<0x0A>":305,"▁▁":306,"<0xzz>":307,
        "\u00e9\"":308,"<0x+f>":309,"<0x1>":310,"":311}"#;
    let vocabulary = Vocabulary::from_tokenizer_json(&file(vocab, "", DECODER)).unwrap();
    let decode = |ids: &[u32]| vocabulary.decode(ids).unwrap();
    assert_eq!(decode(&[300, 301, 302, 303, 304, 305, 306, 307, 308, 309]), " He😀\n  <0xzz>é\"\u{f}");
    assert_eq!(decode(&[301, 302, 311, 303, 106, 304, 300, 301]), "\u{FFFD}<turn|>\u{FFFD} He\u{FFFD}");
    assert_eq!(decode(&[48, 310, 52, 49]), "<|tool_call><0x1><|\"|><tool_call|>");
    assert_eq!((plain(&vocabulary, 300), plain(&vocabulary, 305), plain(&vocabulary, 306)), (Some(" He"), None, None));
    let error = vocabulary.decode(&[300, 312]).unwrap_err();
    assert_eq!((error.kind(), error.offset()), (ErrorKind::UnknownId, 1));
    assert_eq!(error.message(), "token id 312 is not in the vocabulary");
    let fused = Vocabulary::from_tokenizer_json(&file(vocab, "", r#"{"type":"Fuse"}"#)).unwrap();
    assert_eq!(fused.decode(&[300, 301]).unwrap(), "▁He<0xF0>");
}

#[test]
fn forms_of_tokenizer_json() {
    let more = r#",{"id":301,"content":"▁new","special":false},{"id":302,"content":"<0x41>"}"#;
    let by_id = Vocabulary::from_tokenizer_json(&file(r#"{"old":301,"x":300}"#, more, DECODER)).unwrap();
    assert_eq!(by_id.decode(&[300, 301, 302]).unwrap(), "x newA");
    let by_place = Vocabulary::from_tokenizer_json(&file(r#"[["<pad>",0],["b",-1.5]]"#, more, DECODER));
    let twice = message(&file("{}", ",{\"id\":1,\"content\":\"b\"}", DECODER));
    assert_eq!(twice, "token id 1 is given twice with different pieces");
    assert_eq!(by_place.unwrap().control_id(ControlToken::Pad), Some(0));
    // Fields in another order; the last of equal fields counts.
    let turned =
        file("{}", "", DECODER).replacen('{', "{\"model\":{\"vocab\":{\"a\":299,\"b\":300}},\"decoder\":1,", 1);
    let turned = Vocabulary::from_tokenizer_json(&turned).unwrap();
    assert_eq!((turned.contains(299), turned.len()), (false, 24));
}

#[test]
fn errors_of_tokenizer_json() {
    let error = Vocabulary::from_tokenizer_json("{\"model\": {\"vocab\": {\"a\" 1}}}").unwrap_err();
    assert_eq!((error.kind(), error.offset(), error.message()), (ErrorKind::Json, 25, "expected `:` after a key"));
    assert_eq!(Vocabulary::from_tokenizer_json("{} x").unwrap_err().kind(), ErrorKind::Json);
    assert_eq!(message("[]"), "tokenizer.json is no JSON object");
    assert_eq!(message("{\"version\":[{}]}"), "tokenizer.json has no `model.vocab`");
    assert_eq!(message("{\"model\":{\"merges\":[]}}"), "tokenizer.json has no `model.vocab`");
    assert_eq!(message("{\"model\":7}"), "the field `model` of tokenizer.json is no object");
    let no_token = "entry 24 of `added_tokens` of tokenizer.json has no usable `id` and `content`";
    for (vocab, added, found) in [
        ("\"a\"", "", "`model.vocab` of tokenizer.json is no object and no array"),
        ("{\"a\":-1}", "", "`model.vocab` of tokenizer.json has no usable id for the piece `a`"),
        ("{\"a\":1e3}", "", "`model.vocab` of tokenizer.json has no usable id for the piece `a`"),
        ("[[\"a\",0],[\"b\"]]", "", "entry 1 of `model.vocab` of tokenizer.json is no pair of piece and score"),
        ("{\"a\":300,\"b\":300}", "", "token id 300 is given twice with different pieces"),
        ("{}", ",7", no_token),
        ("{}", ",{\"content\":\"a\",\"id\":\"1\"}", no_token),
        ("{}", ",{\"id\":1}", no_token),
    ] {
        assert_eq!(message(&file(vocab, added, DECODER)), found);
    }
    let steps = "supported are `Replace` of `▁` by a space, `ByteFallback` and `Fuse`";
    for (decoder, found) in [
        ("null", "tokenizer.json has no `decoder`; "),
        ("{}", "the decoder of tokenizer.json has a step without a `type`; "),
        (r#"{"type":"ByteLevel"}"#, "has the step `ByteLevel`; "),
        (r#"{"type":"Sequence","decoders":[{"type":"Fuse"},{"type":"Strip"}]}"#, "has the step `Strip`; "),
        (r#"{"type":"Replace","pattern":{"Regex":"▁"},"content":" "}"#, "`Replace` of the regex `▁` by ` `; "),
        (r#"{"type":"Replace","pattern":{"String":"▁"},"content":""}"#, "`Replace` of `▁` by ``; "),
    ] {
        let message = message(&file("{}", "", decoder));
        assert!(message.ends_with(&(String::from(found) + steps)), "{message}");
    }
}
