"""What a step prints, made fit to keep and to show: text, without control characters, the last 64 KiB."""

import codecs
import re

MOST_BYTES = 64 << 10
_CUT = "[… the beginning was left out]\n"
#: ANSI escapes: CSI sequences, OSC strings (titles, links), character sets, and two-character ones
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]+[0-~]|\x1b[@-Z\\-_]?")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
#: a line longer than this is broken, so that nobody's page gets one line of 64 KiB
_LONGEST_LINE = 4096


def clean(text: str) -> str:
    """Text without escapes and control characters; a carriage return begins a new line."""
    text = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    text = _FORBIDDEN.sub("", text)
    return "\n".join(_broken(line) for line in text.split("\n"))


def _broken(line: str) -> str:
    if len(line) <= _LONGEST_LINE:
        return line
    return "\n".join(line[at : at + _LONGEST_LINE] for at in range(0, len(line), _LONGEST_LINE))


class Tail:
    """The end of an output. Bytes of two streams may come in any pieces: a character cut in two is put together."""

    def __init__(self, text: str = "", *, secrets: tuple[str, ...] = ()) -> None:
        self._raw = text
        self._secrets = secrets
        self._decoders: dict[str, codecs.IncrementalDecoder] = {}

    def add(self, data: bytes, *, stream: str = "stdout") -> None:
        """What came next on that stream; what is not UTF-8 becomes �."""
        make = codecs.getincrementaldecoder("utf-8")
        decoder = self._decoders.setdefault(stream, make(errors="replace"))
        self._raw += decoder.decode(data)
        if len(self._raw) > 4 * MOST_BYTES:
            self._raw = _CUT + self._raw[-2 * MOST_BYTES :]

    def line(self, text: str) -> None:
        """A line of its own."""
        if self._raw and not self._raw.endswith("\n"):
            self._raw += "\n"
        self._raw += text + "\n"

    @property
    def text(self) -> str:
        """Clean, at most 64 KiB of UTF-8, from the beginning of a line on."""
        text = self._raw
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        text = clean(text)
        packed = text.encode()
        if len(packed) <= MOST_BYTES:
            return text
        kept = packed[-(MOST_BYTES - len(_CUT.encode())) :].decode(errors="ignore")
        _, newline, rest = kept.partition("\n")
        return _CUT + (rest if newline else kept)
