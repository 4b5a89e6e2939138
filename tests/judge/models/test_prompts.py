"""What a model may hear, and above all what it may not."""

import ast
from dataclasses import replace

import pytest

from judge.errors import UnknownName, UsageError
from judge.models import fences, prompts, wording
from judge.models.extraction import extract
from problems import importers
from problems.problem import (
    Checker,
    Class,
    Examined,
    Example,
    Function,
    Limits,
    Parameter,
    Problem,
    Program,
    Slug,
    WrongSolution,
)
from problems.values import encode

FUNCTION = Function("add", (Parameter("a", "int"), Parameter("b", "list[int]")), "int")
METHOD = Function("add", (Parameter("root", "TreeNode"),), "int", owner="Solution")
STACK = Class(
    "Stack", (Function("push", (Parameter("x", "int"),)), Function("pop")), (Parameter("size"),)
)
SECRETS = tuple(f"SECRET{number}" for number in range(9))


def examples(entry):
    """One shown, one hidden, as the entry wants its arguments."""
    if isinstance(entry, Program):
        return (
            Example(encode("shown in\n"), (encode("shown out\n"),), shown=True),
            Example(encode(SECRETS[0]), (encode(SECRETS[1]),)),
        )
    if isinstance(entry, Class):
        calls = [["Stack", [3]], ["push", [41]], ["pop", []]]
        hidden = [["Stack", [3]], ["push", [SECRETS[0]]]]
        return (
            Example(encode(calls), (encode([None, None, 41]),), shown=True),
            Example(encode(hidden), (encode([None, SECRETS[1]]),)),
        )
    return (
        Example(encode([41, [1, 2]]), (encode(44),), shown=True),
        Example(encode([SECRETS[0], []]), (encode(SECRETS[1]),)),
    )


def problem(entry, **fields):
    return Problem(
        slug=Slug("p"),
        statement=fields.pop("statement", "Do as told."),
        entry=entry,
        examples=() if isinstance(entry, Examined) else examples(entry),
        reference=SECRETS[2],
        wrong=(WrongSolution(SECRETS[3], "WA", SECRETS[4]),),
        tags=(SECRETS[5],),
        original_id=SECRETS[6],
        **fields,
    )


EXAMINED = Examined("add", check=SECRETS[7], names=("add",), prompt="", setup=SECRETS[8])
ENTRIES = {
    "function": FUNCTION,
    "unnamed parameters": Function("add"),
    "method": METHOD,
    "in place": replace(FUNCTION, in_place=1),
    "class": STACK,
    "program": Program(),
    "examined": EXAMINED,
}


NAMES = ("chat", "completion", "reference", "steps", "think", "tool", "worked")


def test_these_are_all_there_are():
    assert wording.names() == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("starter", ["", "def add(a, b):\n    pass\n"], ids=["bare", "starter"])
@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_nothing_hidden_is_said(entry, starter, name):
    style = "completion" if name == "completion" else "chat"
    said = repr(prompts.conversation(problem(entry, starter=starter), style, name))
    assert not [secret for secret in SECRETS if secret in said]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_statement_and_name_are_said(entry, name):
    style = "completion" if name == "completion" else "chat"
    said = prompts.conversation(problem(entry), style, name)
    [message] = said.first.messages
    assert "Do as told." in message.content
    assert getattr(entry, "name", "stdin" if style == "chat" else "") in message.content
    assert not [text for text in (message.content, *said.then) if "$" in text]


def test_shown_examples_read_as_python():
    said = lambda entry: prompts.render(problem(entry), "chat").messages[0].content  # noqa: E731
    assert "add(41, [1, 2]) == 44" in said(FUNCTION)
    assert "Solution().add(41, [1, 2]) == 44" in said(METHOD)
    assert "afterwards b == 44" in said(replace(FUNCTION, in_place=1))
    assert "it = Stack(3)\nit.push(41)\nit.pop() == 41" in said(STACK)
    assert "Input:\nshown in\nOutput:\nshown out" in said(Program())


def test_values_of_every_type_read_as_python():
    arguments = encode([(1,), {"k": float("inf")}, {2}, b"x", iter([1, 2]), None, "a\n"])
    shown = Example(arguments, (encode(bool(1)),), shown=True)
    [message] = prompts.render(replace(problem(FUNCTION), examples=(shown,)), "chat").messages
    assert "add((1,), {'k': float('inf')}, {2}, b'x', [1, 2], None, 'a\\n') == True" in (
        message.content
    )


