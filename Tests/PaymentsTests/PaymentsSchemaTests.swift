import Access
import Foundation
import GRDB
import Kernel
import Payments
import Storage
import Testing

/// What the schema holds by itself, whatever the code does.
@Suite struct PaymentsSchemaTests {
    @Test("Swift and SQL know the same states")
    func states() throws {
        #expect(try Self.listed("status", of: "payments") == Set(Payment.Status.allCases.map(\.rawValue)))
        #expect(try Self.listed("state", of: "settlements") == Set(Settlement.State.allCases.map(\.rawValue)))
        #expect(try Self.listed("state", of: "payment_links") == Set(PaymentLink.State.allCases.map(\.rawValue)))
    }

    /// The texts in the CHECK of a state column.
    private static func listed(_ column: String, of table: String) throws -> Set<String> {
        let sql = PaymentsSchema.migrations.map(\.sql).joined(separator: "\n")
        let start = try #require(sql.range(of: "CREATE TABLE \(table) ("))
        let check = try #require(sql.range(of: "CHECK (\(column) IN (", range: start.upperBound..<sql.endIndex))
        let end = try #require(sql.range(of: "))", range: check.upperBound..<sql.endIndex))
        let words = sql[check.upperBound..<end.lowerBound].split(separator: ",")
        return Set(words.map { (word: Substring) -> String in String(word.filter { $0.isLetter || $0 == "_" }) })
    }

    /// Every move of a payment that there is.
    static let moves: [Payment.Status: Set<Payment.Status>] = [
        .pending: [.verified, .completed, .failed, .expired],
        .verified: [.settling, .failed, .expired],
        .settling: [.completed, .failed, .unknown],
        .unknown: [.completed, .failed],
        .completed: [.partiallyRefunded, .refunded],
        .partiallyRefunded: [.refunded],
        .refunded: [],
        .failed: [],
        .expired: [],
    ]

    @Test("a payment makes the moves there are and no other", arguments: Payment.Status.allCases)
    func paymentMoves(_ from: Payment.Status) async throws {
        let shop = try await Shop()
        _ = try await shop.link()
        let to: [Payment.Status] = Payment.Status.allCases.filter { $0 != from }
        let made = try await shop.store.write { db -> [String] in
            try to.filter { status in
                try db.execute(
                    sql: """
                        INSERT INTO payments (id, seller_id, livemode, status, link_id, quantity, price_units, price_asset, network,
                          created_at, updated_at)
                        SELECT 'pay_' || ?, seller_id, 0, ?, id, 1, 1, 'USD', 'n', 0, 0 FROM payment_links
                        """, arguments: [status.rawValue, from.rawValue])
                return try Self.succeeds("UPDATE payments SET status = ? WHERE id = 'pay_' || ?", [status.rawValue, status.rawValue], db)
            }.map(\.rawValue)
        }
        let expected: Set<Payment.Status> = Self.moves[from] ?? []
        #expect(Set(made) == Set(expected.map(\.rawValue)))
    }

    @Test("a settlement that ended stays ended", arguments: Settlement.State.allCases)
    func settlementMoves(_ from: Settlement.State) async throws {
        let shop = try await Shop()
        let sellerID = shop.seller.id
        let to: [Settlement.State] = Settlement.State.allCases.filter { $0 != from }
        let made = try await shop.store.write { db -> [String] in
            try to.filter { state in
                try db.execute(
                    sql: """
                        INSERT INTO settlements (id, seller_id, livemode, state, network, payer, nonce, fingerprint, asset, atomic_amount, pay_to,
                          x402_version, hash, raw, next_attempt_at, created_at, updated_at)
                        VALUES ('stl_' || ?, ?, 0, ?, 'n', 'p', ?, 'f', 'a', '1', 'q', 2, ?, x'00', 0, 0, 0)
                        """, arguments: [state.rawValue, sellerID, from.rawValue, state.rawValue, state.rawValue])
                return try Self.succeeds("UPDATE settlements SET state = ? WHERE id = 'stl_' || ?", [state.rawValue, state.rawValue], db)
            }.map(\.rawValue)
        }
        switch from {
        case .confirmed, .failed: #expect(made.isEmpty)
        case .queued, .sent: #expect(Set(made).isSuperset(of: ["confirmed", "failed", "unknown"]))
        case .unknown: #expect(Set(made).isSuperset(of: ["confirmed", "failed"]))
        }
    }

