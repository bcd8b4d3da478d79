"""Webhook endpoints, and the log of what they were told."""

import re

from tests.contract.cases.auth import MOMENT
from tests.contract.cases.case import Case, Fails, Given, Ok
from tests.contract.cases.planning import CREATE as PLAN
from tests.contract.cases.planning import experiment
from tests.contract.matching import ABSENT

CREATE = "WebhookService.CreateWebhookEndpoint"
LIST = "WebhookService.ListWebhookEndpoints"
GET = "WebhookService.GetWebhookEndpoint"
DELETE = "WebhookService.DeleteWebhookEndpoint"
ROTATE = "WebhookService.RotateWebhookSecret"
ENABLE = "WebhookService.EnableWebhookEndpoint"
DELIVERIES = "WebhookService.ListWebhookDeliveries"
REDELIVER = "WebhookService.RedeliverWebhook"

ENDPOINT_ID = re.compile(r"whe_[0-9a-f]{32}")
MESSAGE_ID = re.compile(r"msg_[0-9a-f]{32}")
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")
NO_ENDPOINT, NO_EXPERIMENT, NO_MESSAGE = (f"{prefix}_{'0' * 32}" for prefix in ("whe", "exp", "msg"))

ENDPOINT = {
    "id": ENDPOINT_ID,
    "enabled": True,
    "disabled_reason": "",
    "created_at": MOMENT,
    "secret_rotated_at": ABSENT,
    "old_secret_expires_at": ABSENT,
    "secret": ABSENT,
}
# Nobody listens where the world's webhooks go.
UNREACHABLE = {
    "attempted_at": MOMENT,
    "response_status": ABSENT,
    "error": "the connection to the receiver failed",
    "duration_ms": lambda ms: 0 < ms < 15_000,
    "by_hand": False,
}
DELIVERY = {
    "id": Given("its_delivery"),
    "experiment_id": Given("told_experiment"),
    "subject_type": "experiment",
    "subject_id": Given("told_experiment"),
    "endpoint_id": ENDPOINT_ID,
    "type": "experiment.cancelled",
    "created_at": MOMENT,
    "error_message": "the connection to the receiver failed",
}


def refused(case: str, url: str, says: str) -> Case:
    """Returns the case of an endpoint whose URL may not be called."""
    return Case(case, CREATE, {"url": url}, Fails("INVALID_INPUT", fields=("url",), says=says))


