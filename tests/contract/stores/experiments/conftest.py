"""The stores of the experiments service, over each kind of database in turn."""

import pytest

from services.experiments.listening.store import LinkStore
from services.experiments.running.lifecycle_store import LifecycleStore
from services.experiments.store import Store
from services.experiments.webhooks.store import WebhookStore
from services.runtime.db import Database
from services.shared.clips.queue_store import QueueStore
from services.shared.clips.store import ClipStore
from services.shared.listening.store import ListeningStore
from services.shared.listening.vote_store import VoteStore
from tests.contract.stores.experiments.stores import ExperimentStores


@pytest.fixture
def service() -> str:
    return "experiments"


@pytest.fixture
def stores(database: Database) -> ExperimentStores:
    return ExperimentStores(database)


@pytest.fixture
def store(stores: ExperimentStores) -> Store:
    """The store of experiments and trials."""
    return stores.experiments


@pytest.fixture
def lifecycle(stores: ExperimentStores) -> LifecycleStore:
    return stores.lifecycle


@pytest.fixture
def clips(stores: ExperimentStores) -> ClipStore:
    return stores.clips


@pytest.fixture
def queue(stores: ExperimentStores) -> QueueStore:
    return stores.queue


@pytest.fixture
def links(stores: ExperimentStores) -> LinkStore:
    return stores.links


@pytest.fixture
def listening(stores: ExperimentStores) -> ListeningStore:
    return stores.listening


@pytest.fixture
def votes(stores: ExperimentStores) -> VoteStore:
    return stores.votes


@pytest.fixture
def webhooks(stores: ExperimentStores) -> WebhookStore:
    return stores.webhooks
