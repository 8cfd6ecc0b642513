//! Schemas at random against a naive reading; schemas that mean harm, for which an answer must come soon and without
//! much memory.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::tests::{follow, names, tools};
use super::{SchemaId, Tools, Types, compile};
use crate::json::{self, Value};

/// The naive reading: whether a schema without keys and items allows a type. A reference back to a schema that is being
/// read says nothing.
fn member<'a>(root: &'a Value<'a>, schema: &'a Value<'a>, bit: Types, above: &mut Vec<*const Value<'a>>) -> bool {
    if schema.as_object().is_none() || above.contains(&core::ptr::from_ref(schema)) {
        return true;
    }
    above.push(schema);
    let list = |word| schema.get(word).and_then(Value::as_array).unwrap_or_default();
    let named = schema.get("type").map_or(Types::ALL, Types::named);
    let listed = list("enum").iter().map(Types::of).fold(Types::NONE, Types::or).or_all();
    let mut holds = named.and(listed).or_all().allows(bit);
    if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|it| it.strip_prefix("#/$defs/")) {
        holds &= member(root, root.get("$defs").unwrap().get(name).unwrap(), bit, above);
    }
    for part in list("allOf") {
        holds &= member(root, part, bit, above);
    }
    for word in ["anyOf", "oneOf"] {
        let mut any = list(word).is_empty();
        for branch in list(word) {
            any |= member(root, branch, bit, above);
        }
        holds &= any;
    }
    above.pop();
    holds || bit == Types::NULL && schema.get("nullable").is_some()
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn schemas(&mut self, depth: u64) -> String {
        let schemas: Vec<String> = (0..=self.below(3)).map(|_| self.schema(depth)).collect();
        schemas.join(",")
    }

    fn schema(&mut self, depth: u64) -> String {
        const NAMES: [&str; 7] = ["string", "number", "integer", "boolean", "null", "object", "array"];
        let mut words = Vec::new();
        if self.below(2) == 0 {
            let named: BTreeSet<_> =
                (0..=self.below(4)).map(|_| NAMES[usize::try_from(self.below(7)).unwrap()]).collect();
            words.push(format!(r#""type":{named:?}"#).replace('{', "[").replace('}', "]"));
        }
        if self.below(6) == 0 {
            words.push(r#""enum":["a",1,null]"#.to_string());
        }
        if self.below(6) == 0 {
            words.push(r#""nullable":true"#.to_string());
        }
        if self.below(4) == 0 {
            words.push(format!(r##""$ref":"#/$defs/{}""##, self.below(4)));
        }
        for word in ["allOf", "anyOf", "oneOf"] {
            if depth > 0 && self.below(4) == 0 {
                words.push(format!(r#""{word}":[{}]"#, self.schemas(depth - 1)));
            }
        }
        format!("{{{}}}", words.join(","))
    }
}

#[test]
fn agrees_with_the_naive_reading() {
    let mut random = Random(7);
    let (mut narrow, rounds) = (0, 20_000);
    for _ in 0..rounds {
        let definitions: Vec<String> = (0..4).map(|number| format!(r#""{number}":{}"#, random.schema(1))).collect();
        let parameters =
            format!(r#"{{"properties":{{"v":{}}},"$defs":{{{}}}}}"#, random.schema(2), definitions.join(","));
        let root = json::parse(&parameters, 64).unwrap();
        let schema = root.get("properties").unwrap().get("v").unwrap();
        let bits = (0..7).map(|bit| Types(1 << bit)).filter(|bit| member(&root, schema, *bit, &mut Vec::new()));
        let expected = bits.fold(Types::NONE, Types::or).or_all();
        let tools = tools(&parameters);
        let types = tools.types(follow(&tools, &["v"]));
        assert_eq!(names(types), names(expected), "{parameters}");
        narrow += usize::from(types != Types::ALL);
    }
    assert!(narrow > rounds / 4, "{narrow} schemas restricted anything");
}

/// A schema of `depth` times `open` … `close` around `core`.
fn nested(open: &str, core: &str, close: &str, depth: usize) -> String {
    format!("{}{core}{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn deep_schemas() {
    let string = r#"{"type":"string"}"#;
    for (open, close, step) in [
        (r#"{"properties":{"a":"#, "}}", Some("a")),
        (r#"{"additionalProperties":"#, "}", Some("a")),
        (r#"{"type":"array","items":"#, "}", Some("[]")),
        (r#"{"allOf":["#, "]}", None),
        (r#"{"anyOf":["#, "]}", None),
        (r#"{"oneOf":["#, "]}", None),
    ] {
        let depth = 100;
        let tools = tools(&format!(r#"{{"properties":{{"v":{}}}}}"#, nested(open, string, close, depth)));
        let mut path = vec!["v"];
        path.extend(step.into_iter().cycle().take(depth));
        assert_eq!(names(tools.types(follow(&tools, &path))), "string", "{open}");
    }
    // Deeper than the JSON text of a list may be: the values are still read without recursion.
    let mut schema = json::parse(string, 8).unwrap();
    for _ in 0..200_000 {
        schema = Value::Object(vec![("allOf".into(), Value::Array(vec![schema]))]);
    }
    let function = vec![("name".into(), Value::String("f".into())), ("parameters".into(), schema)];
    let list = Value::Array(vec![Value::Object(function)]);
    let tools = Tools::from_value(&list).unwrap();
    assert_eq!(tools.parameters("f"), SchemaId::ANY);
    // Only the test's own value would be dropped by recursion.
    core::mem::forget(list);
}

#[test]
fn many_properties() {
    let fields: Vec<String> = (0..10_000)
        .map(|n| format!(r#""k{n}":{{"type":"string"}},"o{n}":{{"properties":{{"x":{{"type":"null"}}}}}}"#))
        .collect();
    let tools = tools(&format!(r#"{{"properties":{{{}}}}}"#, fields.join(",")));
    let root = tools.parameters("f");
    for key in ["k0", "k5000", "k9999", "o17"] {
        assert!(tools.is_property(root, key));
    }
    assert!(!tools.is_property(root, "k10000") && !tools.is_property(root, "k"));
    assert!(tools.types(tools.child(root, "k777")).only_strings());
    assert_eq!(names(tools.types(follow(&tools, &["o9999", "x"]))), "null");
    assert_eq!(tools.longest_property(root), 5);
}

#[test]
fn exponential_unions() {
    // Each level refers to the next one twice: 2^60 alternatives.
    let levels: Vec<String> = (0..60)
        .map(|n| format!(r##""{n}":{{"anyOf":[{{"$ref":"#/$defs/{0}"}},{{"$ref":"#/$defs/{0}"}}]}}"##, n + 1))
        .collect();
    let doubled = format!(
        r##"{{"properties":{{"v":{{"$ref":"#/$defs/0"}}}},"$defs":{{{},"60":{{"type":"string"}}}}}}"##,
        levels.join(",")
    );
    // Groups side by side: 3^60 alternatives, each a different set.
    let groups: Vec<String> = (0..60)
        .map(|n| {
            let branch = |m: u32| {
                format!(r#"{{"properties":{{"k{n}":{{"enum":[{m}]}},"l{m}":{{"items":{{"properties":{{}}}}}}}}}}"#)
            };
            format!(r#"{{"anyOf":[{},{},{}]}}"#, branch(0), branch(1), branch(2))
        })
        .collect();
    let side_by_side = format!(r#"{{"properties":{{"v":{{"allOf":[{}]}}}}}}"#, groups.join(","));
    for parameters in [doubled, side_by_side] {
        let tools = tools(&parameters);
        assert_eq!(follow(&tools, &["v"]), SchemaId::ANY);
        assert!(tools.is_property(tools.parameters("f"), "v"), "only what is too much is given up");
    }
}

#[test]
fn exponential_views() {
    // The subset construction of "the n-th key from the end is b": 2^n sets of schemas that apply together.
    let n = 40;
    let state = |m: u32| {
        format!(r##""{m}":{{"properties":{{"a":{{"$ref":"#/$defs/{0}"}},"b":{{"$ref":"#/$defs/{0}"}}}}}}"##, m + 1)
    };
    let states: Vec<String> = (1..n).map(state).collect();
    let first =
        r##""0":{"properties":{"a":{"$ref":"#/$defs/0"},"b":{"allOf":[{"$ref":"#/$defs/0"},{"$ref":"#/$defs/1"}]}}}"##;
    let tools = tools(&format!(
        r##"{{"$ref":"#/$defs/0","$defs":{{{first},{},"{n}":{{"type":"object"}}}}}}"##,
        states.join(",")
    ));
    assert!(tools.is_property(tools.parameters("f"), "b"));
    assert!((100..compile::MAX_STEPS).contains(&tools.nodes.len()), "{}", tools.nodes.len());
    assert!(tools.properties.len() <= compile::MAX_STEPS);
}

#[test]
fn wide_conjunctions() {
    let wide = |count: usize| {
        let members = vec![r##"{"$ref":"#/$defs/a"},{"properties":{"a":{"type":"null"}}}"##; count].join(",");
        tools(&format!(
            r#"{{"properties":{{"v":{{"allOf":[{members}]}}}},
                "$defs":{{"a":{{"properties":{{"a":{{"type":["null","string"]}}}}}}}}}}"#
        ))
    };
    assert_eq!(names(wide(400).types(follow(&wide(400), &["v", "a"]))), "null");
    assert_eq!(follow(&wide(10_000), &["v"]), SchemaId::ANY);
    // A chain of references, each of which adds one member; every link is a view of its own.
    let link = |n: usize| {
        format!(
            r##""{n}":{{"properties":{{"a":{{"$ref":"#/$defs/{0}"}},"k{n}":{{"type":"null"}}}},
                "allOf":[{{"$ref":"#/$defs/{0}"}}]}}"##,
            n + 1
        )
    };
    let links: Vec<String> = (0..1000).map(link).collect();
    let chain = tools(&format!(
        r##"{{"properties":{{"v":{{"$ref":"#/$defs/0"}},"w":{{"$ref":"#/$defs/990"}}}},"$defs":{{{}}}}}"##,
        links.join(",")
    ));
    assert!(chain.is_property(follow(&chain, &["w"]), "k999"));
}

#[test]
fn many_references() {
    // Each of its own spelling, into one large object.
    let uses: Vec<String> = (0..20_000).map(|n| format!(r##""k{n}":{{"$ref":"#/$defs/%6b{n}"}}"##)).collect();
    let defs: Vec<String> = (0..20_000).map(|n| format!(r#""k{n}":{{"type":"string"}}"#)).collect();
    let tools = tools(&format!(r#"{{"properties":{{{}}},"$defs":{{{}}}}}"#, uses.join(","), defs.join(",")));
    for key in ["k0", "k777", "k19999"] {
        assert!(tools.types(follow(&tools, &[key])).only_strings(), "{key}");
    }
    // One chain of references, whose every link is asked for: too much, but not for long.
    let chain: Vec<String> = (0..20_000).map(|n| format!(r##""k{n}":{{"$ref":"#/properties/k{}"}}"##, n + 1)).collect();
    let tools = self::tools(&format!(r#"{{"properties":{{{},"k20000":{{"type":"string"}}}}}}"#, chain.join(",")));
    assert_eq!(follow(&tools, &["k0"]), SchemaId::ANY);
    assert!(tools.is_property(tools.parameters("f"), "k19999"));
}

#[test]
fn one_large_object_in_every_alternative() {
    let fields: Vec<String> =
        (0..5_000).map(|n| format!(r#""k{n}":{{"additionalProperties":{{"type":"null"}}}}"#)).collect();
    let branches: Vec<String> = (0..400).map(|n| format!(r#"{{"additionalProperties":{{"enum":[{n}]}}}}"#)).collect();
    let tools = tools(&format!(
        r#"{{"properties":{{"v":{{"properties":{{{}}},"anyOf":[{}]}}}}}}"#,
        fields.join(","),
        branches.join(",")
    ));
    assert!(tools.properties.len() < 10);
    assert_eq!(names(tools.types(follow(&tools, &["v"]))), "any");
}
