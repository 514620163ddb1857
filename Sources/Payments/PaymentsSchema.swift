import Kernel
import Storage

package enum PaymentsSchema {
    package static let migrations = [
        Migration(
            "payments/1 links, payments, settlements and sales",
            """
            CREATE TABLE payment_links (
              id           TEXT    NOT NULL PRIMARY KEY,
              token        TEXT    NOT NULL UNIQUE,
              seller_id    TEXT    NOT NULL REFERENCES sellers (id),
              livemode     INTEGER NOT NULL CHECK (livemode IN (0, 1)),
              state        TEXT    NOT NULL CHECK (state IN ('active', 'inactive', 'expired')),
              product_id   TEXT    REFERENCES products (id),
              title        TEXT    NOT NULL,
              description  TEXT,
              content      TEXT,
              -- A price, or the bounds of an open amount: one of the two, in one asset.
              price_asset  TEXT    NOT NULL,
              price_units  INTEGER CHECK (price_units > 0),
              min_units    INTEGER CHECK (min_units > 0),
              max_units    INTEGER CHECK (max_units >= min_units),
              max_uses     INTEGER CHECK (max_uses > 0),
              uses         INTEGER NOT NULL DEFAULT 0 CHECK (uses >= 0),
              held         INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0),
              expires_at   INTEGER,
              success_url  TEXT,
              metadata     TEXT    NOT NULL DEFAULT '{}',
              created_at   INTEGER NOT NULL,
              CHECK ((price_units IS NULL) <> (min_units IS NULL) AND (min_units IS NULL) = (max_units IS NULL)),
              CHECK (max_uses IS NULL OR uses + held <= max_uses)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX payment_links_list ON payment_links (seller_id, livemode, id);
            CREATE INDEX payment_links_expiry ON payment_links (expires_at) WHERE state = 'active' AND expires_at IS NOT NULL;
            -- The terms are this row: what a buyer is offered today is what was stored when the link was made.
            CREATE TRIGGER payment_links_terms BEFORE UPDATE OF
              id, token, seller_id, livemode, product_id, price_asset, price_units, min_units, max_units, max_uses, created_at ON payment_links
            BEGIN SELECT RAISE(ABORT, 'the terms of a link are immutable'); END;
            CREATE TRIGGER payment_links_delete BEFORE DELETE ON payment_links BEGIN SELECT RAISE(ABORT, 'links are kept'); END;

            CREATE TABLE payments (
              id               TEXT    NOT NULL PRIMARY KEY,
              seller_id        TEXT    NOT NULL REFERENCES sellers (id),
              livemode         INTEGER NOT NULL CHECK (livemode IN (0, 1)),
              status           TEXT    NOT NULL CHECK (status IN (
                'pending', 'verified', 'settling', 'unknown', 'completed', 'partially_refunded', 'refunded', 'failed', 'expired')),
              link_id          TEXT    NOT NULL REFERENCES payment_links (id),
              product_id       TEXT    REFERENCES products (id),
              quantity         INTEGER NOT NULL CHECK (quantity > 0),
              price_units      INTEGER NOT NULL CHECK (price_units > 0),
              price_asset      TEXT    NOT NULL,
              -- Set once an authorization is accepted.
              network          TEXT,
              asset            TEXT,
              units            INTEGER CHECK (units > 0),
              units_asset      TEXT,
              payer            TEXT,
              pay_to           TEXT,
              x402_version     INTEGER,
              failure          TEXT,
              hold_expires_at  INTEGER,
              created_at       INTEGER NOT NULL,
              updated_at       INTEGER NOT NULL,
              CHECK (status IN ('pending', 'expired', 'failed') OR network IS NOT NULL)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX payments_list ON payments (seller_id, livemode, id);
            -- Nearly every payment is completed: the others get a small index, so that a filtered page is as quick as a full one.
            CREATE INDEX payments_open ON payments (seller_id, livemode, status, id) WHERE status <> 'completed';
            CREATE INDEX payments_held ON payments (hold_expires_at) WHERE status IN ('pending', 'verified');
            CREATE TRIGGER payments_moves BEFORE UPDATE OF status ON payments
            WHEN OLD.status <> NEW.status AND NOT (
              (OLD.status = 'pending' AND NEW.status IN ('verified', 'completed', 'failed', 'expired'))
              OR (OLD.status = 'verified' AND NEW.status IN ('settling', 'failed', 'expired'))
              OR (OLD.status = 'settling' AND NEW.status IN ('completed', 'failed', 'unknown'))
              OR (OLD.status = 'unknown' AND NEW.status IN ('completed', 'failed'))
              OR (OLD.status = 'completed' AND NEW.status IN ('partially_refunded', 'refunded'))
              OR (OLD.status = 'partially_refunded' AND NEW.status = 'refunded'))
            BEGIN SELECT RAISE(ABORT, 'a payment does not move this way'); END;
            CREATE TRIGGER payments_terms BEFORE UPDATE OF
              id, seller_id, livemode, link_id, product_id, quantity, price_units, price_asset, created_at ON payments
            BEGIN SELECT RAISE(ABORT, 'the terms of a payment are immutable'); END;
            CREATE TRIGGER payments_delete BEFORE DELETE ON payments BEGIN SELECT RAISE(ABORT, 'payments are kept'); END;

            CREATE TABLE settlements (
              id               TEXT    NOT NULL PRIMARY KEY,
              seller_id        TEXT    NOT NULL REFERENCES sellers (id),
              livemode         INTEGER NOT NULL CHECK (livemode IN (0, 1)),
              -- NULL where another server asked through the facilitator.
              payment_id       TEXT    UNIQUE REFERENCES payments (id),
              state            TEXT    NOT NULL CHECK (state IN ('queued', 'sent', 'confirmed', 'failed', 'unknown')),
              network          TEXT    NOT NULL,
              payer            TEXT    NOT NULL,
              nonce            TEXT    NOT NULL,
              fingerprint      TEXT    NOT NULL,
              asset            TEXT    NOT NULL,
              atomic_amount    TEXT    NOT NULL,
              pay_to           TEXT    NOT NULL,
              x402_version     INTEGER NOT NULL,
              -- Written before anything is sent: asking about the hash is safe, and so is sending the same bytes again.
              hash             TEXT    NOT NULL,
              raw              BLOB    NOT NULL,
              attempts         INTEGER NOT NULL DEFAULT 0,
              failure          TEXT,
              -- When a worker may take it. While somebody carries it, the end of their lease.
              next_attempt_at  INTEGER NOT NULL,
              parked_at        INTEGER,
              created_at       INTEGER NOT NULL,
              updated_at       INTEGER NOT NULL,
              -- One authorization moves money once: this row reserves it, for ever.
              UNIQUE (network, payer, nonce),
              UNIQUE (network, hash)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX settlements_due ON settlements (next_attempt_at) WHERE state IN ('queued', 'sent', 'unknown');
            CREATE TRIGGER settlements_moves BEFORE UPDATE OF state ON settlements
            WHEN OLD.state <> NEW.state AND NOT (
              (OLD.state = 'queued' AND NEW.state IN ('sent', 'confirmed', 'failed', 'unknown'))
              OR (OLD.state = 'sent' AND NEW.state IN ('confirmed', 'failed', 'unknown'))
              OR (OLD.state = 'unknown' AND NEW.state IN ('confirmed', 'failed')))
            BEGIN SELECT RAISE(ABORT, 'a settlement does not move this way'); END;
            CREATE TRIGGER settlements_identity BEFORE UPDATE OF
              id, seller_id, livemode, payment_id, network, payer, nonce, fingerprint, asset, atomic_amount, pay_to, hash, raw, created_at ON settlements
            BEGIN SELECT RAISE(ABORT, 'what was signed and sent is immutable'); END;
            CREATE TRIGGER settlements_delete BEFORE DELETE ON settlements BEGIN SELECT RAISE(ABORT, 'settlements are kept'); END;

            CREATE TABLE sales (
              id            TEXT    NOT NULL PRIMARY KEY,
              seller_id     TEXT    NOT NULL REFERENCES sellers (id),
              livemode      INTEGER NOT NULL CHECK (livemode IN (0, 1)),
              payment_id    TEXT    NOT NULL UNIQUE REFERENCES payments (id),
              link_id       TEXT    NOT NULL REFERENCES payment_links (id),
              product_id    TEXT    REFERENCES products (id),
              title         TEXT    NOT NULL,
              quantity      INTEGER NOT NULL CHECK (quantity > 0),
              asset         TEXT    NOT NULL,
              gross_units   INTEGER NOT NULL CHECK (gross_units > 0),
              fee_units     INTEGER NOT NULL CHECK (fee_units BETWEEN 0 AND gross_units),
              fee_schedule  INTEGER NOT NULL,
              network       TEXT    NOT NULL,
              hash          TEXT    NOT NULL,
              payer         TEXT    NOT NULL,
              content       TEXT,
              created_at    INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX sales_list ON sales (seller_id, livemode, id);
            CREATE TRIGGER sales_update BEFORE UPDATE ON sales BEGIN SELECT RAISE(ABORT, 'sales are immutable'); END;
            CREATE TRIGGER sales_delete BEFORE DELETE ON sales BEGIN SELECT RAISE(ABORT, 'sales are kept'); END;
            """)
    ]
}
