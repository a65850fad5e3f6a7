"""From YAML to plain values with positions."""

from collections.abc import Mapping

import pytest

from monitor.config.document import UNREAD, Document, read_document
from monitor.config.place import Position
from monitor.config.values import Plain
from monitor.errors import ConfigError


def document(text: str, environ: Mapping[str, str] | None = None) -> Document:
    return read_document("m.yaml", text, environ or {})


def problems(text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    return [str(problem) for problem in document(text, environ).problems]


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        document(text)
    return str(caught.value)


def test_tables_lists_and_texts_keep_their_positions() -> None:
    read = document("a:\n  - b: text\n    c: [x]\n")
    assert read.root == {"a": [{"b": "text", "c": ["x"]}]}
    assert read.keys["a", 0, "c"] == Position(line=3, column=5)
    assert read.values["a", 0, "c", 0] == Position(line=3, column=9)


@pytest.mark.parametrize(
    ("written", "typed"),
    [("8", 8), ("2.20", 2.2), ("true", True), ("NO", False), ("0x1F", 31), (".inf", float("inf"))],
)
def test_a_scalar_that_is_not_text_keeps_both_what_was_written_and_what_it_is(
    written: str, typed: object
) -> None:
    value = document(f"a: {written}").root["a"]  # type: ignore[index]  # a table, as it was written
    assert isinstance(value, Plain)
    assert (str(value), value.typed) == (written, typed)


@pytest.mark.parametrize("written", ["'8'", '"true"', "2026-01-01", "=", "text", "|\n  8"])
def test_other_scalars_are_text(written: str) -> None:
    value = document(f"a: {written}").root["a"]  # type: ignore[index]  # a table, as it was written
    assert type(value) is str


@pytest.mark.parametrize("written", ["", "~", "null", "# nothing"])
def test_nothing_is_none(written: str) -> None:
    assert document(f"a: {written}").root == {"a": None}


def test_a_number_with_too_many_digits_stays_text() -> None:
    digits = "9" * 5000
    assert document(f"a: {digits}").root == {"a": digits}


def test_an_unquoted_variable_is_typed_as_if_it_stood_there() -> None:
    environ = {"PORT": "9470", "WORD": "x: [y]", "EMPTY": ""}
    root = document("a: ${PORT}\nb: '${PORT}'\nc: ${WORD}\nd: ${EMPTY}\n", environ).root
    assert root == {"a": "9470", "b": "9470", "c": "x: [y]", "d": None}
    assert isinstance(root, dict)
    assert [type(value) for value in root.values()] == [Plain, str, str, type(None)]


def test_variables_are_put_into_values_and_not_into_keys() -> None:
    assert document("${A}: '${A}'", {"A": "x"}).root == {"${A}": "x"}


def test_a_variable_that_is_not_set_is_a_problem_at_its_value() -> None:
    read = document("a:\n  b: ${NOT_SET}\n")
    assert read.root == {"a": {"b": UNREAD}}
    assert read.unread == {("a", "b")}
    assert [str(problem) for problem in read.problems] == [
        (
            "m.yaml:2:6: a.b: the environment does not set NOT_SET: "
            "set it, or write ${NOT_SET:-default}"
        )
    ]


def test_a_key_given_twice_is_a_problem_and_the_first_one_counts() -> None:
    assert document("a: 1\nb: 2\na: 3\n").root == {"a": "1", "b": "2"}
    assert problems("a: 1\nb: 2\na: 3\n") == [
        "m.yaml:3:1: a: is given twice; the first one is on line 1"
    ]


def test_a_key_that_is_not_text_is_a_problem() -> None:
    assert problems("x:\n  [a, b]: 1\n") == ["m.yaml:2:3: x: a key must be text"]


@pytest.mark.parametrize("value", ["!s3cret", "!!binary aGk=", "!x [1]", "!!set {a}"])
def test_a_tag_is_a_problem_and_is_not_repeated(value: str) -> None:
    assert problems(f"token: {value}") == [
        (
            "m.yaml:1:8: token: must not have a YAML tag (`!…`); "
            "a text that begins with `!` must be in quotes"
        )
    ]


def test_aliases_and_merged_tables_are_followed_and_own_keys_win() -> None:
    read = document("a: &base {x: 1, y: 2}\nb: {<<: *base, y: 3}\nc: {<<: [*base, {z: 4}]}\n")
    assert read.root == {
        "a": {"x": "1", "y": "2"},
        "b": {"x": "1", "y": "3"},
        "c": {"x": "1", "y": "2", "z": "4"},
    }
    assert read.problems == []
    assert read.values["b", "x"] == Position(line=1, column=14)


def test_only_tables_can_be_merged() -> None:
    assert problems("a:\n  <<: [1]\n") == ["m.yaml:2:7: a: `<<` takes a table, or a list of tables"]


def test_aliases_that_expand_without_end_are_refused() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
    )
    assert refused(bomb) == "m.yaml:1:1: file: holds more than 100000 values"


