"""The proof that the implementations agree: what is generated, what is compared, how a difference is made small.

`tape` makes choices; `schemas`, `outputs`, `wire`, `values`, `files`, `objects` and `limits` make inputs, most of them
from choices; `cases` puts outputs and options together and cuts them; `compare` and `checks` feed two implementations,
`machine` does so in any order of calls; `minimise` shrinks what they differ in; `broken` has implementations in which
something is wrong, so that the checks can be checked. For prompts, `declarations` makes tools, `prompts` conversations
with them, and `prompt_checks` compares what is rendered.
"""
