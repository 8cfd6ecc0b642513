"""For `--tool-parser-plugin` and `--reasoning-parser-plugin`, where vLLM's entry points are switched off.

Either takes this file's path; vLLM 0.33 also takes the module's name, `gemma4_parser.integrations.vllm_plugin`.
"""

from gemma4_parser.integrations.vllm import register

register()