CASES = [
    Case(
        "an endpoint is made with a secret",
        CREATE,
        {"url": Given("new_webhook_url")},
        Ok({"endpoint": {**ENDPOINT, "url": Given("new_webhook_url")}, "secret": SECRET}),
    ),
    Case(
        "another endpoint with the same request id",
        CREATE,
        {"url": "https://example.com/another", "request_id": Given("used_webhook_request_id")},
        Fails(
            "REQUEST_ID_REUSED", says="for another request", metadata={"field": "request_id", "first_used_at": MOMENT}
        ),
    ),
    Case(
        "a URL has one endpoint",
        CREATE,
        {"url": Given("own_endpoint_url")},
        Fails("ALREADY_EXISTS", says="this URL", metadata={"id": ENDPOINT_ID}),
    ),
    Case(
        "a request_id has an end",
        CREATE,
        {"url": "https://example.com/", "request_id": "r" * 101},
        Fails("INVALID_INPUT", fields=("request_id",), says="100"),
    ),
    Case(
        "no more endpoints than there may be",
        CREATE,
        {"url": Given("new_webhook_url")},
        Fails("QUOTA_EXCEEDED", says="100", metadata={"limit": "100"}),
        caller="who holds all endpoints",
    ),
    Case("an endpoint of nobody", CREATE, {"url": "https://e.com/"}, Fails("CREDENTIALS_MISSING"), caller="nobody"),
    refused("no URL", "", "http or https"),
    refused("a URL of another scheme", "ftp://example.com/", "http or https"),
    refused("a URL that never ends", "https://example.com/" + "x" * 2048, "2048"),
    refused("a URL with a password", "https://ada:secret@example.com/", "password"),
    refused("a port of mail", "http://example.com:25/", "port"),
    refused("a private address", "http://10.0.0.1/", "private"),
    refused("a cloud's metadata", "http://169.254.169.254/latest/meta-data/", "private"),
    refused("a cloud's metadata by name", "http://metadata.google.internal/", "private"),
    refused("an address as one number", "http://2852039166/", "four decimal numbers"),
    refused("an address in octal", "http://0251.0376.0251.0376/", "four decimal numbers"),
    refused("an address in hexadecimal", "http://0xa9.0xfe.0xa9.0xfe/", "four decimal numbers"),
    refused("a short address", "http://10.1/", "four decimal numbers"),
    refused("IPv4 in IPv6", "http://[::ffff:10.0.0.1]/", "private"),
    refused("IPv4 in NAT64", "http://[64:ff9b::a00:1]/", "private"),
    refused("a unique local address", "http://[fd00::1]/", "private"),
    refused("digits of another script", "http://１０.0.0.1/", "private"),
    refused("full stops of another script", "http://10。0。0。1/", "private"),
    refused("a host that is no name in any script", "https://☃.example/", "IDNA"),
    refused("a path that is not encoded", "https://example.com/ü", "percent-encoded"),
    Case(
        "an endpoint at an internationalised name is kept as punycode",
        CREATE,
        {"url": Given("new_international_url")},
        Ok(
            {"endpoint": {**ENDPOINT, "url": re.compile("https://xn--bcher-kva[.]example/[0-9a-f]+")}, "secret": SECRET}
        ),
    ),
    refused("a backslash", "http://example.com\\@10.0.0.1/", "ASCII"),
    Case(
        "an experiment makes the endpoint of a new URL and shows its secret",
        PLAN,
        experiment(webhook_url=Given("new_webhook_url")),
        Ok({"webhook_url": Given("new_webhook_url"), "webhook_secret": SECRET}),
    ),
    Case(
        "an experiment with a known URL shows no secret",
        PLAN,
        experiment(webhook_url=Given("own_endpoint_url")),
        Ok({"webhook_url": Given("own_endpoint_url"), "webhook_secret": ""}),
    ),
    Case(
        "an experiment has no webhook at a private address",
        PLAN,
        experiment(webhook_url="http://192.168.0.1/"),
        Fails("INVALID_INPUT", fields=("webhook_url",), says="private"),
    ),
    Case(
        "endpoints are listed without secrets",
        LIST,
        {},
        Ok({"endpoints": [{**ENDPOINT, "id": Given("only_endpoint")}], "next_page_token": ""}),
        caller="who has one endpoint",
    ),
    Case("a page of endpoints", LIST, {"page_size": 1}, Ok({"next_page_token": re.compile(".+")})),
    Case(
        "a page of endpoints has no negative size",
        LIST,
        {"page_size": -1},
        Fails("INVALID_INPUT", fields=("page_size",)),
    ),
    Case(
        "a page token of another list",
        LIST,
        {"page_token": Given("experiments_page_token")},
        Fails("INVALID_INPUT", fields=("page_token",)),
    ),
    Case(
        "an endpoint",
        GET,
        {"id": Given("own_endpoint")},
        Ok({**ENDPOINT, "id": Given("own_endpoint"), "url": Given("own_endpoint_url")}),
    ),
    Case("an endpoint that is not there", GET, {"id": NO_ENDPOINT}, Fails("NOT_FOUND")),
    Case("an id of no endpoint", GET, {"id": "not-an-id"}, Fails("INVALID_INPUT", fields=("id",), says="whe_")),
    Case("an endpoint is deleted", DELETE, {"id": Given("new_endpoint")}, Ok({"id": Given("new_endpoint")})),
    Case("an endpoint that was deleted", DELETE, {"id": Given("deleted_endpoint")}, Fails("NOT_FOUND")),
    Case(
        "a secret is rotated with a day of overlap",
        ROTATE,
        {"id": Given("new_endpoint")},
        Ok(
            {
                "endpoint": {
                    **ENDPOINT,
                    "id": Given("new_endpoint"),
                    "secret_rotated_at": MOMENT,
                    "old_secret_expires_at": MOMENT,
                },
                "secret": SECRET,
            }
        ),
    ),
    Case(
        "a secret is rotated without overlap",
        ROTATE,
        {"id": Given("new_endpoint"), "overlap_seconds": 0},
        Ok({"endpoint": {"secret_rotated_at": MOMENT, "old_secret_expires_at": ABSENT}, "secret": SECRET}),
    ),
    Case(
        "an overlap has an end",
        ROTATE,
        {"id": Given("own_endpoint"), "overlap_seconds": 604801},
        Fails("INVALID_INPUT", fields=("overlap_seconds",), says="604800"),
    ),
    Case(
        "an overlap is not negative",
        ROTATE,
        {"id": Given("own_endpoint"), "overlap_seconds": -1},
        Fails("INVALID_INPUT", fields=("overlap_seconds",)),
    ),
    Case("enabling what is enabled changes nothing", ENABLE, {"id": Given("own_endpoint")}, Ok(ENDPOINT)),
    *(
        Case("somebody else's endpoint", rpc, {"id": Given("own_endpoint")}, Fails("NOT_FOUND"), "somebody_else")
        for rpc in (GET, DELETE, ROTATE, ENABLE)
    ),
    Case(
        "what an experiment's webhook was told",
        DELIVERIES,
        {"experiment_id": Given("told_experiment")},
        Ok(
            {
                "deliveries": [{**DELIVERY, "status": "pending", "next_attempt_at": MOMENT}],
                "next_page_token": "",
            }
        ),
    ),
    Case(
        "an experiment that has told nobody",
        DELIVERIES,
        {"experiment_id": Given("cancelled_experiment")},
        Ok({"deliveries": [], "next_page_token": ""}),
    ),
    Case("deliveries of no experiment", DELIVERIES, {"experiment_id": NO_EXPERIMENT}, Fails("NOT_FOUND")),
    Case(
        "deliveries of an odd experiment",
        DELIVERIES,
        {"experiment_id": "x"},
        Fails("INVALID_INPUT", fields=("experiment_id",), says="exp_"),
    ),
    Case(
        "somebody else's deliveries",
        DELIVERIES,
        {"experiment_id": Given("told_experiment")},
        Fails("NOT_FOUND"),
        caller="somebody_else",
    ),
    Case(
        "a page token of another log",
        DELIVERIES,
        {"experiment_id": Given("told_experiment"), "page_token": Given("experiments_page_token")},
        Fails("INVALID_INPUT", fields=("page_token",)),
    ),
    Case(
        "a delivery is asked for again",
        REDELIVER,
        {"experiment_id": Given("new_told_experiment"), "delivery_id": Given("newly_told_delivery")},
        Ok(
            {
                "id": Given("newly_told_delivery"),
                "status": "pending",
                "next_attempt_at": MOMENT,
                "attempts": [UNREACHABLE],
            }
        ),
    ),
    Case(
        "a delivery whose endpoint was deleted",
        REDELIVER,
        {"experiment_id": Given("forgotten_experiment"), "delivery_id": Given("forgotten_delivery")},
        Fails("WRONG_STATE", says="deleted", metadata={"status": "deleted"}),
    ),
    Case(
        "what waited for a deleted endpoint was given up",
        DELIVERIES,
        {"experiment_id": Given("forgotten_experiment")},
        Ok(
            {
                "deliveries": [
                    {
                        "id": Given("forgotten_delivery"),
                        "status": "failed",
                        "error_message": "the endpoint was deleted",
                        "next_attempt_at": ABSENT,
                    }
                ]
            }
        ),
    ),
    Case(
        "a delivery that is not there",
        REDELIVER,
        {"experiment_id": Given("told_experiment"), "delivery_id": NO_MESSAGE},
        Fails("NOT_FOUND"),
    ),
    Case(
        "a delivery of another experiment",
        REDELIVER,
        {"experiment_id": Given("created_experiment"), "delivery_id": Given("its_delivery")},
        Fails("NOT_FOUND"),
    ),
    Case(
        "an odd delivery",
        REDELIVER,
        {"experiment_id": Given("told_experiment"), "delivery_id": "exp_1"},
        Fails("INVALID_INPUT", fields=("delivery_id",), says="msg_"),
    ),
    Case(
        "somebody else's delivery",
        REDELIVER,
        {"experiment_id": Given("told_experiment"), "delivery_id": Given("its_delivery")},
        Fails("NOT_FOUND"),
        caller="somebody_else",
    ),
]
