"""What this parser costs, and what other servers' parsers cost on the same outputs: `gemma4-parser bench`.

| module | what it does |
|---|---|
| `texts`, `vocabulary`, `workloads` | seeded outputs with their answers, in a stand-in vocabulary of full size |
| `contestants` | each parser through the path that its server takes |
| `worker` | one process in which contestants are loaded, and which measures when it is asked |
| `driver` | asks all workers in turn for the same cell |
| `results`, `summary`, `tables`, `pictures` | what came out |
| `memory`, `machine` | sizes and load times; what runs here, and whether it is quiet |

The package never imports this, and it needs nothing but the standard library (pictures: matplotlib).
"""
