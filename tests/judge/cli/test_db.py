"""`judge db`, from the outside."""


def test_a_database_is_made_backed_up_and_restored_elsewhere(
    judge, home, tmp_path, small_set, monkeypatch
):
    assert judge("db", "version", "--json").json()["revision"] == ""
    assert judge("db", "check").code == 1
    assert judge("db", "upgrade").code == 0
    assert judge("db", "check").out.strip() == "sound"
    said = judge("db", "version", "--json").json()
    assert said["revision"] == said["head"]
    file = tmp_path / "all.backup"
    assert judge("db", "backup", file, "--json").json()["rows"]["problems"] == 0
    again = judge("db", "backup", file)
    assert again.code == 2 and "name another" in again.err

    monkeypatch.setenv("JUDGE_HOME", str(tmp_path / "other"))
    assert judge("db", "restore", tmp_path / "nothing").code == 2
    assert judge("db", "restore", file).code == 0
    assert judge("db", "check").code == 0
    file.write_bytes(file.read_bytes()[:-9])
    monkeypatch.setenv("JUDGE_HOME", str(tmp_path / "third"))
    damaged = judge("db", "restore", file)
    assert damaged.code == 2 and damaged.err.count("\n") == 1
    assert judge("db", "version", "--json").json()["revision"] == ""
