"""Where an endpoint named from afar may lie: where the operator said."""

import pytest

from judge.errors import UsageError
from judge.models.addresses import check_listed


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1", "http://127.1:80/", "http://2130706433/", "http://0x7f000001/"),
        *("http://0177.0.0.1/", "http://localhost:8000/v1", "http://[::1]/", "http://0.0.0.0/"),
        *("http://[::ffff:127.0.0.1]/", "http://[::ffff:a9fe:a9fe]/", "http://[64:ff9b::7f00:1]/"),
        *(
            "http://[2002:7f00:1::]/",
            "http://10.1.2.3/",
            "http://172.16.0.1/",
            "http://192.168.1.1",
        ),
        *(
            "http://169.254.169.254/latest",
            "http://100.64.0.1/",
            "http://[fe80::1]/",
            "http://[fc00::1]/",
        ),
        *(
            "http://[fd00:ec2::254]/",
            "http://224.0.0.1/",
            "http://255.255.255.255/",
            "http://[ff02::1]/",
        ),
        *("http://192.0.2.1/", "http://198.18.0.1/", "http://[::]/", "http://240.0.0.1/"),
        *(
            "http://127.0.0.1./",
            "http://LOCALHOST/",
            "http://[fe80::1%25eth0]/",
            "http://[::127.0.0.1]/",
        ),
    ],
)
def test_no_address_inside_is_taken(url):
    with pytest.raises(UsageError, match=r"JUDGE_MODEL_HOSTS|not known|no address"):
        check_listed(url)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "ftp://8.8.8.8/",
            "file:///etc/passwd",
            "//8.8.8.8/",
            "8.8.8.8",
            "http://",
            "http:///x",
        ),
        *("http://me:secret@8.8.8.8/", "http://8.8.8.8@127.0.0.1/", "http://8.8.8.8\\@127.0.0.1/"),
        *(
            "http://8.8.8.8/?key=1",
            "http://8.8.8.8/#x",
            "http://8.8.8.8/?",
            "http://8.8.8.8:99999/",
        ),
        *(
            "http://8.8.8.8:x/",
            "http://[8.8.8.8/",
            "http://8.8.8.8/\nX",
            "gopher://8.8.8.8/",
            "http://a..b/",
        ),
    ],
)
def test_what_is_no_address_or_more_than_one_is_refused(url):
    with pytest.raises(UsageError, match="base_url"):
        check_listed(url)


@pytest.mark.parametrize(
    "url",
    [
        *("https://8.8.8.8/v1", "https://collects.example/v1", "http://api.openai.com/v1"),
        *("https://api.openai.com.example/v1", "https://xapi.openai.com/v1"),
        *("https://api.openai.com%2eexample/v1", "https://api.openai.com:x@example/"),
    ],
)
def test_no_stranger_is_shown_the_key(url):
    with pytest.raises(UsageError, match="base_url"):
        check_listed(url)


def test_the_keys_own_provider_is_taken():
    check_listed("https://api.openai.com/v1")


def test_a_host_that_is_listed_is_taken_whatever_it_stands_for():
    check_listed("http://localhost:8000/v1", {"localhost"})
    check_listed("http://10.0.0.7:8000/v1", {"10.0.0.7"})
    with pytest.raises(UsageError, match="JUDGE_MODEL_HOSTS"):
        check_listed("http://10.0.0.8:8000/v1", {"10.0.0.7"})