def test_long_examples_and_more_than_three_are_left_out():
    short = [Example(encode([n, []]), (encode(n),), shown=True) for n in range(5)]
    long = Example(encode(["x" * 5000, []]), (encode(1),), shown=True)
    [message] = prompts.render(replace(problem(FUNCTION), examples=(long, *short)), "chat").messages
    assert message.content.count(") == ") == 3
    assert "xxx" not in message.content


@pytest.mark.parametrize("style", ["chat", "completion"])
def test_without_shown_examples_there_is_no_word_of_them(style):
    [message] = prompts.render(replace(problem(FUNCTION), examples=()), style).messages
    assert "Examples" not in message.content


def test_what_looks_like_a_placeholder_in_a_statement_stays():
    tricky = problem(FUNCTION, statement="Pay $name $starter ${x} $$ [program]\n[stop]\n$notes")
    [message] = prompts.render(tricky, "chat").messages
    assert "Pay $name $starter ${x} $$ [program]\n[stop]\n$notes" in message.content


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_a_hostile_statement_cannot_leave_its_docstring(entry):
    escape = 'Quote """ and \\ end \\'
    prompt = prompts.render(problem(entry, statement=escape), "completion")
    body = "):\n    return 1\n" if prompt.prefix.endswith("(") else "return 1\n"
    if isinstance(entry, Class):
        body = "    def push(self, x):\n        return 1\n"
    elif isinstance(entry, Program):
        body = "print(1)\n"
    elif not prompt.prefix.endswith("("):
        body = " " * (8 if getattr(entry, "owner", "") else 4) + body
    ast.parse(prompt.prefix + body)
    assert extract(body, entry, prompt.prefix).rule == "completion"


def test_a_human_eval_prompt_is_continued_word_for_word():
    code = 'import math\n\n\ndef add(a, b):\n    """ Sum. """\n'
    asked = problem(EXAMINED, statement=code, starter=code)
    prompt = prompts.render(asked, "completion")
    assert prompt.prefix == prompt.messages[0].content == code
    assert "\ndef " in prompt.stop
    [message] = prompts.render(asked, "chat").messages
    assert message.content.count('""" Sum. """') == 1


def test_chat_has_no_prefix_and_no_stops():
    prompt = prompts.render(problem(FUNCTION), "chat")
    assert (prompt.prefix, prompt.stop, prompt.slug) == ("", (), "p")


def test_an_unknown_template_is_named_with_the_known_ones():
    for name in ("nope", "../../errors", "chat.txt", "/etc/passwd"):
        with pytest.raises(UnknownName, match="there is chat, completion"):
            prompts.render(problem(FUNCTION), "chat", name)


def test_the_version_is_the_name_and_a_hash():
    assert prompts.render(problem(FUNCTION), "chat").template == prompts.template_version("chat")
    name, _, version = prompts.template_version("chat").partition("@")
    assert (name, len(version)) == ("chat", 8)


def test_one_version_renders_one_text():
    """When this fails on purpose, raise prompts.RENDERING and put the new texts here."""
    chat = prompts.render(problem(FUNCTION), "chat")
    assert (chat.template, chat.messages[0].content) == (
        "chat@31042002",
        (
            "Do as told.\n\nExamples:\n```\nadd(41, [1, 2]) == 44\n```\n\n"
            "Write this Python function in full:\n```python\ndef add(a: int, b: list[int]) -> int:\n"
            "    ...\n```\nAnswer with one ```python code block that holds the whole solution. "
            "No tests, no prints."
        ),
    )
    completion = prompts.render(problem(FUNCTION), "completion")
    assert (completion.template, completion.prefix) == (
        "completion@2253dc3e",
        (
            'def add(a: int, b: list[int]) -> int:\n    """\n    Do as told.\n\n'
            '    add(41, [1, 2]) == 44\n    """\n'
        ),
    )


def test_every_bundled_problem_can_be_asked():
    for asked in importers.bundled("starter").problems:
        chat = prompts.render(asked, "chat").messages[0].content
        assert len(chat) < 6000, asked.slug
        assert asked.reference.strip() not in chat
        ast.parse(prompts.render(asked, "completion").prefix.removesuffix("(") or "pass")


def test_a_class_and_a_method_have_words_of_their_own_where_a_template_has_them():
    said = lambda entry: prompts.render(problem(entry), "chat", "worked").messages[0].content  # noqa: E731
    assert "class CarPark" in said(STACK)
    assert "def wetSpell(self" in said(METHOD)
    assert "def wet_spell(rain: list[int])" in said(FUNCTION)
    assert "class" not in prompts.render(problem(FUNCTION), "chat", "worked").messages[0].content