@pytest.mark.parametrize("text", ["&a [*a]", "&a {<<: *a}", "[" * 3000, "a: " + "{b: " * 3000])
def test_what_is_nested_without_end_is_refused(text: str) -> None:
    assert refused(text) == "m.yaml:1:1: file: is nested too deeply, or refers to itself"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [1, 2\nb: 3\n", "2:2: YAML: brackets or braces are not closed, or a comma is missing"),
        ("a: 'x\n", "2:1: YAML: a quote is not closed"),
        ("a:\n\t- b\n", "2:1: YAML: there is a tab; YAML is indented with spaces"),
        ("a: b: c\n", "1:5: YAML: a `:` too many, or the line above lacks one"),
        ("a: 1\nb\nc: 1\n", "3:1: YAML: there is no `:` after this key, or quotes are not closed"),
        ("a: 1\n  b: 2\n", "2:4: YAML: a `:` too many, or the line above lacks one"),
        ("- a\nb: 1\n", "2:1: YAML: is indented otherwise than the lines that belong to it"),
        ("a: 1\n---\nb: 2\n", "2:1: YAML: there is a second document (`---`); only one is read"),
        ("a: [${HOME}]\n", "1:6: YAML: ${…} must be in quotes between brackets or braces"),
        ("token: @s3cret\n", "1:8: YAML: a text that begins with % @ or ` must be in quotes"),
        ("token: *s3cret\n", "1:8: YAML: a text that begins with `*` must be in quotes"),
        ("a: &s3cret\nb: &s3cret\n", "2:4: YAML: a text that begins with `&` must be in quotes"),
        ("token: !s3c!ret\n", "1:8: YAML: a text that begins with `!` must be in quotes"),
        ("token: !<s3cret\n", "1:16: YAML: a text that begins with `!` must be in quotes"),
        ("%s3cret: a\n", "1:8: YAML: a text that begins with % @ or ` must be in quotes"),
        (
            'a: "\\s"\n',
            "1:6: YAML: an escape that does not exist; in single quotes a `\\` is only a `\\`",
        ),
        ("a: | s3cret\n", "1:6: YAML: after `|` or `>` the text begins on the next line"),
        ("a: - b\n", "1:4: YAML: a list begins on a line of its own"),
        ("a: ]\n", "1:4: YAML: this cannot stand here"),
        ("a: b\x00c\n", "1:5: YAML: the character U+0000 is not allowed"),
        ('a: "\\UFFFFFFFF"\n', "1:1: YAML: a number or an escape is out of range"),
    ],
)
def test_what_is_not_yaml_is_told_where_and_how_to_mend_it(text: str, told: str) -> None:
    message = refused(text)
    assert message == f"m.yaml:{told}"
    assert "s3cret" not in message


@pytest.mark.parametrize("written", ["${RAW}", '"\\ud83d"'])
def test_half_a_character_is_a_problem(written: str) -> None:
    assert problems(f"a: {written}", {"RAW": b"\xe4".decode(errors="surrogateescape")}) == [
        "m.yaml:1:4: a: holds bytes or escapes that are not a character"
    ]


def test_keys_that_look_like_no_key_are_not_repeated() -> None:
    assert problems("'discord://1/s3cret': ${NOT_SET}")[0].startswith("m.yaml:1:23: …: ")
