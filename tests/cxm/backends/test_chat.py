"""Language models: a real HTTP server on loopback stands where the service would."""

import json
import logging

import pytest
from werkzeug import Response

from cxm.backends.chat import CachedChat, OpenAIChat
from cxm.errors import CxmError
from cxm.settings import read_settings
from cxm.workspace import make_services


def answer(content):
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
    return Response(json.dumps(body), content_type="application/json")


@pytest.fixture
def chat(httpserver):
    return OpenAIChat("m", httpserver.url_for("/v1"), "secret-key")


def echo(request):
    question = request.get_json()["messages"][-1]["content"]
    return Response(status=400) if question == "bad" else answer(question.upper())


def test_answers_come_in_the_order_of_the_questions(httpserver, chat):
    httpserver.expect_request("/v1/chat/completions").respond_with_handler(echo)
    assert chat.ask("shout", [f"q{i}" for i in range(10)]) == [f"Q{i}" for i in range(10)]
    sent = httpserver.log[0][0]
    assert sent.get_json()["messages"][0] == {"role": "system", "content": "shout"}
    assert sent.get_json()["temperature"] == 0
    assert sent.headers["Authorization"] == "Bearer secret-key"


def test_no_question_asks_nobody(httpserver, chat):
    assert chat.ask("shout", []) == []
    assert not httpserver.log


def test_a_failed_question_is_none_and_counted(httpserver, chat, caplog):
    httpserver.expect_request("/v1/chat/completions").respond_with_handler(echo)
    with caplog.at_level(logging.WARNING):
        assert chat.ask("shout", ["a", "bad", "c"]) == ["A", None, "C"]
    assert "1 of 3 failed" in caplog.text
    assert "secret-key" not in caplog.text


def test_a_service_that_answers_nothing_is_one_line_without_the_key(httpserver, chat):
    httpserver.expect_request("/v1/chat/completions").respond_with_data("no", status=401)
    with pytest.raises(CxmError, match=r"2 of 2 failed.*CXM_CHAT_KEY") as raised:
        chat.ask("shout", ["a", "b"])
    assert "secret-key" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_answer_of_no_known_form_is_a_failure(httpserver, chat):
    httpserver.expect_request("/v1/chat/completions").respond_with_json({"choices": []})
    with pytest.raises(CxmError, match="1 of 1 failed"):
        chat.ask("shout", ["a"])


def test_nothing_is_asked_twice_and_failures_are_asked_again(httpserver, chat, tmp_path):
    httpserver.expect_request("/v1/chat/completions").respond_with_handler(echo)
    cached = CachedChat(chat, tmp_path)
    assert cached.ask("shout", ["a", "bad", "a"]) == ["A", None, "A"]
    assert len(httpserver.log) == 2
    assert CachedChat(chat, tmp_path).ask("shout", ["a", "c"]) == ["A", "C"]
    assert len(httpserver.log) == 3
    assert cached.ask("whisper", ["a"]) == ["A"]
    assert len(httpserver.log) == 4


def test_a_broken_cache_is_one_line(chat, tmp_path):
    cached = CachedChat(chat, tmp_path)
    cached.path.write_text("no database")
    with pytest.raises(CxmError, match="CXM_CACHE"):
        cached.ask("shout", ["a"])


def test_without_a_setting_there_is_no_language_model(monkeypatch, tmp_path):
    monkeypatch.delenv("CXM_CHAT_MODEL", raising=False)
    assert make_services(tmp_path).chat is None


def test_a_set_model_is_part_of_what_results_depend_on_and_its_key_is_hidden(monkeypatch, tmp_path):
    without = make_services(tmp_path).digest
    monkeypatch.setenv("CXM_CHAT_MODEL", "m")
    monkeypatch.setenv("CXM_CHAT_KEY", "secret-key")
    services = make_services(tmp_path)
    assert services.chat is not None
    assert services.digest != without
    assert "secret-key" not in repr(read_settings())
