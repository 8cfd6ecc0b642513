//! The compiler of the schemas.
//!
//! A schema is read as a disjunction of conjunctions. An *alternative* is a set of schema objects that all apply
//! (`allOf`, `$ref` and sibling keywords add to it), a *view* is a set of alternatives (`anyOf`, `oneOf` and
//! `nullable` split one). Every view that a key or an item can lead to becomes a node, once. Sets end every cycle of
//! references, work lists take the place of recursion, and limits end what would grow without bound: beyond a limit
//! nothing is restricted.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::{Node, Property, SchemaId, Tools, Types};
use crate::json::Value;
use crate::json::pointer::{Pointers, sorted_fields};
use crate::order;

/// Alternatives that one view may begin with and split into.
const MAX_ALTERNATIVES: usize = 1024;
/// Schema objects that may apply together in one alternative.
const MAX_TOGETHER: usize = 1024;
/// Steps for one tool list: schema objects taken into an alternative and properties looked at.
pub(super) const MAX_STEPS: usize = 1 << 18;

/// The keywords of one schema object that this library heeds; of duplicates the last.
struct Keywords<'a> {
    /// `type`, `const` and `enum`, each for itself.
    types: [Types; 3],
    nullable: bool,
    reference: Option<&'a str>,
    all_of: &'a [Value<'a>],
    /// `anyOf` and `oneOf`.
    any_of: [&'a [Value<'a>]; 2],
    properties: &'a [(Cow<'a, str>, Value<'a>)],
    /// `additionalProperties`, where it is an object.
    additional: Option<&'a Value<'a>>,
    items: Option<&'a Value<'a>>,
}

impl<'a> Keywords<'a> {
    /// `None` where the value is no object: a boolean schema restricts nothing, `false` neither.
    fn of(schema: &'a Value<'a>) -> Option<Self> {
        let list = |value: &'a Value<'a>| value.as_array().unwrap_or_default();
        let object = |value: &'a Value<'a>| Some(value).filter(|value| value.as_object().is_some());
        let mut words = Self {
            types: [Types::ALL; 3],
            nullable: false,
            reference: None,
            all_of: &[],
            any_of: [&[]; 2],
            properties: &[],
            additional: None,
            items: None,
        };
        let ([named, constant, listed], [any_of, one_of]) = (&mut words.types, &mut words.any_of);
        for (word, value) in schema.as_object()? {
            match &**word {
                "type" => *named = Types::named(value),
                "const" => *constant = Types::of(value),
                "enum" => *listed = list(value).iter().map(Types::of).fold(Types::NONE, Types::or).or_all(),
                "nullable" => words.nullable = value.as_bool() == Some(true),
                "$ref" => words.reference = value.as_str(),
                "allOf" => words.all_of = list(value),
                "anyOf" => *any_of = list(value),
                "oneOf" => *one_of = list(value),
                "properties" => words.properties = value.as_object().unwrap_or_default(),
                "additionalProperties" => words.additional = object(value),
                "items" => words.items = object(value),
                _ => {}
            }
        }
        Some(words)
    }

    fn types(&self) -> Types {
        self.types.into_iter().fold(Types::ALL, Types::and).or_all()
    }

    /// Whether its types are all that it says.
    fn is_plain(&self) -> bool {
        self.reference.is_none()
            && self.all_of.is_empty()
            && self.any_of.iter().all(|branches| branches.is_empty())
            && self.properties.is_empty()
            && self.additional.is_none()
            && self.items.is_none()
    }
}

/// A schema as a member of an alternative. One that has nothing but types is these types.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Types(Types),
    /// A number in [`Compiler::raws`].
    Raw(usize),
}

/// A schema object that says more than types.
#[derive(Default)]
struct Raw<'a> {
    /// Until it is read.
    words: Option<Keywords<'a>>,
    types: Option<Types>,
    /// Applies together with it: the target of `$ref`, the members of `allOf`.
    all: Vec<Part>,
    /// Of each group one applies together with it.
    any: Vec<Vec<Part>>,
    /// Sorted by key; the range is the key's in [`Tools::keys`].
    properties: Vec<(&'a str, Range<usize>, Part)>,
    additional: Option<Part>,
    items: Option<Part>,
}

