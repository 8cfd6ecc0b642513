"""Types of the extension module; stubtest compares them with it."""

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import Any, Final, Literal, SupportsIndex, TypeAlias, final, overload

from typing_extensions import Buffer

from gemma4_parser.errors import ArgumentError as ArgumentError
from gemma4_parser.errors import RenderError as RenderError
from gemma4_parser.message import Message as Message
from gemma4_parser.message import ToolCall as ToolCall
from gemma4_parser.message import Unparsed as Unparsed
from gemma4_parser.prompt import Prompt as Prompt

_Ids: TypeAlias = SupportsIndex | list[int] | tuple[int, ...] | Buffer
_Tools: TypeAlias = Sequence[Any] | None
_Start: TypeAlias = Literal["content", "reasoning"]
_Finish: TypeAlias = Literal["stop", "length", "abort"]
_Model: TypeAlias = Literal["small", "large", "diffusion"]
_Style: TypeAlias = Literal["fixed", "official"]
_Field: TypeAlias = Literal["content", "reasoning", "reasoning_content"]

__version__: str
__implementation__: str

__all__ = [
    "ArgumentError",
    "Event",
    "Message",
    "Prompt",
    "RenderError",
    "StreamParser",
    "ToolCall",
    "Unparsed",
    "Vocabulary",
    "arguments_to_json",
    "format_arguments",
    "is_gemma4",
    "model_kind",
    "parse",
    "parse_arguments",
    "render",
]

@final
class Event:
    __match_args__: Final = ("kind", "text", "index", "detail")
    def __new__(cls, kind: str, text: str, index: int | None = None, detail: tuple[str, ...] = ()) -> Event: ...
    @property
    def kind(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def index(self) -> int | None: ...
    @property
    def detail(self) -> tuple[str, ...]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __len__(self, /) -> int: ...
    def __iter__(self, /) -> Iterator[Any]: ...
    @overload
    def __getitem__(self, key: SupportsIndex, /) -> Any: ...
    @overload
    def __getitem__(self, key: slice, /) -> tuple[Any, ...]: ...
    def __reduce__(self) -> tuple[type[Event], tuple[str, str, int | None, tuple[str, ...]]]: ...

@final
class Vocabulary:
    def __new__(cls, pieces: list[bytes] | dict[int, bytes]) -> Vocabulary: ...
    @staticmethod
    def from_tokenizer(tokenizer: Any) -> Vocabulary: ...
    @staticmethod
    def from_file(path: str | PathLike[str]) -> Vocabulary: ...
    def control_id(self, literal: str) -> int: ...
    def decode(self, ids: _Ids) -> str: ...
    def __len__(self, /) -> int: ...

@final
class StreamParser:
    def __new__(
        cls,
        vocabulary: Vocabulary | None = None,
        *,
        tools: _Tools = None,
        start: _Start = "content",
        parse_reasoning: bool = True,
        lenient: bool = True,
        coerce: bool = False,
        spaced: bool = False,
    ) -> StreamParser: ...
    def push(self, ids: _Ids) -> list[Event]: ...
    def push_text(self, text: str) -> list[Event]: ...
    def finish(self, reason: _Finish = "stop") -> list[Event]: ...
    @property
    def ended(self) -> bool: ...
    def reset(self, start: _Start | None = None) -> None: ...
    @staticmethod
    def start_of(prompt: str | _Ids, vocabulary: Vocabulary | None = None) -> _Start: ...

def parse(
    output: str | _Ids,
    vocabulary: Vocabulary | None = None,
    *,
    finish: _Finish = "stop",
    tools: _Tools = None,
    start: _Start = "content",
    parse_reasoning: bool = True,
    lenient: bool = True,
    coerce: bool = False,
    spaced: bool = False,
) -> Message: ...
def arguments_to_json(text: str, *, spaced: bool = False) -> str: ...
def parse_arguments(text: str) -> dict[str, Any]: ...
def format_arguments(mapping: Mapping[str, Any]) -> str: ...
def render(
    messages: Sequence[Any],
    tools: _Tools = None,
    *,
    model: _Model = "large",
    style: _Style = "fixed",
    add_generation_prompt: bool = True,
    enable_thinking: bool = False,
    preserve_thinking: bool = False,
    continue_final_message: bool | _Field = False,
    bos: str = "<bos>",
) -> Prompt: ...
def is_gemma4(model_id: str) -> bool: ...
def model_kind(model_id: str) -> _Model | None: ...
def _one_event(ids: _Ids) -> list[Event]: ...
