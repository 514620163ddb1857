import GRDB
import Kernel
import Storage

package enum LedgerSchema {
    package static let migrations = [
        Migration(
            "ledger/1 accounts, entries, postings and fee schedules",
            """
            CREATE TABLE ledger_accounts (
              id         TEXT    NOT NULL PRIMARY KEY,
              seller_id  TEXT    NOT NULL REFERENCES sellers (id),
              livemode   INTEGER NOT NULL CHECK (livemode IN (0, 1)),
              name       TEXT    NOT NULL,
              asset      TEXT    NOT NULL,
              balance    INTEGER NOT NULL DEFAULT 0,
              UNIQUE (seller_id, livemode, name, asset),
              UNIQUE (id, asset)
            ) STRICT;

            CREATE TABLE ledger_entries (
              id         TEXT    NOT NULL PRIMARY KEY,
              seller_id  TEXT    NOT NULL REFERENCES sellers (id),
              livemode   INTEGER NOT NULL CHECK (livemode IN (0, 1)),
              kind       TEXT    NOT NULL CHECK (kind IN (
                'sale', 'refund_asked', 'refund_done', 'refund_reversed', 'payout_asked', 'payout_done', 'payout_reversed',
                'dispute_opened', 'dispute_won', 'dispute_lost', 'adjustment')),
              reference  TEXT    NOT NULL,
              posted_at  INTEGER NOT NULL,
              UNIQUE (kind, reference)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX ledger_entries_list ON ledger_entries (seller_id, livemode, id);

            CREATE TABLE ledger_postings (
              entry_id    TEXT    NOT NULL REFERENCES ledger_entries (id) DEFERRABLE INITIALLY DEFERRED,
              position    INTEGER NOT NULL,
              account_id  TEXT    NOT NULL,
              asset       TEXT    NOT NULL,
              amount      INTEGER NOT NULL CHECK (amount <> 0),
              PRIMARY KEY (entry_id, position),
              FOREIGN KEY (account_id, asset) REFERENCES ledger_accounts (id, asset)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX ledger_postings_account ON ledger_postings (account_id, entry_id);

            -- The entry row is the seal. It goes in last, once, and only over postings that balance.
            CREATE TRIGGER ledger_entries_seal BEFORE INSERT ON ledger_entries
            WHEN (SELECT count(*) FROM ledger_postings WHERE entry_id = NEW.id) < 2
              OR EXISTS (SELECT 1 FROM ledger_postings WHERE entry_id = NEW.id GROUP BY asset HAVING sum(amount) <> 0)
              OR EXISTS (
                SELECT 1 FROM ledger_postings p JOIN ledger_accounts a ON a.id = p.account_id
                WHERE p.entry_id = NEW.id AND (a.seller_id <> NEW.seller_id OR a.livemode <> NEW.livemode))
            BEGIN SELECT RAISE(ABORT, 'the entry does not balance'); END;

            CREATE TRIGGER ledger_postings_sealed BEFORE INSERT ON ledger_postings
            WHEN EXISTS (SELECT 1 FROM ledger_entries WHERE id = NEW.entry_id)
            BEGIN SELECT RAISE(ABORT, 'the entry is sealed'); END;

            -- Balances are kept by posting, and re-derived by the audit.
            CREATE TRIGGER ledger_postings_balance AFTER INSERT ON ledger_postings
            BEGIN UPDATE ledger_accounts SET balance = balance + NEW.amount WHERE id = NEW.account_id; END;

            CREATE TRIGGER ledger_entries_update BEFORE UPDATE ON ledger_entries BEGIN SELECT RAISE(ABORT, 'entries are immutable'); END;
            CREATE TRIGGER ledger_entries_delete BEFORE DELETE ON ledger_entries BEGIN SELECT RAISE(ABORT, 'entries are immutable'); END;
            CREATE TRIGGER ledger_postings_update BEFORE UPDATE ON ledger_postings BEGIN SELECT RAISE(ABORT, 'postings are immutable'); END;
            CREATE TRIGGER ledger_postings_delete BEFORE DELETE ON ledger_postings BEGIN SELECT RAISE(ABORT, 'postings are immutable'); END;
            CREATE TRIGGER ledger_accounts_delete BEFORE DELETE ON ledger_accounts BEGIN SELECT RAISE(ABORT, 'accounts are for ever'); END;
            CREATE TRIGGER ledger_accounts_identity BEFORE UPDATE OF id, seller_id, livemode, name, asset ON ledger_accounts
            BEGIN SELECT RAISE(ABORT, 'an account keeps its name'); END;

            CREATE TABLE fee_schedules (
              version       INTEGER PRIMARY KEY,
              basis_points  INTEGER NOT NULL CHECK (basis_points BETWEEN 0 AND 10000),
              fixed_units   INTEGER NOT NULL CHECK (fixed_units >= 0),
              currency      TEXT    NOT NULL,
              rounding      TEXT    NOT NULL CHECK (rounding IN ('half_up')),
              created_at    INTEGER NOT NULL
            ) STRICT;
            CREATE TRIGGER fee_schedules_update BEFORE UPDATE ON fee_schedules BEGIN SELECT RAISE(ABORT, 'a schedule is for ever'); END;
            CREATE TRIGGER fee_schedules_delete BEFORE DELETE ON fee_schedules BEGIN SELECT RAISE(ABORT, 'a schedule is for ever'); END;
            """)
    ]

    /// What `till ledger verify`, `till doctor` and drills ask.
    package static let questions = [
        AuditQuestion(
            "every entry sums to zero in each asset",
            sql: """
                SELECT 'entry ' || entry_id || ' is off by ' || sum(amount) || ' ' || asset FROM ledger_postings
                GROUP BY entry_id, asset HAVING sum(amount) <> 0
                """),
        AuditQuestion(
            "every posting belongs to a sealed entry",
            sql: """
                SELECT 'posting of ' || entry_id || ' has no entry' FROM ledger_postings p
                WHERE NOT EXISTS (SELECT 1 FROM ledger_entries e WHERE e.id = p.entry_id)
                """),
        AuditQuestion(
            "every entry has at least two postings",
            sql: """
                SELECT 'entry ' || id || ' has fewer than two postings' FROM ledger_entries e
                WHERE (SELECT count(*) FROM ledger_postings p WHERE p.entry_id = e.id) < 2
                """),
        AuditQuestion(
            "every balance is the sum of its postings",
            sql: """
                SELECT 'account ' || a.id || ' (' || a.name || ' ' || a.asset || ') says ' || a.balance || ', its postings '
                  || coalesce(sum(p.amount), 0)
                FROM ledger_accounts a LEFT JOIN ledger_postings p ON p.account_id = a.id
                GROUP BY a.id HAVING a.balance <> coalesce(sum(p.amount), 0)
                """),
    ]
}
