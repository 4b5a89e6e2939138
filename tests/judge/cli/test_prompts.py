"""What models are asked with, looked at before anything is spent."""


def test_every_template_is_listed_with_its_calls(judge):
    rows = {row["name"]: row for row in judge("prompts", "list", "--json").json()}
    assert list(rows) == ["chat", "completion", "reference", "steps", "think", "tool", "worked"]
    assert (rows["steps"]["calls"], rows["tool"]["calls"], rows["chat"]["calls"]) == (3, 5, 1)
    assert rows["completion"]["style"] == "completion"
    assert "worked@" in judge("prompts", "list").out


def test_a_prompt_is_shown_for_one_problem_and_names_no_hidden_example(judge, small_set):
    assert judge("problems", "import", small_set).code == 0
    said = judge("prompts", "show", "steps", "--problem", "small/square")
    assert said.code == 0, said.err
    assert "Write `square(n)`." in said.out and "square(2) == 4" in said.out
    assert "81" not in said.out
    assert "call 3 of at most 3" in said.err
    shown = judge("prompts", "show", "steps", "--problem", "small/square", "--json").json()
    assert (shown["calls"], len(shown["said"])) == (3, 3)


def test_without_a_problem_one_of_ours_is_asked(judge):
    assert "is_even" in judge("prompts", "show", "tool").out
    assert "is_even" in judge("prompts", "show", "completion").out


def test_what_is_not_there_is_refused(judge):
    for words in (
        ("prompts", "show", "nope"),
        ("prompts", "show", "chat", "--problem", "small"),
        ("prompts", "show", "chat", "--problem", "small/x"),
    ):
        said = judge(*words)
        assert said.code == 2 and said.err.count("\n") == 1, said.err


def test_a_template_in_the_home_folder_is_found(judge, home):
    (home / "prompts").mkdir(parents=True)
    text = "[function]\nMine: $statement\n[named]\nx\n[program]\nx\n"
    (home / "prompts" / "my-own.txt").write_text(text)
    assert "Mine: " in judge("prompts", "show", "my-own").out
    assert "my-own" in judge("prompts", "list").out
