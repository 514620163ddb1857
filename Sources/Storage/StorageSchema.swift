import GRDB
import Kernel

package enum StorageSchema {
    package static let migrations = [
        Migration(
            "storage/1 audit log and idempotency keys",
            """
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
            """)
    ]

    /// What SQLite itself can say about the file.
    package static let questions = [
        AuditQuestion("the file is whole (integrity_check)") { db in
            try String.fetchAll(db, sql: "PRAGMA integrity_check(100)").filter { $0 != "ok" }
        },
        AuditQuestion("every reference leads somewhere (foreign_key_check)") { db in
            try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").prefix(100).map { row in
                "row \(row[1] as Int64? ?? 0) of \(row[0] as String? ?? "?") points to nothing in \(row[2] as String? ?? "?")"
            }
        },
    ]
}
