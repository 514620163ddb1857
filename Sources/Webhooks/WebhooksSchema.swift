import Kernel
import Storage

package enum WebhooksSchema {
    package static let migrations = [
        Migration(
            "webhooks/1 events",
            """
            CREATE TABLE webhook_events (
              -- Given by the one writer as it commits: the feed's order. Rows are never deleted, so it never goes back.
              sequence       INTEGER PRIMARY KEY,
              id             TEXT    NOT NULL UNIQUE,
              event_type     TEXT    NOT NULL,
              seller_id      TEXT    NOT NULL REFERENCES sellers (id),
              livemode       INTEGER NOT NULL CHECK (livemode IN (0, 1)),
              resource_type  TEXT    NOT NULL,
              resource_id    TEXT    NOT NULL,
              payload        TEXT    NOT NULL,
              timestamp      INTEGER NOT NULL
            ) STRICT;
            CREATE INDEX webhook_events_feed ON webhook_events (seller_id, livemode, sequence);
            CREATE INDEX webhook_events_resource ON webhook_events (resource_id);
            CREATE TRIGGER webhook_events_update BEFORE UPDATE ON webhook_events BEGIN SELECT RAISE(ABORT, 'events are immutable'); END;
            CREATE TRIGGER webhook_events_delete BEFORE DELETE ON webhook_events BEGIN SELECT RAISE(ABORT, 'events are kept'); END;
            """)
    ]
}
