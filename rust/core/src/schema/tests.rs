//! Each rule on types by itself.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::{SchemaId, Tools, Types};
use crate::error::ErrorKind;

/// The tool list with the function `f`.
pub(super) fn tools(parameters: &str) -> Tools {
    let list = format!(r#"[{{"type":"function","function":{{"name":"f","parameters":{parameters}}}}}]"#);
    Tools::from_json(&list).unwrap()
}

/// Follows a path from the parameters of `f`: keys, and `[]` for the items.
pub(super) fn follow(tools: &Tools, path: &[&str]) -> SchemaId {
    path.iter().fold(tools.parameters("f"), |id, step| match *step {
        "[]" => tools.item(id),
        key => tools.child(id, key),
    })
}

pub(super) fn names(types: Types) -> String {
    let names = [
        (Types::STRING, "string"),
        (Types::NUMBER, "number"),
        (Types::INTEGER, "integer"),
        (Types::BOOLEAN, "boolean"),
        (Types::NULL, "null"),
        (Types::OBJECT, "object"),
        (Types::ARRAY, "array"),
    ];
    let held: Vec<&str> = names.iter().filter(|(bit, _)| types.allows(*bit)).map(|(_, name)| *name).collect();
    if held.len() == 7 { "any".to_string() } else { held.join(" ") }
}

/// The types of the parameter `v`, whose schema is given; `a` and `b` are definitions.
fn types_of(schema: &str) -> String {
    let parameters = format!(r#"{{"type":"object","properties":{{"v":{schema}}},"$defs":{DEFINITIONS}}}"#);
    let tools = tools(&parameters);
    names(tools.types(follow(&tools, &["v"])))
}

const DEFINITIONS: &str = r##"{
    "s":{"type":"string"}, "a/b c":{"type":"string"}, "m~n":{"type":"integer"}, "~1":{"type":"boolean"},
    "%41":{"type":"null"}, "é":{"type":"array"}, "list":[{"type":"string"},{"type":"integer"}], "":{"type":"null"},
    "to_s":{"$ref":"#/$defs/s"}, "x":{"$ref":"#/$defs/y"}, "y":{"$ref":"#/$defs/x"}, "no":false, "seven":7,
    "p":{"allOf":[{"$ref":"#/$defs/q"},{"type":["string","null"]}]},
    "q":{"anyOf":[{"$ref":"#/$defs/p"},{"type":"integer"}]}
}"##;

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (schema, expected) in cases {
        assert_eq!(types_of(schema), *expected, "{schema}");
    }
}

