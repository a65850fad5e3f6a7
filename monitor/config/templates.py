"""Templates of messages, tried on samples where they stand in a configuration."""

from typing import Annotated

from pydantic import AfterValidator

from monitor.alerting.template import wrong_with


def _good(text: str) -> str:
    wrong = wrong_with(text)
    if wrong is not None:
        raise ValueError(wrong)
    return text


def _one_line(text: str) -> str:
    if "\n" in text.strip():
        raise ValueError("must be one line: a title has no more")
    return text


BodyTemplate = Annotated[str, AfterValidator(_good)]
TitleTemplate = Annotated[str, AfterValidator(_one_line), AfterValidator(_good)]
