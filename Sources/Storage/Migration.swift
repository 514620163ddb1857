import Crypto
import GRDB
import Kernel

/// One forward step of one module's tables. Once released, never edited: its hash is held.
package struct Migration: Sendable {
    /// `module/number what`, such as `ledger/1 accounts, entries and postings`. Unique.
    package let name: String
    package let sql: String

    package init(_ name: String, _ sql: String) {
        self.name = name
        self.sql = sql
    }

    /// SHA-256 of the SQL, in hex. Kept in the file and in the tests.
    package var hash: String { Hex.encode(SHA256.hash(data: Array(sql.utf8)).map { $0 }) }
}

/// Brings a file's tables up to what the binary knows. Forward only, one transaction a step.
package enum Migrator {
    private static let table = """
        CREATE TABLE IF NOT EXISTS schema_migrations (
          position    INTEGER PRIMARY KEY,
          name        TEXT    NOT NULL UNIQUE,
          hash        TEXT    NOT NULL,
          applied_at  INTEGER NOT NULL
        ) STRICT
        """

    /// The steps that the file lacks, in order.
    ///
    /// - Throws: `StoreRefusal` where the file has a step this binary does not
    ///   know (it was written by a newer one), or one whose SQL was edited since.
    package static func pending(_ schema: [Migration], in db: Database) throws -> [Migration] {
        precondition(Set(schema.map(\.name)).count == schema.count, "two migrations have the same name")
        guard try db.tableExists("schema_migrations") else {
            guard try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") == 0 else {
                throw StoreRefusal("The file is an SQLite database, but not one of Till's. Name another file with --data.")
            }
            return schema
        }
        let known = Dictionary(uniqueKeysWithValues: schema.map { ($0.name, $0.hash) })
        var applied: Set<String> = []
        for row in try Row.fetchAll(db, sql: "SELECT name, hash FROM schema_migrations ORDER BY position") {
            let name: String = row["name"]
            guard let hash = known[name] else {
                throw StoreRefusal("The file has the step “\(name)”, which this Till does not know: it was written by a newer one. Use that, or restore a snapshot.")
            }
            guard hash == row["hash"] else {
                throw StoreRefusal("The step “\(name)” is not the one this file was made with. This binary was built from edited migrations.")
            }
            applied.insert(name)
        }
        return schema.filter { !applied.contains($0.name) }
    }

    /// Runs one step and notes it, in one transaction.
    static func apply(_ migration: Migration, at now: Timestamp, in db: Database) throws {
        try db.inTransaction(.immediate) {
            try db.execute(sql: table)
            try db.execute(sql: migration.sql)
            try db.execute(
                sql: "INSERT INTO schema_migrations (name, hash, applied_at) VALUES (?, ?, ?)",
                arguments: [migration.name, migration.hash, now.milliseconds])
            return .commit
        }
    }
}