    private static func succeeds(_ sql: String, _ arguments: StatementArguments, _ db: Database) throws -> Bool {
        do {
            try db.execute(sql: sql, arguments: arguments)
            return true
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
            return false
        }
    }

    static let forbidden: [String] = [
        "UPDATE payment_links SET price_units = 1", "UPDATE payment_links SET max_uses = 99", "UPDATE payment_links SET token = 'x'",
        "UPDATE payment_links SET held = -1", "DELETE FROM payment_links", "DELETE FROM payments", "DELETE FROM settlements",
        "UPDATE sales SET gross_units = 1", "DELETE FROM sales", "INSERT OR REPLACE INTO sales SELECT * FROM sales",
        "UPDATE payments SET status = 'sold'", "UPDATE payment_links SET state = 'gone'",
    ]

    @Test("the schema refuses to rewrite what happened", arguments: forbidden)
    func refuses(_ sql: String) async throws {
        let shop = try await Shop()
        _ = try await shop.pay(try await shop.link { $0.maxUses = 5 })
        let refused = try await shop.store.write { db in try !Self.succeeds(sql, StatementArguments(), db) }
        #expect(refused)
    }

    /// One query that runs often, and what must find its rows.
    struct Query: Sendable, CustomTestStringConvertible {
        let name: String
        let sql: String
        let index: String
        var testDescription: String { name }

        init(_ name: String, _ sql: String, by index: String) {
            self.name = name
            self.sql = sql
            self.index = index
        }

        static let all: [Query] = [
            Query("Settlement.dueSQL", Settlement.dueSQL, by: "INDEX settlements_due"),
            Query("Payment.heldSQL", Payment.heldSQL, by: "INDEX payments_held"),
            Query("Payment.listSQL", Payment.listSQL, by: "INDEX payments_list"),
            Query("Payment.listOpenSQL", Payment.listOpenSQL, by: "INDEX payments_open"),
            Query("Payment.listCompletedSQL", Payment.listCompletedSQL, by: "INDEX payments_list"),
            Query("PaymentLink.listSQL", PaymentLink.listSQL, by: "INDEX payment_links_list"),
            Query("PaymentLink.dueSQL", PaymentLink.dueSQL, by: "INDEX payment_links_expiry"),
            Query("Sale.listSQL", Sale.listSQL, by: "INDEX sales_list"),
        ]
    }

    @Test("every list and queue is found by its index, in order", arguments: Query.all)
    func plans(_ query: Query) async throws {
        let shop = try await Shop()
        let values = [Int](repeating: 1, count: query.sql.filter { $0 == "?" }.count)
        let plan = try await shop.store.read { db -> [String] in
            let arguments: StatementArguments = StatementArguments(values)
            return try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN " + query.sql, arguments: arguments).map { $0["detail"] as String }
        }
        #expect(plan.contains { $0.hasPrefix("SEARCH") && $0.contains("USING \(query.index)") }, "\(plan)")
        #expect(!plan.contains { $0.hasPrefix("SCAN") || $0.contains("TEMP B-TREE") }, "\(plan)")
    }

    @Test("the table above has every query that lists or looks for work; private ones find a row by its key")
    func complete() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let folder = root.appendingPathComponent("Sources/Payments")
        var found: [String] = []
        for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: []) {
            for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
                let words = line.split(separator: " ")
                guard let place = words.firstIndex(of: "let"), place > 0, words[place - 1] == "static", words.first != "private", place + 1 < words.count
                else { continue }
                if words[place + 1].hasSuffix("SQL") { found.append(String(words[place + 1])) }
            }
        }
        let named: [String] = Query.all.map { String($0.name.split(separator: ".")[1]) }
        #expect(found.sorted() == named.sorted())
    }
}
