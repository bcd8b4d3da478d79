"""The errors that Envoy itself returns to each kind of client."""

import base64

import pytest
from google.rpc import error_details_pb2, status_pb2

from gateway.descriptors import QueryParameter
from gateway.gateway_errors import gateway_errors
from gateway.local_replies import IS_GRPC, IS_GRPC_WEB, LocalReply, local_replies

STATUS = QueryParameter(
    "/voicearena.experiments.v1.ExperimentService/ListExperiments",
    "status",
    "created|running",
    "must be one of created, running",
)


def replies() -> list[LocalReply]:
    return local_replies(["auth", "tts"], [STATUS], [], [64], 64, 7, 2)


def reply_when_tts_is_down(kind: str) -> LocalReply:
    """Returns the reply for one kind of client when tts is down."""
    down = [r for r in replies() if "/voicearena.tts." in r.condition]
    return next(r for r in down if (r.condition.startswith(kind) if kind else r.as_json))


def test_a_json_client_gets_a_status_as_the_transcoder_prints_it():
    reply = reply_when_tts_is_down("")
    assert reply.http_status == 503
    assert reply.as_json == {
        "code": 14,
        "message": "tts is not reachable. Try again shortly.",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "UNAVAILABLE",
                "domain": "voicearena",
                "metadata": {"service": "tts"},
            }
        ],
    }


@pytest.mark.parametrize("kind", [IS_GRPC, IS_GRPC_WEB])
def test_a_grpc_client_gets_the_same_status_with_details(kind):
    headers = reply_when_tts_is_down(kind).headers
    packed = headers["grpc-status-details-bin"]
    status = status_pb2.Status.FromString(base64.b64decode(packed + "=" * (-len(packed) % 4)))
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert headers["grpc-status"] == "14"
    assert (status.code, status.message) == (14, "tts is not reachable. Try again shortly.")
    assert (info.reason, info.domain, dict(info.metadata)) == ("UNAVAILABLE", "voicearena", {"service": "tts"})


def test_a_grpc_web_client_gets_http_200_and_an_empty_body():
    reply = reply_when_tts_is_down(IS_GRPC_WEB)
    assert (reply.http_status, reply.as_text, reply.content_type) == (200, "", "application/grpc-web+proto")


def test_a_message_from_auth_is_kept_and_gets_no_details():
    denied = [r for r in replies() if "ext_authz_denied" in r.condition and r.condition.startswith(IS_GRPC)]
    assert [r.as_text for r in denied] == ["%LOCAL_REPLY_BODY%"] * 3
    assert all("grpc-status-details-bin" not in r.headers for r in denied)


def test_a_reply_of_the_lua_checks_is_unchanged():
    first = replies()[1]
    assert first.condition == "response.code_details == 'lua_response' && response.code in [400, 415]"
    assert (first.as_text, first.content_type, first.http_status) == ("%LOCAL_REPLY_BODY%", "application/json", 0)


def test_a_file_of_the_page_is_unchanged():
    first = replies()[0]
    assert first.condition == "response.code_details == 'direct_response' && xds.route_name == 'page'"
    assert (first.as_text, first.as_json, first.http_status, first.headers) == (None, None, 0, {})


def test_the_last_reply_matches_everything():
    assert replies()[-1].condition == "(true)"
    assert replies()[-1].as_json is not None


def test_the_error_for_a_query_parameter_has_the_allowed_values():
    messages = [e.message for e in gateway_errors([], [STATUS], [], [64], 64, 7, 2) if e.bad_field == "status"]
    assert messages == ["status: must be one of created, running"]


def test_the_error_for_a_large_body_has_the_limit():
    too_large = [e for e in gateway_errors([], [], [], [64, 1536, 9999], 1536, 7, 2) if e.http_status == 413]
    assert [error.message for error in too_large] == [
        "The body is too large: at most 64 kB are accepted on this route",
        "The body is too large: at most 1536 kB are accepted on this route",
        "The body is too large: at most 9999 kB are accepted on this route",
        "The body is too large: at most 1536 kB are accepted on any route but uploads",
    ]
    assert "at most 64 kB" in too_large[0].condition
