import Kernel
import Storage

package enum GoodsSchema {
    package static let migrations = [
        Migration(
            "goods/1 products",
            """
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
            """)
    ]
}