impl Raw<'_> {
    /// Whether it says something about the keys or items of a value of these types.
    fn speaks(&self, types: Types) -> bool {
        types.allows(Types::OBJECT) && (self.additional.is_some() || !self.properties.is_empty())
            || types.allows(Types::ARRAY) && self.items.is_some()
    }
}

/// Schema objects that all apply, and the types that they leave. Only those that say something about keys or items.
type Alternative = (Types, Vec<usize>);

/// What a place may hold: the types of the alternatives that say nothing else, and the other alternatives, sorted.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct View {
    plain: Types,
    alternatives: Vec<Alternative>,
}

/// An alternative that is being put together.
#[derive(Clone)]
struct Draft {
    types: Types,
    /// Sorted.
    seen: Vec<usize>,
    todo: Vec<Part>,
    /// Groups of `any` yet to be split by: the number of the schema object and of its group.
    groups: Vec<(usize, usize)>,
}

/// What a schema object in an alternative says about a key.
struct Says<'a> {
    key: &'a str,
    range: Range<usize>,
    /// The numbers of the alternative and of the schema object.
    by: (usize, usize),
    part: Part,
}

/// Compiles the schema of one function.
struct Compiler<'t, 'a> {
    tools: &'t mut Tools,
    steps: &'t mut usize,
    root: &'a Value<'a>,
    raws: Vec<Raw<'a>>,
    /// The parts made of schema objects, by their address: of targets of references, and of all raws.
    parts: BTreeMap<*const Value<'a>, Part>,
    references: BTreeMap<&'a str, Part>,
    pointers: Pointers<'a>,
    views: BTreeMap<Rc<View>, SchemaId>,
    /// The views to be expanded, with the number of their node.
    queue: Vec<(Rc<View>, usize)>,
}

/// Compiles the `parameters` of one function, for at most `steps` steps, which are counted down.
// It is large, and the compiler would inline it twice.
#[inline(never)]
pub(super) fn run(tools: &mut Tools, steps: &mut usize, root: &Value) -> SchemaId {
    let mut compiler = Compiler {
        tools,
        steps,
        root,
        raws: Vec::new(),
        parts: BTreeMap::new(),
        references: BTreeMap::new(),
        pointers: Pointers::default(),
        views: BTreeMap::new(),
        queue: Vec::new(),
    };
    let part = compiler.part(root);
    let schema = compiler.lone(part);
    let mut done = 0;
    while let Some((view, node)) = compiler.queue.get(done) {
        let (view, node) = (Rc::clone(view), *node);
        done += 1;
        compiler.expand(&view, node);
    }
    schema
}

