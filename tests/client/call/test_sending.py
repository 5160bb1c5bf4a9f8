"""Redirects, tries and time of one request, with httpx's transport in place of a network."""

import httpx
import pytest

from daypass.client import Scope, Static
from daypass.client.call.asked import Asked
from daypass.client.call.body import Body
from daypass.client.call.sending import (
    Deadline,
    OutOfTimeError,
    Patience,
    Sender,
    TooManyRedirectsError,
)
from daypass.client.signer import Signer
from daypass.sigv4 import Credentials

HERE = "https://here.example/a"
TOKEN = "session-token"


class Network:
    """Answers in their order; keeps what was sent, and what was said of it."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.sent = []
        self.said = []
        self.paused = []

    def handle(self, request):
        request.read()
        self.sent.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def sending(self, request):
        self.said.append("sending")

    def answered(self, response):
        self.said.append(response.status_code)

    def waiting(self, why, seconds):
        self.said.append(why)

    def moving(self, url, signed):
        self.said.append((url, signed))

    def send(self, asked, seconds=None, **patience):
        signer = Signer(
            Static(Credentials("ASIAEXAMPLE", "secret", TOKEN)),
            lambda _url: Scope("lambda", "eu-west-1", ""),
            lambda: 1_800_000_000.0,
            unsigned_payload=False,
        )
        client = httpx.Client(transport=httpx.MockTransport(self.handle))
        patience = Patience(**patience)
        sender = Sender(client, signer, patience, self, Deadline(seconds), self.paused.append)
        return sender.send(asked)


def redirect(status, location):
    return httpx.Response(status, headers={"location": location})


SECRETS = [("authorization", "mine"), ("cookie", "a=b"), ("x-amz-meta-a", "b"), ("x-own", "c")]


@pytest.mark.parametrize(
    "location",
    ["https://there.example/a", "http://here.example/a", "https://here.example:8443/", "//there/"],
)
def test_another_host_gets_no_signature_and_no_secret(location):
    network = Network(redirect(307, location), httpx.Response(200))
    network.send(Asked("PUT", HERE, SECRETS, Body([b"x"])), follow=True)
    first, second = network.sent
    assert first.headers["x-amz-security-token"] == TOKEN
    assert not [name for name in second.headers if name.startswith("x-amz-")]
    assert not {"authorization", "cookie"} & set(second.headers)
    assert second.headers["x-own"] == "c"
    assert second.headers["host"] == second.url.netloc.decode()
    assert network.said[-3][1] is False


def test_another_host_gets_a_signature_where_it_is_trusted():
    network = Network(redirect(307, "https://there.example/a"), httpx.Response(200))
    network.send(Asked("GET", HERE), follow=True, trust=True)
    assert "host;" in network.sent[1].headers["authorization"]
    assert network.sent[1].headers["host"] == "there.example"


def test_another_host_does_not_choose_what_is_signed_for_the_one_that_was_asked():
    back = "https://here.example/delete-all"
    network = Network(redirect(302, "https://there.example/"), redirect(302, back), ok())
    network.send(Asked("GET", HERE), follow=True)
    assert ["authorization" in one.headers for one in network.sent] == [True, False, False]


def ok():
    return httpx.Response(200)


@pytest.mark.parametrize(
    ("status", "method", "then", "body"),
    [
        (301, "POST", "GET", b""),
        (302, "POST", "GET", b""),
        (303, "PUT", "GET", b""),
        (307, "POST", "POST", b"x"),
        (308, "PUT", "PUT", b"x"),
        (301, "PUT", "PUT", b"x"),
    ],
)
def test_methods_change_as_rfc_9110_says(status, method, then, body):
    network = Network(redirect(status, "/b"), httpx.Response(200))
    network.send(Asked(method, HERE, [("content-type", "a/b")], Body([b"x"])), follow=True)
    assert (network.sent[1].method, network.sent[1].content) == (then, body)
    assert ("content-type" in network.sent[1].headers) is bool(body)


def test_redirects_are_not_followed_unasked():
    assert Network(redirect(302, "/b")).send(Asked("GET", HERE)).status_code == 302


def test_redirects_end():
    network = Network(*(redirect(302, "/b") for _ in range(50)))
    with pytest.raises(TooManyRedirectsError):
        network.send(Asked("GET", HERE), follow=True)
    assert len(network.sent) == 20


@pytest.mark.parametrize(
    "trouble", [httpx.ConnectError("refused"), httpx.Response(500), httpx.Response(429)]
)
def test_a_moments_trouble_is_waited_out(trouble):
    network = Network(trouble, trouble, httpx.Response(200))
    asked = Asked("POST", HERE, (), Body([b"x"]))
    assert network.send(asked, retries=2).status_code == 200
    assert [one.content for one in network.sent] == [b"x"] * 3
    assert network.paused == [1, 2]


@pytest.mark.parametrize("status", [400, 403, 404, 409, 501])
def test_other_answers_are_final(status):
    assert Network(httpx.Response(status)).send(Asked("GET", HERE), retries=5).status_code == status


def test_the_last_trouble_is_the_answer():
    network = Network(*(httpx.Response(503) for _ in range(3)))
    assert network.send(Asked("GET", HERE), retries=2).status_code == 503
    with pytest.raises(httpx.ConnectError):
        Network(*[httpx.ConnectError("refused")] * 2).send(Asked("GET", HERE), retries=1)


def test_a_server_may_ask_for_a_pause_but_not_for_an_hour():
    network = Network(
        httpx.Response(503, headers={"retry-after": "7"}),
        httpx.Response(503, headers={"retry-after": "3600"}),
        httpx.Response(503, headers={"retry-after": "no number"}),
        httpx.Response(200),
    )
    network.send(Asked("GET", HERE), retries=3)
    assert network.paused == [7, 60, 4]


def test_time_ends():
    network = Network(*(httpx.Response(503) for _ in range(3)))
    with pytest.raises(OutOfTimeError):
        network.send(Asked("GET", HERE), seconds=1e-9, retries=2)
    assert network.sent == []
