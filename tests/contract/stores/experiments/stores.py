"""All stores of the experiments service, in memory or in PostgreSQL."""

from services.experiments.listening.store import LinkStore, SqlLinkStore
from services.experiments.running import clips as trial_clips
from services.experiments.running.lifecycle_store import LifecycleStore, SqlLifecycleStore
from services.experiments.store import SqlStore, Store
from services.experiments.webhooks.store import SqlWebhookStore, WebhookStore
from services.runtime.db import Database
from services.shared.clips.queue_store import QueueStore, SqlQueueStore
from services.shared.clips.store import ClipStore, SqlClipStore
from services.shared.listening.store import ListeningStore, SqlListeningStore
from services.shared.listening.vote_store import SqlVoteStore, VoteStore
from tests.fakes.memory_clip_store import MemoryClipStore
from tests.fakes.memory_database import MemoryDatabase
from tests.fakes.memory_experiments_store import MemoryExperimentsStore
from tests.fakes.memory_lifecycle_store import MemoryLifecycleStore
from tests.fakes.memory_link_store import MemoryLinkStore
from tests.fakes.memory_listening_store import MemoryListeningStore
from tests.fakes.memory_queue_store import MemoryQueueStore
from tests.fakes.memory_vote_store import MemoryVoteStore
from tests.fakes.memory_webhook_store import MemoryWebhookStore


class ExperimentStores:
    """The stores: in memory for a MemoryDatabase, else in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        memory = isinstance(database, MemoryDatabase)
        self.experiments: Store = MemoryExperimentsStore() if memory else SqlStore()
        self.lifecycle: LifecycleStore = MemoryLifecycleStore() if memory else SqlLifecycleStore()
        self.clips: ClipStore = MemoryClipStore() if memory else SqlClipStore(trial_clips.TABLE)
        self.queue: QueueStore = MemoryQueueStore() if memory else SqlQueueStore(trial_clips.TABLE)
        self.links: LinkStore = MemoryLinkStore() if memory else SqlLinkStore()
        self.listening: ListeningStore = MemoryListeningStore() if memory else SqlListeningStore()
        self.votes: VoteStore = MemoryVoteStore() if memory else SqlVoteStore()
        self.webhooks: WebhookStore = MemoryWebhookStore() if memory else SqlWebhookStore()
