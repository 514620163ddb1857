CREATE TABLE audit_log (
  sequence  INTEGER PRIMARY KEY,
  at        INTEGER NOT NULL,
  action    TEXT    NOT NULL,
  object    TEXT    NOT NULL,
  actor     TEXT    NOT NULL,
  digest    TEXT    NOT NULL,
  hash      TEXT    NOT NULL
) STRICT;

CREATE INDEX audit_log_object ON audit_log (object, action);

CREATE TRIGGER audit_log_update BEFORE UPDATE ON audit_log BEGIN SELECT RAISE(ABORT, 'the audit log is immutable'); END;

CREATE TRIGGER audit_log_delete BEFORE DELETE ON audit_log BEGIN SELECT RAISE(ABORT, 'the audit log is immutable'); END;

CREATE TABLE idempotency_keys (
  owner       TEXT    NOT NULL,
  route       TEXT    NOT NULL,
  key         TEXT    NOT NULL,
  body_hash   TEXT    NOT NULL,
  status      INTEGER NOT NULL CHECK (status BETWEEN 200 AND 299),
  answer      BLOB    NOT NULL,
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (owner, route, key)
) STRICT, WITHOUT ROWID;

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

CREATE TABLE products (
  id           TEXT    NOT NULL PRIMARY KEY,
  seller_id    TEXT    NOT NULL REFERENCES sellers (id),
  livemode     INTEGER NOT NULL CHECK (livemode IN (0, 1)),
  name         TEXT    NOT NULL,
  description  TEXT,
  price_units  INTEGER NOT NULL CHECK (price_units > 0),
  price_asset  TEXT    NOT NULL,
  -- Units that can still be sold, reserved ones included; NULL is without end.
  stock        INTEGER CHECK (stock >= 0),
  reserved     INTEGER NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  sold         INTEGER NOT NULL DEFAULT 0 CHECK (sold >= 0),
  content      TEXT,
  active       INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
  metadata     TEXT    NOT NULL DEFAULT '{}',
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  CHECK (stock IS NULL OR stock >= reserved)
) STRICT, WITHOUT ROWID;

CREATE INDEX products_list ON products (seller_id, livemode, id);

CREATE TRIGGER products_delete BEFORE DELETE ON products BEGIN SELECT RAISE(ABORT, 'products are kept'); END;

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