impl<'a> Compiler<'_, 'a> {
    /// Makes a part of a schema without looking into its members.
    fn part(&mut self, schema: &'a Value<'a>) -> Part {
        let Some(words) = Keywords::of(schema) else { return Part::Types(Types::ALL) };
        let nullable = words.nullable;
        if words.is_plain() {
            let types = words.types();
            return Part::Types(if nullable { types.or(Types::NULL) } else { types });
        }
        if let Some(&part) = self.parts.get(&core::ptr::from_ref(schema)) {
            return part;
        }
        let mut part = self.push(Raw { words: Some(words), ..Raw::default() });
        if nullable {
            part = self.push(Raw { any: vec![vec![part, Part::Types(Types::NULL)]], ..Raw::default() });
        }
        self.parts.insert(schema, part);
        part
    }

    fn push(&mut self, raw: Raw<'a>) -> Part {
        self.raws.push(raw);
        Part::Raw(self.raws.len() - 1)
    }

    /// Reads the keywords of a schema object, once, when it first comes into an alternative.
    fn read(&mut self, number: usize) {
        let Some(words) = self.raws.get_mut(number).and_then(|raw| raw.words.take()) else { return };
        let mut all = Vec::new();
        all.extend(words.reference.map(|reference| self.resolve(reference)));
        all.extend(words.all_of.iter().map(|member| self.part(member)));
        let mut any = Vec::new();
        for branches in words.any_of.into_iter().filter(|branches| !branches.is_empty()) {
            let mut group = Vec::new();
            let mut plain = Types::NONE;
            for branch in branches {
                match self.part(branch) {
                    Part::Types(types) => plain = plain.or(types),
                    part @ Part::Raw(_) => group.push(part),
                }
            }
            // Branches with nothing but types are one branch; a group with no other branch splits nothing.
            match (group.is_empty(), plain) {
                (true, _) => all.push(Part::Types(plain)),
                (false, Types::NONE) => any.push(group),
                (false, _) => {
                    group.push(Part::Types(plain));
                    any.push(group);
                }
            }
        }
        let mut sorted = sorted_fields(words.properties).into_iter().peekable();
        let mut properties = Vec::with_capacity(sorted.len());
        while let Some((key, schema)) = sorted.next() {
            // Of equal keys the last one counts.
            if sorted.peek().is_some_and(|(next, _)| *next == key) {
                continue;
            }
            let start = self.tools.keys.len();
            self.tools.keys.push_str(key);
            properties.push((key, start..self.tools.keys.len(), self.part(schema)));
        }
        let additional = words.additional.map(|schema| self.part(schema));
        let items = words.items.map(|schema| self.part(schema));
        if let Some(raw) = self.raws.get_mut(number) {
            *raw = Raw { words: None, types: Some(words.types()), all, any, properties, additional, items };
        }
    }

    /// What `$ref` leads to; nothing is restricted where it leads nowhere.
    fn resolve(&mut self, reference: &'a str) -> Part {
        if let Some(&part) = self.references.get(reference) {
            return part;
        }
        let part = match self.pointers.find(self.root, reference) {
            None => Part::Types(Types::ALL),
            Some(schema) => self.parts.get(&core::ptr::from_ref(schema)).copied().unwrap_or_else(|| {
                let part = self.part(schema);
                self.parts.insert(schema, part);
                part
            }),
        };
        self.references.insert(reference, part);
        part
    }

    /// The compiled schema of one part: most have nothing but types.
    fn lone(&mut self, part: Part) -> SchemaId {
        match part {
            Part::Types(types) => SchemaId::of_types(types.or_all()),
            Part::Raw(_) => self.schema(vec![vec![part]]),
        }
    }

    /// The compiled schema of the alternatives `starts`, each of parts that all apply.
    fn schema(&mut self, starts: Vec<Vec<Part>>) -> SchemaId {
        let Some(view) = self.view(starts) else { return SchemaId::ANY };
        let types = view.alternatives.iter().fold(view.plain, |types, &(more, _)| types.or(more));
        if view.alternatives.is_empty() {
            return SchemaId::of_types(types.or_all());
        }
        if let Some(&id) = self.views.get(&view) {
            return id;
        }
        let number = self.tools.nodes.len();
        let Some(id) = SchemaId::of_node(number) else { return SchemaId::ANY };
        let (additional, item) = (SchemaId::ANY, SchemaId::ANY);
        self.tools.nodes.push(Node { types, declares: false, longest: 0, properties: 0..0, additional, item });
        let view = Rc::new(view);
        self.views.insert(Rc::clone(&view), id);
        self.queue.push((view, number));
        id
    }

    /// Puts the alternatives together; `None` beyond a limit. One that allows no type at all is left out.
    fn view(&mut self, starts: Vec<Vec<Part>>) -> Option<View> {
        let start = |todo| Draft { types: Types::ALL, seen: Vec::new(), todo, groups: Vec::new() };
        let mut drafts: Vec<Draft> = starts.into_iter().map(start).collect();
        let mut begun = drafts.len();
        let mut view = View { plain: Types::NONE, alternatives: Vec::new() };
        while let Some(mut draft) = drafts.pop() {
            self.settle(&mut draft)?;
            if draft.types == Types::NONE {
                continue;
            }
            if let Some((number, group)) = draft.groups.pop() {
                let branches = self.raws.get(number).and_then(|raw| raw.any.get(group)).map_or(0, Vec::len);
                begun += branches;
                if begun > MAX_ALTERNATIVES || !spend(self.steps, branches * (1 + draft.seen.len())) {
                    return None;
                }
                for &branch in self.raws.get(number)?.any.get(group)? {
                    let mut split = draft.clone();
                    split.todo.push(branch);
                    drafts.push(split);
                }
                continue;
            }
            let Draft { types, mut seen, .. } = draft;
            seen.retain(|&number| self.raws.get(number).is_some_and(|raw| raw.speaks(types)));
            if seen.is_empty() {
                view.plain = view.plain.or(types);
            } else {
                view.alternatives.push((types, seen));
            }
        }
        order::sort_by(&mut view.alternatives, Ord::cmp);
        view.alternatives.dedup();
        Some(view)
    }

    /// Takes up everything that applies together, up to the next group; `None` beyond a limit.
    fn settle(&mut self, draft: &mut Draft) -> Option<()> {
        while let Some(part) = draft.todo.pop() {
            match part {
                Part::Types(types) => draft.types = draft.types.and(types),
                Part::Raw(number) => {
                    let Err(at) = draft.seen.binary_search(&number) else { continue };
                    draft.seen.insert(at, number);
                    self.read(number);
                    let raw = self.raws.get(number)?;
                    draft.types = draft.types.and(raw.types.unwrap_or(Types::ALL));
                    draft.todo.extend_from_slice(&raw.all);
                    draft.groups.extend((0..raw.any.len()).map(|group| (number, group)));
                    let cost = 1 + raw.all.len() + raw.any.len();
                    if draft.seen.len() > MAX_TOGETHER || !spend(self.steps, cost) {
                        return None;
                    }
                }
            }
            if draft.types == Types::NONE {
                return Some(());
            }
        }
        Some(())
    }

    /// Fills in the node of a view: where its keys and items lead.
    fn expand(&mut self, view: &View, node: usize) {
        let mut declares = !view.plain.allows(Types::OBJECT);
        // What applies to an object, as the numbers of the alternative and of the schema object.
        let mut objects = Vec::new();
        let mut items = Vec::new();
        for (alternative, (types, raws)) in view.alternatives.iter().enumerate() {
            let raws = || raws.iter().filter_map(|&number| Some((number, self.raws.get(number)?)));
            if types.allows(Types::ARRAY) {
                items.extend(raws().filter_map(|(_, raw)| Some((alternative, raw.items?))));
            }
            if types.allows(Types::OBJECT) {
                declares &= raws().any(|(_, raw)| !raw.properties.is_empty());
                objects.extend(raws().map(|(number, raw)| ((alternative, number), raw)));
            }
        }
        let additional: Vec<_> = objects.iter().filter_map(|(by, raw)| Some((*by, raw.additional?))).collect();
        let total: usize = objects.iter().map(|(_, raw)| raw.properties.len()).sum();
        if !spend(self.steps, total.saturating_mul(1 + additional.len())) {
            return;
        }
        let mut keys = Vec::with_capacity(total);
        for (by, raw) in objects {
            keys.extend(raw.properties.iter().map(|(key, range, part)| Says {
                key,
                range: range.clone(),
                by,
                part: *part,
            }));
        }
        order::sort_by(&mut keys, |one, other| one.key.cmp(other.key));
        let start = self.tools.properties.len();
        let mut longest = 0;
        for says in keys.chunk_by(|one, other| one.key == other.key) {
            let Some(Says { key, range, .. }) = says.first() else { continue };
            longest = longest.max(key.len());
            // A schema object that does not declare the key says what it says about all others.
            let mut others = additional.iter().filter(|(by, _)| says.iter().all(|one| one.by != *by)).peekable();
            let schema = if let ([one], None) = (says, others.peek()) {
                self.lone(one.part)
            } else {
                let says = says.iter().map(|one| (one.by.0, one.part));
                self.schema(grouped(says.chain(others.map(|(by, part)| (by.0, *part))).collect()))
            };
            self.tools.properties.push(Property { key: range.clone(), schema });
        }
        let properties = start..self.tools.properties.len();
        let additional = self.schema(grouped(additional.into_iter().map(|(by, part)| (by.0, part)).collect()));
        let item = self.schema(grouped(items));
        if let Some(node) = self.tools.nodes.get_mut(node) {
            let declares = declares && !properties.is_empty();
            *node = Node { types: node.types, declares, longest, properties, additional, item };
        }
    }
}

/// Takes `cost` from the steps that are left; `false` where these are too few.
fn spend(steps: &mut usize, cost: usize) -> bool {
    let left = steps.checked_sub(cost);
    *steps = left.unwrap_or(*steps);
    left.is_some()
}

/// The parts of each alternative together.
fn grouped(mut parts: Vec<(usize, Part)>) -> Vec<Vec<Part>> {
    order::sort_by(&mut parts, |(one, _), (other, _)| one.cmp(other));
    let groups = parts.chunk_by(|(one, _), (other, _)| one == other);
    groups.map(|group| group.iter().map(|&(_, part)| part).collect()).collect()
}
