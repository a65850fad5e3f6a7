"""A whole configuration is read, or all that is wrong with it is told at once."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.config.load import load
from monitor.errors import ConfigError

HERE = Path(__file__).parent
EXAMPLE = Path(__file__).parents[3] / "config" / "monitor.yaml"
ENVIRON = {"TENSORDOCK_TOKEN": "tok-0123456789", "CHAT_URL": "json://localhost"}


def told(path: Path, environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path, environ or {})
    prefix = str(path.parent) + "/"
    return [str(problem).removeprefix(prefix) for problem in caught.value.problems]


def test_twenty_mistakes_are_told_at_once_each_where_it_stands() -> None:
    expected = (HERE / "twenty.txt").read_text(encoding="utf-8").splitlines()
    assert len(expected) == 20
    assert told(HERE / "twenty.yaml", {"WEBHOOK": "x"}) == expected


def test_a_file_that_does_not_exist_is_told(tmp_path: Path) -> None:
    assert told(tmp_path / "no.yaml") == [
        "no.yaml:1:1: file: cannot be read: No such file or directory"
    ]


def test_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").mkdir()
    assert told(tmp_path / "x.yaml") == ["x.yaml:1:1: file: is a folder"]


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"---\n", b"\xef\xbb\xbf", b"~"])
def test_an_empty_file_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.yaml").write_bytes(content)
    assert told(tmp_path / "x.yaml") == ["x.yaml:1:1: file: is empty"]


def test_a_file_that_is_not_utf8_is_told_where(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes("a: ä\nb: ".encode() + b"\xe4\n")
    assert told(tmp_path / "x.yaml") == ["x.yaml:2:4: file: is not UTF-8 from here on"]


@pytest.mark.parametrize("text", ["[]", "text", "5"])
def test_a_file_that_is_no_table_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    assert told(tmp_path / "x.yaml")[0].startswith(
        "x.yaml:1:1: configuration: must be a table (`key: value`), not "
    )


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xef\xbb\xbf" + EXAMPLE.read_bytes())
    load(tmp_path / "x.yaml", ENVIRON)


def test_secrets_may_stand_in_files_beside_the_configuration(
    tmp_path: Path, load_text: Any
) -> None:
    (tmp_path / "token").write_text("tok-0123456789\n", encoding="utf-8")
    (tmp_path / "urls").write_text("json://one\n\n  json://two \n", encoding="utf-8")
    (tmp_path / "db").write_text("postgresql://u:p@h/db\n", encoding="utf-8")
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA me@here\n", encoding="utf-8")
    config = load_text(
        f"""\
        marketplaces: [{{name: m, kind: tensordock, token_file: token}}]
        database: {{url_file: {tmp_path}/db}}
        receivers: [{{name: r, urls_file: "${{FOLDER}}urls"}}]
        presets:
          - {{name: p, image: ubuntu2404, ssh_key_file: key.pub,
             resources: {{vcpu_count: 2, ram_gb: 4, storage_gb: 100}}}}
        """,
        {"FOLDER": "./"},
        whole=True,
    )
    assert config.marketplaces[0].token.reveal() == "tok-0123456789"
    assert [url.reveal() for url in config.receivers[0].urls] == ["json://one", "json://two"]
    assert config.database.url.reveal() == "postgresql://u:p@h/db"
    assert config.presets[0].ssh_key.reveal() == "ssh-ed25519 AAAA me@here"


def test_a_dollar_in_a_secrets_file_is_only_a_dollar(tmp_path: Path, load_text: Any) -> None:
    (tmp_path / "token").write_text("${TOKEN}", encoding="utf-8")
    text = "marketplaces: [{name: m, kind: tensordock, token_file: token}]"
    assert load_text(text, {}, whole=True).marketplaces[0].token.reveal() == "${TOKEN}"


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ("token: tok-0123456789, token_file: token", "token_file: stands beside `token`: give one"),
        ("token_file: s3cret", "token_file: cannot be read: No such file or directory"),
        ("token_file: .", "token_file: cannot be read: Is a directory"),
        ("token_file: [a]", "token_file: must be the path of a file"),
        ("token_file: empty", "token_file: the file is empty"),
        ("token_file: binary", "token_file: must be the path of a text file in UTF-8"),
        ('token_file: "a\\0b"', "token_file: must be the path of a text file in UTF-8"),
        ("token_file: two", "token: must be one word of ASCII characters"),
        ("token_file:", "token: is missing; give it or `token_file`"),
        ("token_fil: token", "token: is missing; give it or `token_file`"),
        ("token_file: '${NOT_SET}'", "token_file: the environment does not set NOT_SET"),
        ("kind_file: token, token: abcdef", "kind_file: is not a key"),
    ],
)
def test_a_secrets_file_that_cannot_be_used_is_told_once(
    tmp_path: Path, mistakes: Any, keys: str, what: str
) -> None:
    (tmp_path / "token").write_text("tok-0123456789", encoding="utf-8")
    (tmp_path / "two").write_text("two s3cret words", encoding="utf-8")
    (tmp_path / "empty").write_text(" \n", encoding="utf-8")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    messages = mistakes(f"marketplaces:\n- {{name: m, kind: tensordock, {keys}}}\n", whole=True)
    assert [line for line in messages if f"marketplaces[0].{what}" in line]
    assert len(messages) == (2 if "token_fil:" in keys else 1), messages
    assert "s3cret" not in str(messages)


def test_a_misspelt_secrets_file_is_suggested(mistakes: Any) -> None:
    messages = mistakes("database: {url_fil: x}\n")
    assert messages == ["3:12: database.url_fil: is not a key; did you mean `url_file`?"]


def test_a_wrong_secret_in_a_file_is_placed_where_the_file_is_named(
    tmp_path: Path,
) -> None:
    (tmp_path / "urls").write_text("ok://x\nbad\n", encoding="utf-8")
    path = tmp_path / "x.yaml"
    path.write_text(
        "marketplaces: [{name: m, kind: tensordock, token: tok-012}]\n"
        "receivers:\n- name: r\n  urls_file: urls\n- name: q\n  urls: [ok://y, bad, '', 5]\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        load(path, {}, lambda url: f"`{url}` is no URL" if "://" not in url else None)
    assert [str(problem).partition("x.yaml:")[2] for problem in caught.value.problems] == [
        "4:14: receivers[0].urls[1]: `bad` is no URL",
        "6:18: receivers[1].urls[1]: `bad` is no URL",
        "6:23: receivers[1].urls[2]: is empty",
        "6:27: receivers[1].urls[3]: `5` is no URL",
    ]


def test_only_receivers_urls_are_given_to_the_check(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(EXAMPLE.read_bytes())
    asked: list[str] = []
    load(path, ENVIRON, asked.append)
    assert asked == ["json://localhost"]


LEAKS = [
    "poll_interval: S3CRET-0123",
    "base_url: https://u:S3CRET-0123@example.com",
    "base_url: S3CRET-0123",
    "kind: S3CRET-0123",
    "S3CRET-0123: x",
    "token_file: S3CRET-0123",
    "write_token: [S3CRET-0123]",
    "write_token: S3CRET-0123 and more",
    "name: [S3CRET-0123]",
]


@pytest.mark.parametrize("keys", LEAKS)
def test_a_secret_in_the_wrong_place_is_not_repeated(mistakes: Any, keys: str) -> None:
    text = f"marketplaces:\n- token: S3CRET-0123\n  {keys}\nrules: [{{name: r, match: 5}}]\n"
    messages = mistakes(text, whole=True)
    assert len(messages) > 1
    assert "S3CRET-0123" not in str(messages)


def test_a_message_of_the_url_check_is_redacted(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(EXAMPLE.read_bytes())
    environ = {**ENVIRON, "CHAT_URL": "discord://4174216298/JHMHI8qBe7bk2ZwO"}
    with pytest.raises(ConfigError) as caught:
        load(path, environ, lambda url: f"no service for {url}")
    assert [problem.what for problem in caught.value.problems] == ["no service for ***"]
    assert "JHMHI8qBe7bk2ZwO" not in str(caught.value)


def check_nothing_else_is_raised(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        load(path, ENVIRON)
    except ConfigError as error:
        problems = error.problems
    else:
        return
    positions = [(problem.line, problem.column) for problem in problems]
    assert positions == sorted(positions)
    assert positions[0] >= (1, 1)
    assert all(problem.what for problem in problems)


ONE_FILE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@ONE_FILE
@given(content=st.binary(max_size=200))
def test_any_bytes_are_read_or_a_config_error(tmp_path: Path, content: bytes) -> None:
    check_nothing_else_is_raised(tmp_path / "x.yaml", content)


@ONE_FILE
@given(text=st.text(alphabet="abc:-[]{}&*!|>'\"%@`#?,<~ \n\t\\01${}é", max_size=60))
def test_any_text_of_yamls_own_characters_is_read_or_a_config_error(
    tmp_path: Path, text: str
) -> None:
    check_nothing_else_is_raised(tmp_path / "x.yaml", text.encode())


@ONE_FILE
@given(data=st.data())
def test_a_damaged_example_is_read_or_a_config_error(tmp_path: Path, data: st.DataObject) -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        key, colon, value = lines[at].partition(":")
        damaged = data.draw(
            st.sampled_from(
                [
                    "",
                    lines[at] + "x",
                    "  " + lines[at],
                    lines[at][1:],
                    key,
                    f"{key}{colon} ",
                    f"{key}{colon} [{value}]",
                    f"{key}{colon} {{a: 1}}",
                    f"{key}{colon} -1",
                    f"{key}{colon} 2020-13-45",
                    f"{key}{colon} ${{NOT_SET}}",
                    f"{key}x{colon}{value}",
                    f"{key}_file{colon}{value}",
                    f"{lines[at]}\n{lines[at]}",
                    lines[data.draw(st.integers(0, len(lines) - 1))],
                ]
            )
        )
        lines[at] = damaged
    check_nothing_else_is_raised(tmp_path / "x.yaml", "\n".join(lines).encode())


KEYS = ["name", "kind", "token", "token_file", "urls", "match", "gpu", "notify", "grab", "preset"]
KEYS += ["resources", "ssh_key", "port_forwards", "for", "listen", "image", "mode"]
SECTIONS = ["marketplaces", "database", "server", "metrics", "receivers", "notifications", "rules"]
SECTIONS += ["presets", "grab", "other"]
WORDS = ["m", "tensordock", "60s", "h100-*", "a://b", "${X}", "live"]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)


@ONE_FILE
@given(tree=st.dictionaries(st.sampled_from(SECTIONS), VALUES, max_size=5))
def test_any_tree_is_read_or_a_config_error(tmp_path: Path, tree: dict[str, object]) -> None:
    # JSON is YAML, but for the NaN and infinities that Python's writes: those are texts then.
    content = json.dumps(tree).encode()
    check_nothing_else_is_raised(tmp_path / "x.yaml", content)
