"""The pages: whole without a script, and every text of others escaped."""

from html.parser import HTMLParser

import pytest

VOID = {"meta", "link", "rect", "line", "circle", "img", "br", "input"}


class Tree(HTMLParser):
    """Checks that what is opened is closed; keeps tags with their attributes, and the text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def finished(client, answer):
    where = answer.headers["location"]
    while client.get(where, params={"wait": 10}).json()["state"] == "open":
        pass
    return where.removeprefix("/v1")


@pytest.mark.sandbox
@pytest.mark.usefixtures("sandbox")
def test_a_leaderboard_shows_scores_with_their_uncertainty(filled, opened):
    finished(filled, opened)
    page = Tree(filled.get("/leaderboards/small").text)
    words = " ".join(page.words)
    assert "ceiling" in words
    assert "100.0\u00a0%" in words
    bars = page.all("svg")
    assert len(bars) == 2
    assert all("95 % interval" in bar["aria-label"] for bar in bars)
    assert all(bar["role"] == "img" for bar in bars)
    assert len(page.all("line")) == 6  # a whisker with two caps each


@pytest.mark.sandbox
@pytest.mark.usefixtures("sandbox")
def test_no_text_of_a_model_becomes_markup(filled, opened):
    for path in ("/", "/leaderboards/small", finished(filled, opened)):
        page = Tree(filled.get(path).text)
        assert page.all("img") == []
        assert all("live.js" in attrs.get("src", "") for attrs in page.all("script"))
        assert "onerror=alert(2)" in " ".join(page.words)


@pytest.mark.sandbox
@pytest.mark.usefixtures("sandbox")
def test_a_batch_shows_its_progress_and_stops_refreshing_when_it_is_over(filled, opened):
    page = Tree(filled.get(finished(filled, opened)).text)
    assert "6 of 6 samples judged" in page.all("svg")[0]["aria-label"] or page.all("svg")
    assert page.all("script") == []
    assert "data-live" not in page.all("main")[0]


def test_a_batch_with_faults_names_them(filled):
    body = {"models": ["reference"], "problem_set": "small", "samples": 3}
    answer = filled.post("/v1/batches", json=body)
    text = " ".join(Tree(filled.get(finished(filled, answer)).text).words)
    assert "ask for fewer samples" in text
    assert "not counted in any score" in text


def test_an_empty_service_says_how_to_begin(client):
    assert "judge problems import starter" in client.get("/").text


def test_every_page_can_be_read_aloud_and_walked_by_keyboard(filled):
    for path in ("/", "/docs", "/leaderboards/small"):
        page = Tree(filled.get(path).text)
        assert page.all("html")[0]["lang"] == "en"
        assert page.all("a")[0]["href"] == "#main"
        assert page.all("main")[0]["id"] == "main"
        assert all("scope" in head for head in page.all("th"))
        assert len(page.all("h1")) == 1
        for region in page.all("div"):
            if "scroll" in region.get("class", ""):
                assert region["tabindex"] == "0"
                assert {"aria-label", "aria-labelledby"} & region.keys()


def test_the_pages_load_nothing_from_elsewhere(client):
    page = Tree(client.get("/").text)
    for attrs in page.all("link") + page.all("script") + page.all("img"):
        source = attrs.get("href", attrs.get("src"))
        assert source.startswith("/static/")
        assert client.get(source).status_code == 200


def test_the_docs_list_every_operation(client):
    text = client.get("/docs").text
    for path, methods in client.get("/v1/openapi.json").json()["paths"].items():
        assert path in text
        assert all(each["operationId"].replace("_", "").isalpha() for each in methods.values())
