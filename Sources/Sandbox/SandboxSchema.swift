import GRDB
import Kernel
import Storage

/// The tables of the network inside: who holds what, and every transfer that made it so.
package enum SandboxSchema {
    package static let migrations = [
        Migration(
            "sandbox/1 accounts and transfers",
            """
            CREATE TABLE sandbox_accounts (
              address     TEXT    NOT NULL PRIMARY KEY,
              balance     INTEGER NOT NULL CHECK (balance >= 0),
              created_at  INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;

            CREATE TABLE sandbox_transfers (
              -- In the order executed. Kept by it and not by hash: a random key would dirty a page of its own for each transfer.
              sequence    INTEGER PRIMARY KEY,
              hash        TEXT    NOT NULL,
              kind        TEXT    NOT NULL CHECK (kind IN ('faucet', 'transfer')),
              payer       TEXT    REFERENCES sandbox_accounts (address),
              pay_to      TEXT    NOT NULL REFERENCES sandbox_accounts (address),
              amount      INTEGER NOT NULL CHECK (amount >= 0),
              nonce       TEXT,
              created_at  INTEGER NOT NULL,
              CHECK ((kind = 'transfer') = (payer IS NOT NULL)),
              CHECK ((kind = 'transfer') = (nonce IS NOT NULL)),
              UNIQUE (payer, nonce)
            ) STRICT;
            CREATE UNIQUE INDEX sandbox_transfers_faucet ON sandbox_transfers (pay_to) WHERE kind = 'faucet';

            -- Balances are kept by transfers alone, and re-derived by the audit.
            CREATE TRIGGER sandbox_transfers_balance AFTER INSERT ON sandbox_transfers
            BEGIN
              UPDATE sandbox_accounts SET balance = balance - NEW.amount WHERE address = NEW.payer;
              UPDATE sandbox_accounts SET balance = balance + NEW.amount WHERE address = NEW.pay_to;
            END;
            CREATE TRIGGER sandbox_accounts_empty BEFORE INSERT ON sandbox_accounts WHEN NEW.balance <> 0
            BEGIN SELECT RAISE(ABORT, 'an account starts empty'); END;

            CREATE TRIGGER sandbox_transfers_update BEFORE UPDATE ON sandbox_transfers BEGIN SELECT RAISE(ABORT, 'transfers are immutable'); END;
            CREATE TRIGGER sandbox_transfers_delete BEFORE DELETE ON sandbox_transfers BEGIN SELECT RAISE(ABORT, 'transfers are immutable'); END;
            CREATE TRIGGER sandbox_accounts_delete BEFORE DELETE ON sandbox_accounts BEGIN SELECT RAISE(ABORT, 'accounts are for ever'); END;
            CREATE TRIGGER sandbox_accounts_identity BEFORE UPDATE OF address ON sandbox_accounts
            BEGIN SELECT RAISE(ABORT, 'an account keeps its address'); END;
            """)
    ]

    /// What `till doctor` and drills ask of the network inside.
    package static let questions = [
        AuditQuestion(
            "the sandbox's balances are what its faucet gave",
            sql: """
                SELECT 'the sandbox holds ' || held || ' units and its faucet gave ' || given
                FROM (SELECT (SELECT coalesce(sum(balance), 0) FROM sandbox_accounts) AS held,
                  (SELECT coalesce(sum(amount), 0) FROM sandbox_transfers WHERE kind = 'faucet') AS given)
                WHERE held <> given
                """),
        AuditQuestion(
            "every sandbox balance is the sum of its transfers",
            sql: """
                WITH moves (address, amount) AS (
                  SELECT pay_to, amount FROM sandbox_transfers
                  UNION ALL SELECT payer, -amount FROM sandbox_transfers WHERE kind = 'transfer'),
                sums (address, amount) AS (SELECT address, sum(amount) FROM moves GROUP BY address)
                SELECT 'sandbox account ' || a.address || ' says ' || a.balance || ', its transfers ' || coalesce(s.amount, 0)
                FROM sandbox_accounts a LEFT JOIN sums s ON s.address = a.address
                WHERE a.balance <> coalesce(s.amount, 0)
                """),
    ]
}
