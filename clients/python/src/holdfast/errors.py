"""What goes wrong, with a code and a next step."""

from __future__ import annotations

from typing import Any, Mapping, Optional


class HoldfastError(Exception):
    """A fault that holdfast told. ``code`` is one of those in its table of exit codes, such as ``busy`` or ``not-found``."""

    def __init__(
        self,
        code: str,
        message: str,
        hint: Optional[str] = None,
        *,
        at: Optional[str] = None,
        exit: Optional[int] = None,
        retry: Optional[str] = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.at = at
        self.exit = exit
        self.retry = retry

    @classmethod
    def of_fault(cls, fault: Mapping[str, Any]) -> HoldfastError:
        return cls(
            str(fault.get("code", "bug")),
            str(fault.get("message", "")),
            fault.get("hint"),
            at=fault.get("at"),
            exit=fault.get("exit"),
            retry=fault.get("retry"),
        )

    def __str__(self) -> str:
        lines = [self.message]
        if self.at is not None and self.at not in self.message:
            lines.append(f"  at: {self.at}")
        if self.hint is not None:
            lines.append(f"  next: {self.hint}")
        return "\n".join(lines)
