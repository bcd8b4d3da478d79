"""Webhook endpoints and the log of their deliveries."""

import re

from tests.contract.cases.auth import MOMENT
from tests.contract.cases.case import Case, Fails, Given, Ok
from tests.contract.cases.evaluations import CREATE as EVALUATE
from tests.contract.cases.evaluations import evaluation
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
OF_EVALUATION = "WebhookService.ListEvaluationWebhookDeliveries"
REDELIVER_OF_EVALUATION = "WebhookService.RedeliverEvaluationWebhook"
OF_BATTLE = "WebhookService.ListBattleWebhookDeliveries"
REDELIVER_OF_BATTLE = "WebhookService.RedeliverBattleWebhook"
CREATE_SCENARIO = "ScenarioService.CreateScenario"
CREATE_BATTLE = "BattleService.CreateBattle"
NO_BATTLE = "bat_" + "0" * 32

ENDPOINT_ID = re.compile(r"whe_[0-9a-f]{32}")
MESSAGE_ID = re.compile(r"msg_[0-9a-f]{32}")
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")
NO_ENDPOINT, NO_EXPERIMENT, NO_EVALUATION, NO_MESSAGE = (
    f"{prefix}_{'0' * 32}" for prefix in ("whe", "exp", "evl", "msg")
)

ENDPOINT = {
    "id": ENDPOINT_ID,
    "enabled": True,
    "disabled_reason": "",
    "created_at": MOMENT,
    "secret_rotated_at": ABSENT,
    "old_secret_expires_at": ABSENT,
    "secret": ABSENT,
}
# Nothing listens at the URLs of these webhooks.
UNREACHABLE = {
    "attempted_at": MOMENT,
    "response_status": ABSENT,
    "error": "the connection to the receiver failed",
    "duration_ms": lambda ms: 0 < ms < 15_000,
    "by_hand": False,
}
DELIVERY = {
    "id": Given("delivery_of_notified_experiment"),
    "experiment_id": Given("notified_experiment"),
    "subject_type": "experiment",
    "subject_id": Given("notified_experiment"),
    "endpoint_id": ENDPOINT_ID,
    "type": "experiment.cancelled",
    "created_at": MOMENT,
    "error_message": "the connection to the receiver failed",
}


def refused(case: str, url: str, says: str) -> Case:
    """Returns the case of an endpoint whose URL is not allowed."""
    return Case(case, CREATE, {"url": url}, Fails("INVALID_INPUT", fields=("url",), says=says))