def test_facts_are_those_of_the_problem():
    limits = Limits(cpu_seconds=2.5, memory_mb=128)
    asked = problem(FUNCTION, limits=limits, packages=("numpy",), checker=Checker("floats", 1e-6))
    [message] = prompts.render(asked, "chat", "reference").messages
    assert "2.5 s of CPU time and 128 MB" in message.content
    assert "with its whole standard library and numpy besides" in message.content
    assert "differ from the expected ones by a small tolerance" in message.content
    [message] = prompts.render(problem(FUNCTION), "chat", "reference").messages
    assert "no packages besides" in message.content and "tolerance" not in message.content


def test_the_worked_solutions_are_right():
    """What is held up as an example had better be one."""
    sections = wording.wording("worked").sections
    for form, text in sections.items():
        if form not in ("function", "method", "class", "named"):
            continue
        given = {}
        for block in fences.blocks_of(text):
            if block.tag == "python" and "$" not in block.text and "..." not in block.text:
                exec(block.text, given)
        wet = given.get("wet_spell") or (given.get("Solution") and given["Solution"]().wetSpell)
        if wet:
            assert [wet(rain) for rain in ([], [0, 2, 0, 1, 0], [3])] == [0, 3, 1]
        if "kind_words" in given:
            assert given["kind_words"]("Ada sees Bo ada bo") == ["Ada", "Bo"]
        if "CarPark" in given:
            park = given["CarPark"](2)
            assert (park.enter("a"), park.enter("b"), park.enter("c")) == (True, True, False)
            assert (park.leave("a"), park.leave("a"), park.enter("b")) == (1, -1, False)


@pytest.mark.parametrize(
    ("style", "name", "said"),
    [
        ("chat", "completion", "one of chat, reference, steps, think, tool, worked"),
        ("completion", "steps", "one of completion"),
    ],
)
def test_a_template_of_the_other_style_is_refused_with_those_that_fit(style, name, said):
    with pytest.raises(UsageError, match=said):
        prompts.render(problem(FUNCTION), style, name)


# --- templates of one's own ----------------------------------------------------------------------

MINE = "[function]\nF $statement\n[named]\nN $name\n[program]\nP $statement\n"


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Write a template of one's own."""
    monkeypatch.setenv("JUDGE_PROMPTS", str(tmp_path))

    def write(text=MINE, name="mine"):
        (tmp_path / f"{name}.txt").write_text(text)
        return prompts.template_version(name)

    yield write
    wording._read.cache_clear()


def test_a_template_of_ones_own_is_found_beside_ours(mine):
    version = mine()
    assert "mine" in wording.names() and "chat" in wording.names()
    prompt = prompts.render(problem(FUNCTION), "chat", "mine")
    assert (prompt.messages[0].content, prompt.template) == ("F Do as told.", version)


def test_its_version_is_a_hash_of_all_it_renders_with(mine):
    version = mine()
    wording._read.cache_clear()
    assert mine() == version
    wording._read.cache_clear()
    assert mine(MINE + "[then 1]\nAgain.\n") != version


def test_ours_cannot_be_replaced_and_no_other_file_be_read(mine, tmp_path):
    ours = prompts.template_version("chat")
    assert mine(MINE, "chat") == ours
    (tmp_path / "Odd Name.txt").write_text(MINE)
    (tmp_path.parent / "outside.txt").write_text(MINE)
    for name in ("Odd Name", "../outside", "outside", "", "mine.txt", "x" * 100):
        with pytest.raises(UnknownName):
            prompts.template_version(name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no section .function."),
        ("[function]\nx\n[named]\ny\n", "no section .program."),
        (MINE + "[then 2]\nx\n", "number its sections"),
        (MINE + "".join(f"[then {n}]\nx\n" for n in range(1, 9)), "number its sections"),
        (MINE + "[ran]\nx\n", "wants a .ran last."),
        (MINE + "[ran]\nx\n[ran last]\nx\n[then 1]\nx\n", "no .then 1. beside it"),
        (MINE + "[then 1]\nx\n[stop]\nx\n", "without turns"),
    ],
)
def test_a_template_that_cannot_be_used_says_what_it_lacks(mine, text, said):
    with pytest.raises(UsageError, match=said):
        mine(text)
    with pytest.raises(UsageError, match="ask it with one of completion"):
        prompts.render(problem(FUNCTION), "completion", "chat")


def test_a_file_that_is_no_text_is_refused(mine, tmp_path):
    (tmp_path / "raw.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read"):
        prompts.template_version("raw")