#[test]
fn type_names() {
    check(&[
        (r#"{"type":"string"}"#, "string"),
        (r#"{"type":"integer"}"#, "integer"),
        (r#"{"type":"number"}"#, "number integer"),
        (r#"{"type":"boolean"}"#, "boolean"),
        (r#"{"type":"null"}"#, "null"),
        (r#"{"type":"object"}"#, "object"),
        (r#"{"type":"array"}"#, "array"),
        (r#"{"type":"STRING"}"#, "string"),
        (r#"{"type":"Number"}"#, "number integer"),
        (r#"{"type":["string","integer"]}"#, "string integer"),
        (r#"{"type":["STRING","null","string"]}"#, "string null"),
        // Unknown names, and what is no name at all.
        (r#"{"type":"text"}"#, "any"),
        (r#"{"type":"ſtring"}"#, "any"),
        (r#"{"type":["string","text"]}"#, "any"),
        (r#"{"type":["string",{"type":"null"}]}"#, "any"),
        (r#"{"type":[]}"#, "any"),
        (r#"{"type":7}"#, "any"),
        (r#"{"type":null}"#, "any"),
        (r#"{"type":"string","type":"integer"}"#, "integer"),
        ("{}", "any"),
        ("true", "any"),
        ("false", "any"),
        ("null", "any"),
        (r#""string""#, "any"),
        (r#"[{"type":"string"}]"#, "any"),
        (r#"{"description":"a string","format":"date","minLength":1}"#, "any"),
    ]);
}

#[test]
fn const_and_enum() {
    check(&[
        (r#"{"enum":["1","2"]}"#, "string"),
        (r#"{"enum":[1,2]}"#, "integer"),
        (r#"{"enum":[1,2.5]}"#, "number integer"),
        (r#"{"enum":[1e2]}"#, "number integer"),
        (r#"{"enum":["a",null]}"#, "string null"),
        (r#"{"enum":[true,[],{}]}"#, "boolean object array"),
        (r#"{"enum":[]}"#, "any"),
        (r#"{"enum":"a"}"#, "any"),
        (r#"{"const":null}"#, "null"),
        (r#"{"const":-5}"#, "integer"),
        (r#"{"const":"5"}"#, "string"),
        (r#"{"type":"string","const":"null"}"#, "string"),
        (r#"{"type":"string","enum":["a",null]}"#, "string"),
        (r#"{"type":"number","enum":[1,2]}"#, "integer"),
        (r#"{"type":"integer","enum":[1.0]}"#, "integer"),
        (r#"{"type":["string","null"],"const":null,"enum":["a",null]}"#, "null"),
        // A contradiction within one schema object restricts nothing.
        (r#"{"type":"string","enum":[1,2]}"#, "any"),
        (r#"{"type":"string","enum":[1,2],"nullable":true}"#, "any"),
        (r#"{"anyOf":[{"type":"string","enum":[1,2]},{"type":"null"}]}"#, "any"),
    ]);
}

#[test]
fn all_of_and_siblings_intersect() {
    check(&[
        (r#"{"allOf":[{"type":"string"},{"minLength":1}]}"#, "string"),
        (r#"{"allOf":[{"type":["string","null"]},{"type":["null","integer"]}]}"#, "null"),
        (r#"{"type":["string","null"],"allOf":[{"type":["string","integer"]}]}"#, "string"),
        (r#"{"allOf":[{"type":"number"},{"type":"integer"}]}"#, "integer"),
        (r#"{"allOf":[{"allOf":[{"type":["string","null"]}]},{"allOf":[{"enum":["a",1]}]}]}"#, "string"),
        (r#"{"type":"string","anyOf":[{"minLength":1},{"maxLength":2}]}"#, "string"),
        (r#"{"type":["string","integer"],"anyOf":[{"type":"string"},{"type":"null"}]}"#, "string"),
        (r#"{"anyOf":[{"type":"string"},{"type":"null"}],"oneOf":[{"type":"null"},{"type":"integer"}]}"#, "null"),
        (r##"{"$ref":"#/$defs/s","description":"x"}"##, "string"),
        (r##"{"$ref":"#/$defs/s","type":["string","null"]}"##, "string"),
        (r#"{"type":"string","allOf":[true,false,7]}"#, "string"),
        (r#"{"allOf":[]}"#, "any"),
        (r#"{"allOf":{"type":"string"}}"#, "any"),
        (r#"{"type":"string","allOf":[{"type":"integer"}]}"#, "any"),
        (r##"{"$ref":"#/$defs/s","type":"integer"}"##, "any"),
    ]);
}

#[test]
fn any_of_and_one_of_unite() {
    check(&[
        (r#"{"anyOf":[{"type":"string"},{"type":"null"}]}"#, "string null"),
        (r#"{"oneOf":[{"type":"string"},{"const":5}]}"#, "string integer"),
        (
            r#"{"anyOf":[{"anyOf":[{"type":"string"},{"type":"null"}]},{"oneOf":[{"enum":[true]}]}]}"#,
            "string boolean null",
        ),
        (r##"{"anyOf":[{"$ref":"#/$defs/s"},{"type":"null"}]}"##, "string null"),
        (r#"{"anyOf":[{"allOf":[{"type":"string"}]},{"items":{},"type":"array"}]}"#, "string array"),
        // A branch that says nothing restricts nothing.
        (r#"{"anyOf":[{"type":"string"},{"minimum":1}]}"#, "any"),
        (r#"{"anyOf":[{"type":"string"},true]}"#, "any"),
        (r#"{"anyOf":[{"type":"string"},false]}"#, "any"),
        (r##"{"anyOf":[{"type":"string"},{"$ref":"#/nowhere"}]}"##, "any"),
        (r#"{"type":"string","anyOf":[]}"#, "string"),
        (r#"{"type":"string","anyOf":{"type":"null"}}"#, "string"),
        // A branch that nothing can satisfy is left out while another remains.
        (r##"{"anyOf":[{"$ref":"#/$defs/s","type":"integer"},{"type":"null"}]}"##, "null"),
    ]);
}

#[test]
fn nullable() {
    check(&[
        (r#"{"type":"string","nullable":true}"#, "string null"),
        (r#"{"type":"string","nullable":false}"#, "string"),
        (r#"{"type":"string","nullable":"true"}"#, "string"),
        (r#"{"nullable":true}"#, "any"),
        (r#"{"type":"STRING","enum":["a"],"nullable":true}"#, "string null"),
        (r##"{"$ref":"#/$defs/s","nullable":true}"##, "string null"),
        (r#"{"allOf":[{"type":"string"}],"nullable":true}"#, "string null"),
        (r#"{"anyOf":[{"type":"string"},{"type":"integer"}],"nullable":true}"#, "string integer null"),
        (r#"{"anyOf":[{"type":"string","nullable":true},{"type":"integer"}]}"#, "string integer null"),
        (r#"{"allOf":[{"type":"string","nullable":true},{"type":"string"}]}"#, "string"),
        (r#"{"allOf":[{"type":"string","nullable":true},{"type":"string","nullable":true}]}"#, "string null"),
        (r#"{"type":"object","properties":{"a":{}},"nullable":true}"#, "null object"),
        (r#"{"type":"array","items":{},"nullable":true,"allOf":[{"type":"array"}]}"#, "null array"),
    ]);
}

#[test]
fn references() {
    check(&[
        (r##"{"$ref":"#/$defs/s"}"##, "string"),
        (r##"{"$ref":"#/$defs/to_s"}"##, "string"),
        (r##"{"$ref":"#/$defs/a~1b%20c"}"##, "string"),
        (r##"{"$ref":"#/$defs/a%7E1b c"}"##, "string"),
        (r##"{"$ref":"#/%24defs%2Fs"}"##, "string"),
        (r##"{"$ref":"#/$defs/m~0n"}"##, "integer"),
        (r##"{"$ref":"#/$defs/~01"}"##, "boolean"),
        (r##"{"$ref":"#/$defs/%2541"}"##, "null"),
        (r##"{"$ref":"#/$defs/%c3%A9"}"##, "array"),
        (r##"{"$ref":"#/$defs/"}"##, "null"),
        (r##"{"$ref":"#/$defs/list/1"}"##, "integer"),
        (r##"{"$ref":"#"}"##, "object"),
        (r##"{"$ref":"#/properties/v"}"##, "any"),
        // Nothing there, or not here.
        (r##"{"$ref":"#/$defs/none"}"##, "any"),
        (r##"{"$ref":"#/$defs/list/01"}"##, "any"),
        (r##"{"$ref":"#/$defs/list/+1"}"##, "any"),
        (r##"{"$ref":"#/$defs/list/-"}"##, "any"),
        (r##"{"$ref":"#/$defs/list/2"}"##, "any"),
        (r##"{"$ref":"#/$defs/list/99999999999999999999"}"##, "any"),
        (r##"{"$ref":"#/$defs/s/type"}"##, "any"),
        (r##"{"$ref":"#/$defs/s/type/x"}"##, "any"),
        (r##"{"$ref":"#/$defs/%ff"}"##, "any"),
        (r##"{"$ref":"#/$defs/%4"}"##, "any"),
        (r##"{"$ref":"#/$defs/no"}"##, "any"),
        (r##"{"$ref":"#/$defs/seven"}"##, "any"),
        (r##"{"$ref":"#s"}"##, "any"),
        (r#"{"$ref":"$defs/s"}"#, "any"),
        (r#"{"$ref":"https://example.com/s.json#/$defs/s"}"#, "any"),
        (r#"{"$ref":7,"type":"string"}"#, "string"),
        (r#"{"$ref":""}"#, "any"),
        // In circles.
        (r##"{"$ref":"#/$defs/x"}"##, "any"),
        (r##"{"$ref":"#/$defs/x","type":"string"}"##, "string"),
        (r##"{"$ref":"#/properties/v","type":"string"}"##, "string"),
        (r##"{"$ref":"#/$defs/p"}"##, "string null"),
        (r##"{"$ref":"#/$defs/q"}"##, "string integer null"),
    ]);
}

#[test]
fn references_start_at_the_parameters_of_their_own_function() {
    let tools = Tools::from_json(
        r##"[{"name":"f","parameters":{"properties":{"v":{"$ref":"#/$defs/s"}},"$defs":{"s":{"type":"string"}}}},
             {"name":"g","parameters":{"properties":{"v":{"$ref":"#/$defs/s"}},"$defs":{"s":{"type":"integer"}}}},
             {"name":"h","parameters":{"properties":{"v":{"$ref":"#/$defs/s"}}}}]"##,
    )
    .unwrap();
    let types = |name| names(tools.types(tools.child(tools.parameters(name), "v")));
    assert_eq!([types("f"), types("g"), types("h")], ["string", "integer", "any"]);
}

#[test]
fn questions_about_types() {
    let tools = tools(
        r#"{"properties":{"s":{"type":"string"},"n":{"type":"number"},"i":{"type":"integer"},"e":{"enum":[1,2]},
            "si":{"type":["string","integer"]},"z":{"type":"null"},"x":{}}}"#,
    );
    let types = |key| tools.types(follow(&tools, &[key]));
    let list = |ask: fn(Types) -> bool| {
        ["s", "n", "i", "e", "si", "z", "x"].into_iter().filter(|k| ask(types(k))).collect::<Vec<_>>()
    };
    assert_eq!(list(Types::only_strings), ["s"]);
    assert_eq!(list(Types::allows_string), ["s", "si", "x"]);
    assert_eq!(list(Types::allows_number), ["n", "i", "e", "si", "x"]);
    assert_eq!(list(Types::integer_only), ["i", "e", "si"]);
    assert_eq!(tools.types(SchemaId::ANY), Types::ALL);
    assert_eq!(follow(&tools, &["x"]), SchemaId::ANY);
}

#[test]
fn children() {
    let tools = tools(
        r#"{"type":"object","properties":{
            "plain":{"type":"string"}, "free":{}, "yes":true, "odd":7,
            "nested":{"type":"object","properties":{"é":{"type":"integer"},
                "deep":{"properties":{"x":{"type":"null"}}}}},
            "map":{"type":"object","additionalProperties":{"type":"integer"}},
            "both":{"properties":{"a":{"type":"string"}},"additionalProperties":{"type":"integer"}},
            "closed":{"properties":{"a":{"type":"string"}},"additionalProperties":false},
            "empty":{"type":"object","properties":{}},
            "list":{"type":"array","items":{"type":"object","properties":{"a":{"type":"string"}}}},
            "lists":{"items":{"items":{"type":"string"}}},
            "tuple":{"type":"array","items":[{"type":"string"}]},
            "text":{"type":"string","properties":{"a":{"type":"string"}},"items":{"type":"string"}}
        }}"#,
    );
    let types = |path: &[&str]| names(tools.types(follow(&tools, path)));
    assert_eq!(types(&[]), "object");
    assert_eq!(types(&["plain"]), "string");
    assert_eq!(types(&["nested", "é"]), "integer");
    assert_eq!(types(&["nested", "deep", "x"]), "null");
    assert_eq!(types(&["map", "whatever"]), "integer");
    assert_eq!(types(&["both", "a"]), "string");
    assert_eq!(types(&["both", "b"]), "integer");
    assert_eq!(types(&["list", "[]"]), "object");
    assert_eq!(types(&["list", "[]", "a"]), "string");
    assert_eq!(types(&["lists", "[]", "[]"]), "string");
    for free in [
        &["free"][..],
        &["yes"],
        &["odd"],
        &["undeclared"],
        &["closed", "b"],
        &["empty", "a"],
        &["tuple", "[]"],
        &["text", "a"],
        &["text", "[]"],
        &["plain", "a"],
        &["plain", "[]"],
        &["undeclared", "[]", "a"],
        &["list", "a"],
    ] {
        assert_eq!(follow(&tools, free), SchemaId::ANY, "{free:?}");
    }
    let declares = |key| tools.declares(follow(&tools, &[key]));
    assert!(tools.declares(tools.parameters("f")));
    let declaring = ["nested", "both", "closed"];
    for key in ["plain", "free", "nested", "map", "both", "closed", "empty", "list", "text", "undeclared"] {
        assert_eq!(declares(key), declaring.contains(&key), "{key}");
    }
    let nested = follow(&tools, &["nested"]);
    assert!(tools.is_property(nested, "é") && tools.is_property(nested, "deep"));
    assert!(!tools.is_property(nested, "e") && !tools.is_property(nested, "") && !tools.is_property(nested, "plain"));
    assert_eq!(tools.longest_property(nested), 4);
    assert_eq!(tools.longest_property(tools.parameters("f")), 6);
    assert!(!tools.is_property(follow(&tools, &["map"]), "a"));
    assert_eq!(tools.longest_property(SchemaId::ANY), 0);
}

#[test]
fn of_duplicate_keys_the_last_counts() {
    let tools = tools(
        r#"{"properties":{"z":{"type":"null"}},
            "properties":{"b":{"type":"null"},"a":{"type":"string"},"b":{"type":"integer"},"b":{"type":"boolean"}}}"#,
    );
    let types = |key| names(tools.types(follow(&tools, &[key])));
    assert_eq!([types("a"), types("b"), types("z")], ["string", "boolean", "any"]);
}

#[test]
fn children_of_combined_schemas() {
    let tools = tools(
        r##"{"properties":{
            "all":{"allOf":[{"properties":{"a":{"type":["string","null"]},"b":{"type":"integer"}}},
                            {"properties":{"a":{"type":["null","integer"]}},
                             "additionalProperties":{"type":["integer","string"]}}],
                   "properties":{"c":{"type":"string"}}},
            "any":{"anyOf":[{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}}},
                            {"type":"object","properties":{"a":{"type":"integer"}},
                             "additionalProperties":{"type":"null"}},
                            {"type":"array","items":{"type":"string"},"properties":{"d":{}}},
                            {"type":"null"}]},
            "half":{"anyOf":[{"properties":{"a":{"type":"string"}}},{"type":"object"}]},
            "lists":{"anyOf":[{"type":"array","items":{"type":"string"}},{"type":"array","items":{"type":"null"}},
                              {"type":"array"}]},
            "optional":{"nullable":true,"properties":{"a":{"type":"string"}},"items":{"type":"string"}},
            "ref":{"$ref":"#/$defs/o","nullable":true},
            "required":{"properties":{"a":{"type":"string"}},"anyOf":[{"required":["a"]},{"required":["b"]}]},
            "tagged":{"type":"object","oneOf":[{"properties":{"kind":{"const":"x"},"v":{"type":"string"}}},
                                               {"properties":{"kind":{"const":"y"},
                  "v":{"type":"object","properties":{"w":{"type":"null"}}}}}]}
        },"$defs":{"o":{"type":"object","properties":{"a":{"type":"string"}}}}}"##,
    );
    let types = |path: &[&str]| names(tools.types(follow(&tools, path)));
    assert_eq!(types(&["all", "a"]), "null");
    assert_eq!(types(&["all", "b"]), "integer");
    assert_eq!(types(&["all", "c"]), "string");
    assert_eq!(types(&["all", "d"]), "string integer");
    assert_eq!(types(&["any"]), "null object array");
    assert_eq!(types(&["any", "a"]), "string integer");
    assert_eq!(types(&["any", "b"]), "string null");
    assert_eq!(types(&["any", "c"]), "null");
    assert_eq!(types(&["any", "[]"]), "string");
    assert_eq!(types(&["half", "a"]), "string");
    assert_eq!(types(&["half", "b"]), "any");
    assert_eq!(types(&["lists", "[]"]), "string null");
    assert_eq!(types(&["optional", "a"]), "string");
    assert_eq!(types(&["optional", "[]"]), "string");
    assert_eq!(types(&["ref"]), "null object");
    assert_eq!(types(&["ref", "a"]), "string");
    assert_eq!(types(&["tagged", "kind"]), "string");
    assert_eq!(types(&["tagged", "v"]), "string object");
    assert_eq!(types(&["tagged", "v", "w"]), "null");
    let id = |key| follow(&tools, &[key]);
    for (key, declares) in
        [("all", true), ("any", true), ("half", false), ("optional", true), ("ref", true), ("required", true)]
    {
        assert_eq!(tools.declares(id(key)), declares, "{key}");
    }
    assert!(tools.is_property(id("any"), "b") && !tools.is_property(id("any"), "d"));
    assert!(tools.is_property(id("half"), "a"));
    assert!(tools.declares(follow(&tools, &["tagged", "v"])));
}

#[test]
fn recursive_schemas() {
    let tools = tools(
        r##"{"type":"object","properties":{
            "value":{"type":"string"},
            "children":{"type":"array","items":{"$ref":"#"}},
            "next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]},
            "self":{"$ref":"#/properties/self","type":"object","properties":{"self":{"$ref":"#/properties/self"}}}
        },"$defs":{"node":{"type":"object","properties":{"left":{"$ref":"#/$defs/node"},
            "right":{"$ref":"#/$defs/node","nullable":true},
            "key":{"type":"integer"}}}}}"##,
    );
    let root = tools.parameters("f");
    assert_eq!(follow(&tools, &["children", "[]"]), root, "a cycle comes back to its node");
    let mut path = vec!["next"];
    for turn in 0..50 {
        let id = follow(&tools, &path);
        assert!(tools.declares(id) && tools.is_property(id, "key"));
        path.push("key");
        assert_eq!(names(tools.types(follow(&tools, &path))), "integer");
        path.pop();
        path.push(if turn % 3 == 0 { "right" } else { "left" });
    }
    assert!(tools.declares(follow(&tools, &["self"; 9])));
    assert!(tools.nodes.len() < 10, "{}", tools.nodes.len());
}

#[test]
fn entries() {
    let tools = Tools::from_json(
        r#"[{"type":"function","function":{"name":"get_weather","parameters":{"properties":{"v":{"type":"string"}}}}},
            {"type":"function","name":"get_time","parameters":{"properties":{"v":{"type":"string"}}}},
            {"type":"web_search"}, {"type":"function","function":{"description":"no name"}},
            {"name":"odd","function":null,"parameters":[]}, {"name":"none"}, {"name":"null","parameters":null},
            {"name":"twice","parameters":{"properties":{"v":{"type":"string"}}}},
            {"name":"twice","parameters":{"properties":{"v":{"type":"null"}}}},
            {"name":"thrice","parameters":{"properties":{"v":{"type":"string"}}}}, {"name":"thrice"}]"#,
    )
    .unwrap();
    assert_eq!(
        tools.names().collect::<Vec<_>>(),
        ["get_time", "get_weather", "none", "null", "odd", "thrice", "twice"]
    );
    let types = |name| names(tools.types(tools.child(tools.parameters(name), "v")));
    assert_eq!([types("get_time"), types("get_weather"), types("twice")], ["string", "string", "null"]);
    for name in ["none", "null", "odd", "thrice", "unknown"] {
        assert_eq!(tools.parameters(name), SchemaId::ANY, "{name}");
    }
    assert!(
        tools.is_declared("odd") && !tools.is_declared("get") && !tools.is_declared("") && !tools.is_declared("zzz")
    );
    for prefix in ["", "g", "get_", "get_t", "get_time", "get_w", "n", "t", "tw", "twice"] {
        assert!(tools.has_prefix(prefix), "{prefix}");
    }
    for other in ["a", "get_times", "get_x", "ge_", "o_", "twicf", "z", "é"] {
        assert!(!tools.has_prefix(other), "{other}");
    }
    assert!(!tools.is_empty());
}

#[test]
fn lists_without_functions() {
    for json in ["null", "[]", r#"[{"type":"web_search"}]"#, "[{}]"] {
        let tools = Tools::from_json(json).unwrap();
        assert!(tools.is_empty() && tools.names().next().is_none());
        assert!(!tools.has_prefix("") && !tools.is_declared("f"));
        assert_eq!(tools.parameters("f"), SchemaId::ANY);
    }
}

#[test]
fn errors() {
    for (json, message) in [
        ("{}", "tools: expected a list"),
        (r#""tools""#, "tools: expected a list"),
        (r#"[{"name":"a"},{},"x"]"#, "tools[2]: expected an object"),
        ("[null]", "tools[0]: expected an object"),
        (r#"[{"name":"a"},{"name":7}]"#, "tools[1]: expected the function's name to be a string"),
        (r#"[{"type":"function","function":{"name":null}}]"#, "tools[0]: expected the function's name to be a string"),
    ] {
        let error = Tools::from_json(json).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Tools, message));
    }
    assert_eq!(Tools::from_json("[").unwrap_err().kind(), ErrorKind::Json);
    let deep = format!("{}{}", "[".repeat(300), "]".repeat(300));
    assert_eq!(Tools::from_json(&deep).unwrap_err().kind(), ErrorKind::Json);
}

#[test]
fn tools_cross_threads() {
    fn assert_send_sync<T: Send + Sync + core::fmt::Debug + 'static>() {}
    assert_send_sync::<Tools>();
}
