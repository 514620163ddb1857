import Kernel
import Storage

package enum AccessSchema {
    package static let migrations = [
        Migration(
            "access/1 sellers, keys, people and sessions",
            """
            CREATE TABLE sellers (
              id           TEXT    NOT NULL PRIMARY KEY,
              name         TEXT    NOT NULL,
              -- The sandbox address's private key, sealed under the data key. The only key Till holds.
              sandbox_key  BLOB    NOT NULL,
              created_at   INTEGER NOT NULL
            ) STRICT;

            CREATE TABLE receiving_addresses (
              seller_id  TEXT    NOT NULL REFERENCES sellers (id),
              livemode   INTEGER NOT NULL CHECK (livemode IN (0, 1)),
              network    TEXT    NOT NULL,
              address    TEXT    NOT NULL,
              PRIMARY KEY (seller_id, livemode, network)
            ) STRICT, WITHOUT ROWID;

            CREATE TABLE api_keys (
              id            TEXT    NOT NULL PRIMARY KEY,
              seller_id     TEXT    NOT NULL REFERENCES sellers (id),
              livemode      INTEGER NOT NULL CHECK (livemode IN (0, 1)),
              name          TEXT    NOT NULL,
              prefix        TEXT    NOT NULL,
              hash          TEXT    NOT NULL UNIQUE,
              scopes        TEXT    NOT NULL,
              created_at    INTEGER NOT NULL,
              expires_at    INTEGER,
              last_used_at  INTEGER,
              revoked_at    INTEGER
            ) STRICT;
            CREATE INDEX api_keys_prefix ON api_keys (prefix);
            CREATE INDEX api_keys_list ON api_keys (seller_id, livemode, id);

            CREATE TABLE people (
              id             TEXT    NOT NULL PRIMARY KEY,
              seller_id      TEXT    NOT NULL REFERENCES sellers (id),
              name           TEXT    NOT NULL UNIQUE COLLATE NOCASE,
              role           TEXT    NOT NULL CHECK (role IN ('owner', 'operator', 'viewer')),
              password_salt  BLOB    NOT NULL,
              password_hash  BLOB    NOT NULL,
              created_at     INTEGER NOT NULL
            ) STRICT;

            CREATE TABLE sessions (
              hash        TEXT    NOT NULL PRIMARY KEY,
              person_id   TEXT    NOT NULL REFERENCES people (id),
              created_at  INTEGER NOT NULL,
              expires_at  INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX sessions_expiry ON sessions (expires_at);

            CREATE TABLE setup_codes (
              hash        TEXT    NOT NULL PRIMARY KEY,
              expires_at  INTEGER NOT NULL,
              used_at     INTEGER
            ) STRICT, WITHOUT ROWID;
            """)
    ]
}
