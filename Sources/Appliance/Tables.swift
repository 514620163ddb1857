import Access
import GRDB
import Goods
import Ledger
import Payments
import Sandbox
import Storage
import Webhooks

/// Every table of the product, and every question that can be asked of them.
package enum Tables {
    /// In the order in which `REFERENCES` allows them to be made.
    package static let migrations: [Migration] =
        StorageSchema.migrations + AccessSchema.migrations + GoodsSchema.migrations + LedgerSchema.migrations + WebhooksSchema.migrations
        + SandboxSchema.migrations + PaymentsSchema.migrations

    /// What `till doctor` asks.
    package static let questions: [AuditQuestion] =
        StorageSchema.questions + AuditLog.questions + LedgerSchema.questions + SandboxSchema.questions + PaymentsSchema.questions

    /// The tables as SQL, one statement after another: `till schema` and docs/schema.sql.
    package static func sql() throws -> String {
        let queue = try DatabaseQueue()
        return try queue.write { db in
            for migration in migrations { try db.execute(sql: migration.sql) }
            let statements = try String.fetchAll(db, sql: "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid")
            return statements.joined(separator: ";\n\n") + ";\n"
        }
    }
}