CASES = [
    Case(
        "an endpoint is created with a secret",
        CREATE,
        {"url": Given("new_webhook_url")},
        Ok({"endpoint": {**ENDPOINT, "url": Given("new_webhook_url")}, "secret": SECRET}),
    ),
    Case(
        "another endpoint with the same request_id is refused",
        CREATE,
        {"url": "https://example.com/another", "request_id": Given("used_webhook_request_id")},
        Fails(
            "REQUEST_ID_REUSED", says="for another request", metadata={"field": "request_id", "first_used_at": MOMENT}
        ),
    ),
    Case(
        "a second endpoint with the same URL is refused",
        CREATE,
        {"url": Given("own_endpoint_url")},
        Fails("ALREADY_EXISTS", says="this URL", metadata={"id": ENDPOINT_ID}),
    ),
    Case(
        "a request_id above 100 characters is refused",
        CREATE,
        {"url": "https://example.com/", "request_id": "r" * 101},
        Fails("INVALID_INPUT", fields=("request_id",), says="100"),
    ),
    Case(
        "a 101st endpoint is refused",
        CREATE,
        {"url": Given("new_webhook_url")},
        Fails("QUOTA_EXCEEDED", says="100", metadata={"limit": "100"}),
        caller="developer with all endpoints",
    ),
    Case(
        "an endpoint without a key is refused",
        CREATE,
        {"url": "https://e.com/"},
        Fails("CREDENTIALS_MISSING"),
        caller="nobody",
    ),
    refused("an empty URL is refused", "", "http or https"),
    refused("an ftp URL is refused", "ftp://example.com/", "http or https"),
    refused("a URL above 2048 characters is refused", "https://example.com/" + "x" * 2048, "2048"),
    refused("a URL with a password is refused", "https://ada:secret@example.com/", "password"),
    refused("a mail port is refused", "http://example.com:25/", "port"),
    refused("a private address is refused", "http://10.0.0.1/", "private"),
    refused("the address of a cloud's metadata is refused", "http://169.254.169.254/latest/meta-data/", "private"),
    refused("the name of a cloud's metadata is refused", "http://metadata.google.internal/", "private"),
    refused("an address as one number is refused", "http://2852039166/", "four decimal numbers"),
    refused("an address in octal is refused", "http://0251.0376.0251.0376/", "four decimal numbers"),
    refused("an address in hexadecimal is refused", "http://0xa9.0xfe.0xa9.0xfe/", "four decimal numbers"),
    refused("a shortened address is refused", "http://10.1/", "four decimal numbers"),
    refused("a private IPv4 address in IPv6 is refused", "http://[::ffff:10.0.0.1]/", "private"),
    refused("a private IPv4 address in NAT64 is refused", "http://[64:ff9b::a00:1]/", "private"),
    refused("a unique local address is refused", "http://[fd00::1]/", "private"),
    refused("digits of another script are refused", "http://１０.0.0.1/", "private"),
    refused("full stops of another script are refused", "http://10。0。0。1/", "private"),
    refused("a host that is not a valid name in any script is refused", "https://☃.example/", "IDNA"),
    refused("a path that is not percent-encoded is refused", "https://example.com/ü", "percent-encoded"),
    Case(
        "an internationalised host name is stored as punycode",
        CREATE,
        {"url": Given("new_international_url")},
        Ok(
            {"endpoint": {**ENDPOINT, "url": re.compile("https://xn--bcher-kva[.]example/[0-9a-f]+")}, "secret": SECRET}
        ),
    ),
    refused("a backslash is refused", "http://example.com\\@10.0.0.1/", "ASCII"),
    Case(
        "an experiment with a new URL creates the endpoint and shows its secret",
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
        "an experiment with a webhook at a private address is refused",
        PLAN,
        experiment(webhook_url="http://192.168.0.1/"),
        Fails("INVALID_INPUT", fields=("webhook_url",), says="private"),
    ),
    Case(
        "an evaluation with a new URL creates the endpoint and shows its secret",
        EVALUATE,
        evaluation(webhook_url=Given("new_webhook_url")),
        Ok({"status": "pending", "webhook_secret": SECRET}),
    ),
    Case(
        "an evaluation with a known URL shows no secret",
        EVALUATE,
        evaluation(webhook_url=Given("own_endpoint_url")),
        Ok({"status": "pending", "webhook_secret": ""}),
    ),
    Case(
        "an evaluation with a webhook at a private address is refused",
        EVALUATE,
        evaluation(webhook_url="http://192.168.0.1/"),
        Fails("INVALID_INPUT", fields=("webhook_url",), says="private"),
    ),
    Case(
        "the deliveries of an evaluation are listed",
        OF_EVALUATION,
        {"evaluation_id": Given("notified_evaluation")},
        Ok(
            {
                "deliveries": [
                    {
                        "id": Given("delivery_of_notified_evaluation"),
                        "experiment_id": "",
                        "subject_type": "evaluation",
                        "subject_id": Given("notified_evaluation"),
                        "endpoint_id": ENDPOINT_ID,
                        "type": "evaluation.completed",
                        "error_message": "the connection to the receiver failed",
                    }
                ],
                "next_page_token": "",
            }
        ),
    ),
    Case(
        "a delivery of an evaluation is sent again by hand",
        REDELIVER_OF_EVALUATION,
        {"evaluation_id": Given("new_notified_evaluation"), "delivery_id": Given("last_delivery_of_evaluation")},
        Ok({"id": Given("last_delivery_of_evaluation"), "status": "pending", "next_attempt_at": MOMENT}),
    ),
    Case(
        "deliveries of an unknown evaluation are not found",
        OF_EVALUATION,
        {"evaluation_id": NO_EVALUATION},
        Fails("NOT_FOUND"),
    ),
    Case(
        "deliveries of a malformed evaluation id are refused",
        OF_EVALUATION,
        {"evaluation_id": "x"},
        Fails("INVALID_INPUT", fields=("evaluation_id",), says="evl_"),
    ),
    Case(
        "somebody else's deliveries of an evaluation are not found",
        OF_EVALUATION,
        {"evaluation_id": Given("notified_evaluation")},
        Fails("NOT_FOUND"),
        caller="somebody_else",
    ),
    Case(
        "somebody else's delivery of an evaluation is not found",
        REDELIVER_OF_EVALUATION,
        {"evaluation_id": Given("notified_evaluation"), "delivery_id": Given("delivery_of_notified_evaluation")},
        Fails("NOT_FOUND"),
        caller="somebody_else",
    ),
    Case(
        "the deliveries of a battle are listed",
        OF_BATTLE,
        {"battle_id": Given("notified_battle")},
        Ok(
            {
                "deliveries": [
                    {
                        "id": Given("delivery_of_notified_battle"),
                        "experiment_id": "",
                        "subject_type": "battle",
                        "subject_id": Given("notified_battle"),
                        "endpoint_id": ENDPOINT_ID,
                        "type": "battle.void",
                        "error_message": "the connection to the receiver failed",
                    }
                ],
                "next_page_token": "",
            }
        ),
    ),
    Case(
        "a delivery of a battle is sent again by hand",
        REDELIVER_OF_BATTLE,
        {"battle_id": Given("new_notified_battle"), "delivery_id": Given("last_delivery_of_battle")},
        Ok({"id": Given("last_delivery_of_battle"), "status": "pending", "next_attempt_at": MOMENT}),
    ),
    Case("deliveries of an unknown battle are not found", OF_BATTLE, {"battle_id": NO_BATTLE}, Fails("NOT_FOUND")),
    Case(
        "deliveries of a malformed battle id are refused",
        OF_BATTLE,
        {"battle_id": "x"},
        Fails("INVALID_INPUT", fields=("battle_id",), says="bat_"),
    ),
    Case(
        "somebody else's deliveries of a battle are not found",
        OF_BATTLE,
        {"battle_id": Given("notified_battle")},
        Fails("NOT_FOUND"),
        caller="somebody_else",
    ),
    Case(
        "somebody else's delivery of a battle is not found",
        REDELIVER_OF_BATTLE,
        {"battle_id": Given("notified_battle"), "delivery_id": Given("delivery_of_notified_battle")},
        Fails("NOT_FOUND"),
        caller="somebody_else",
    ),
    Case(
        "endpoints are listed without secrets",
        LIST,
        {},
        Ok({"endpoints": [{**ENDPOINT, "id": Given("only_endpoint")}], "next_page_token": ""}),
        caller="developer with one endpoint",
    ),
    Case("endpoints are listed in pages", LIST, {"page_size": 1}, Ok({"next_page_token": re.compile(".+")})),
    Case(
        "a negative page_size of endpoints is refused",
        LIST,
        {"page_size": -1},
        Fails("INVALID_INPUT", fields=("page_size",)),
    ),
    Case(
        "a page token of another list is refused",
        LIST,
        {"page_token": Given("experiments_page_token")},
        Fails("INVALID_INPUT", fields=("page_token",)),
    ),
    Case(
        "an endpoint is read",
        GET,
        {"id": Given("own_endpoint")},
        Ok({**ENDPOINT, "id": Given("own_endpoint"), "url": Given("own_endpoint_url")}),
    ),
    Case("an unknown endpoint is not found", GET, {"id": NO_ENDPOINT}, Fails("NOT_FOUND")),
    Case(
        "a malformed endpoint id is refused",
        GET,
        {"id": "not-an-id"},
        Fails("INVALID_INPUT", fields=("id",), says="whe_"),
    ),
    Case("an endpoint is deleted", DELETE, {"id": Given("new_endpoint")}, Ok({"id": Given("new_endpoint")})),
    Case("a deleted endpoint can't be deleted again", DELETE, {"id": Given("deleted_endpoint")}, Fails("NOT_FOUND")),
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
        "an overlap above its limit is refused",
        ROTATE,
        {"id": Given("own_endpoint"), "overlap_seconds": 604801},
        Fails("INVALID_INPUT", fields=("overlap_seconds",), says="604800"),
    ),
    Case(
        "a negative overlap is refused",
        ROTATE,
        {"id": Given("own_endpoint"), "overlap_seconds": -1},
        Fails("INVALID_INPUT", fields=("overlap_seconds",)),
    ),
    Case("enabling an enabled endpoint changes nothing", ENABLE, {"id": Given("own_endpoint")}, Ok(ENDPOINT)),
    *(
        Case(
            "somebody else's endpoint is not found",
            rpc,
            {"id": Given("own_endpoint")},
            Fails("NOT_FOUND"),
            "somebody_else",
        )
        for rpc in (GET, DELETE, ROTATE, ENABLE)
    ),
    Case(
        "the deliveries of an experiment are listed",
        DELIVERIES,
        {"experiment_id": Given("notified_experiment")},
        Ok(
            {
                "deliveries": [{**DELIVERY, "status": "pending", "next_attempt_at": MOMENT}],
                "next_page_token": "",
            }
        ),
    ),
    Case(
        "an experiment without a webhook has no deliveries",
        DELIVERIES,
        {"experiment_id": Given("cancelled_experiment")},
        Ok({"deliveries": [], "next_page_token": ""}),
    ),
    Case(
        "deliveries of an unknown experiment are not found",
        DELIVERIES,
        {"experiment_id": NO_EXPERIMENT},
        Fails("NOT_FOUND"),
    ),
    Case(
        "deliveries of a malformed experiment id are refused",
        DELIVERIES,
        {"experiment_id": "x"},
        Fails("INVALID_INPUT", fields=("experiment_id",), says="exp_"),
    ),
    Case(
        "somebody else's deliveries are not found",
        DELIVERIES,
        {"experiment_id": Given("notified_experiment")},
        Fails("NOT_FOUND"),
        caller="somebody_else",
    ),
    Case(
        "a page token of another log is refused",
        DELIVERIES,
        {"experiment_id": Given("notified_experiment"), "page_token": Given("experiments_page_token")},
        Fails("INVALID_INPUT", fields=("page_token",)),
    ),
    Case(
        "a delivery is sent again by hand",
        REDELIVER,
        {"experiment_id": Given("new_notified_experiment"), "delivery_id": Given("new_delivery")},
        Ok(
            {
                "id": Given("new_delivery"),
                "status": "pending",
                "next_attempt_at": MOMENT,
                "attempts": [UNREACHABLE],
            }
        ),
    ),
    Case(
        "a delivery whose endpoint was deleted can't be sent again",
        REDELIVER,
        {
            "experiment_id": Given("experiment_with_deleted_endpoint"),
            "delivery_id": Given("delivery_to_deleted_endpoint"),
        },
        Fails("WRONG_STATE", says="deleted", metadata={"status": "deleted"}),
    ),
    Case(
        "deliveries to a deleted endpoint are given up",
        DELIVERIES,
        {"experiment_id": Given("experiment_with_deleted_endpoint")},
        Ok(
            {
                "deliveries": [
                    {
                        "id": Given("delivery_to_deleted_endpoint"),
                        "status": "failed",
                        "error_message": "the endpoint was deleted",
                        "next_attempt_at": ABSENT,
                    }
                ]
            }
        ),
    ),
    Case(
        "an unknown delivery is not found",
        REDELIVER,
        {"experiment_id": Given("notified_experiment"), "delivery_id": NO_MESSAGE},
        Fails("NOT_FOUND"),
    ),
    Case(
        "a delivery of another experiment is not found",
        REDELIVER,
        {"experiment_id": Given("created_experiment"), "delivery_id": Given("delivery_of_notified_experiment")},
        Fails("NOT_FOUND"),
    ),
    Case(
        "a malformed delivery id is refused",
        REDELIVER,
        {"experiment_id": Given("notified_experiment"), "delivery_id": "exp_1"},
        Fails("INVALID_INPUT", fields=("delivery_id",), says="msg_"),
    ),
    Case(
        "somebody else's delivery is not found",
        REDELIVER,
        {"experiment_id": Given("notified_experiment"), "delivery_id": Given("delivery_of_notified_experiment")},
        Fails("NOT_FOUND"),
        caller="somebody_else",
    ),
]
