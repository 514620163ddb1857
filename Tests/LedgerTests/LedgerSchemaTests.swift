import Foundation
import GRDB
import Kernel
import Ledger
import Storage
import Testing

/// Goes around Swift on purpose: what the schema says must hold even when our code is wrong.
@Suite struct LedgerSchemaTests {
    /// SQL that must fail as a broken constraint, and not as a typing error.
    struct Forbidden: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let sql: String

        init(_ description: String, _ statements: String...) {
            testDescription = description
            sql = statements.joined(separator: ";\n")
        }
    }

    static let accounts = """
        INSERT INTO ledger_accounts (id, seller_id, livemode, name, asset) VALUES
          ('rail',  'sel_1', 0, 'rail:eip155:8453', 'USDC'),
          ('shop',  'sel_1', 0, 'seller:available', 'USDC'),
          ('euros', 'sel_1', 0, 'seller:available', 'EURC'),
          ('live',  'sel_1', 1, 'rail:eip155:8453', 'USDC'),
          ('other', 'sel_2', 0, 'rail:eip155:8453', 'USDC')
        """
    static let legs = "INSERT INTO ledger_postings VALUES ('e', 0, 'rail', 'USDC', 100), ('e', 1, 'shop', 'USDC', -100)"
    static let seal = "INSERT INTO ledger_entries VALUES ('e', 'sel_1', 0, 'sale', 'sale_1', 1)"
    static let schedule =
        "INSERT INTO fee_schedules (basis_points, fixed_units, currency, rounding, created_at) VALUES (250, 30, 'USD', 'half_up', 1)"

    static func postings(_ rows: String...) -> String { "INSERT INTO ledger_postings VALUES " + rows.joined(separator: ", ") }
    static func again(_ sql: String) -> String { sql.replacingOccurrences(of: "'e'", with: "'f'") }
    static func replacing(_ sql: String) -> String { sql.replacingOccurrences(of: "INSERT INTO", with: "INSERT OR REPLACE INTO") }
    static func change(_ sql: String, _ old: String, _ new: String) -> String { sql.replacingOccurrences(of: old, with: new) }

    static let unbalanced: [Forbidden] = [
        Forbidden("an entry with no postings", seal),
        Forbidden("an entry with one posting", postings("('e', 0, 'shop', 'USDC', 1)"), seal),
        Forbidden("an entry that is off by one", postings("('e', 0, 'rail', 'USDC', 100)", "('e', 1, 'shop', 'USDC', -99)"), seal),
        Forbidden("an entry that balances across assets only", postings("('e', 0, 'rail', 'USDC', 5)", "('e', 1, 'euros', 'EURC', -5)"), seal),
        Forbidden("postings without an entry", legs),
        Forbidden("a posting after the seal", legs, seal, postings("('e', 2, 'euros', 'EURC', 5)")),
        Forbidden("a posting in another asset than its account's", postings("('e', 0, 'euros', 'USDC', 5)")),
        Forbidden("a posting to an account that is not there", postings("('e', 0, 'nowhere', 'USDC', 5)")),
        Forbidden("a posting of nothing", postings("('e', 0, 'rail', 'USDC', 0)")),
        Forbidden("a posting of a word", postings("('e', 0, 'rail', 'USDC', 'ten')")),
        Forbidden("a posting of a fraction", postings("('e', 0, 'rail', 'USDC', 1.5)")),
        Forbidden("two postings in one place", legs, postings("('e', 1, 'shop', 'USDC', 5)")),
        Forbidden(
            "a balance beyond 64 bits",
            postings("('e', 0, 'rail', 'USDC', 9000000000000000000)", "('e', 1, 'rail', 'USDC', 9000000000000000000)")),
    ]

    static let doubled: [Forbidden] = [
        Forbidden("the same fact twice", legs, seal, again(legs), again(seal)),
        Forbidden("the same entry twice", legs, seal, seal),
        Forbidden("a second account of the same name", "INSERT INTO ledger_accounts VALUES ('x', 'sel_1', 0, 'rail:eip155:8453', 'USDC', 0)"),
    ]

    static let mixed: [Forbidden] = [
        Forbidden("a leg in another seller's books", postings("('e', 0, 'other', 'USDC', 9)", "('e', 1, 'shop', 'USDC', -9)"), seal),
        Forbidden("a leg in the other mode's books", postings("('e', 0, 'live', 'USDC', 9)", "('e', 1, 'shop', 'USDC', -9)"), seal),
        Forbidden("an entry in another seller's name", legs, change(seal, "'sel_1'", "'sel_2'")),
        Forbidden("an entry in the other mode", legs, change(seal, "'sel_1', 0", "'sel_1', 1")),
        Forbidden("an entry of nobody", legs, change(seal, "'sel_1'", "'sel_9'")),
        Forbidden("an account of nobody", "INSERT INTO ledger_accounts VALUES ('x', 'sel_9', 0, 'rail:eip155:8453', 'USDC', 0)"),
        Forbidden("an account in a third mode", "INSERT INTO ledger_accounts VALUES ('x', 'sel_1', 2, 'rail:eip155:8453', 'USDC', 0)"),
        Forbidden("an entry of an unknown kind", legs, change(seal, "'sale'", "'gift'")),
    ]

    static let changed: [Forbidden] = [
        Forbidden("a changed posting", legs, seal, "UPDATE ledger_postings SET amount = 1"),
        Forbidden("a changed posting before the seal", legs, "UPDATE ledger_postings SET amount = 1"),
        Forbidden("a deleted posting", legs, seal, "DELETE FROM ledger_postings"),
        Forbidden("a replaced posting", legs, replacing(postings("('e', 1, 'shop', 'USDC', -5)"))),
        Forbidden("a changed entry", legs, seal, "UPDATE ledger_entries SET reference = 'sale_2'"),
        Forbidden("a deleted entry", legs, seal, "DELETE FROM ledger_entries"),
        Forbidden("a replaced entry", legs, seal, replacing(change(seal, "sale_1", "sale_2"))),
        Forbidden("an entry replaced by its fact", legs, seal, again(legs), replacing(again(seal))),
        Forbidden("a deleted account", "DELETE FROM ledger_accounts WHERE id = 'live'"),
        Forbidden("a replaced account", "INSERT OR REPLACE INTO ledger_accounts VALUES ('live', 'sel_1', 1, 'rail:eip155:8453', 'USDC', 7)"),
        Forbidden("a renamed account", "UPDATE ledger_accounts SET name = 'fees:platform' WHERE id = 'live'"),
        Forbidden("an account given away", "UPDATE ledger_accounts SET seller_id = 'sel_2' WHERE id = 'live'"),
        Forbidden("an account moved to the other mode", "UPDATE ledger_accounts SET livemode = 0 WHERE id = 'live'"),
        Forbidden("an account in another asset", "UPDATE ledger_accounts SET asset = 'EURC' WHERE id = 'live'"),
    ]

    static let fees: [Forbidden] = [
        Forbidden("a changed schedule", schedule, "UPDATE fee_schedules SET basis_points = 0"),
        Forbidden("a deleted schedule", schedule, "DELETE FROM fee_schedules"),
        Forbidden("a replaced schedule", schedule, "INSERT OR REPLACE INTO fee_schedules VALUES (1, 0, 0, 'USD', 'half_up', 1)"),
        Forbidden("a fee above the price", change(schedule, "250", "10001")),
        Forbidden("a fee that is a discount", change(schedule, "250", "-1")),
        Forbidden("a fixed part that is a discount", change(schedule, "30", "-1")),
        Forbidden("an unknown rounding", change(schedule, "half_up", "down")),
    ]

    static let forbidden: [Forbidden] = [unbalanced, doubled, mixed, changed, fees].flatMap { $0 }

    let ledger: LedgerFixture

    init() async throws {
        ledger = try LedgerFixture()
        try await ledger.addSellers()
        try await ledger.store.write { db in try db.execute(sql: Self.accounts) }
    }

    @Test("the schema refuses", arguments: forbidden)
    func refuses(_ forbidden: Forbidden) async throws {
        let error = await #expect(throws: DatabaseError.self) { try await ledger.store.write { db in try db.execute(sql: forbidden.sql) } }
        #expect(error?.resultCode == .SQLITE_CONSTRAINT, "\(String(describing: error))")
        let rows: Int? = try await ledger.store.read { db in
            try Int.fetchOne(db, sql: "SELECT (SELECT count(*) FROM ledger_postings) + (SELECT count(*) FROM ledger_entries)")
        }
        #expect(rows == 0)
    }

    @Test func `what those are made of is taken when nothing is wrong with it`() async throws {
        try await ledger.store.write { db in
            try db.execute(sql: Self.legs)
            try db.execute(sql: Self.seal)
            try db.execute(sql: Self.schedule)
        }
        let faults: [String] = try await ledger.store.read { db in try LedgerFixture.faults(in: db) }
        #expect(faults == [])
    }

    /// A fault put into the file by hand, and the claims that it breaks.
    struct Planted: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let sql: String
        let broken: [String]

        init(_ description: String, _ sql: String, breaks broken: [String]) {
            testDescription = description
            self.sql = sql
            self.broken = broken
        }
    }

    static let sums = "every entry sums to zero in each asset"
    static let sealed = "every posting belongs to a sealed entry"
    static let twoSides = "every entry has at least two postings"
    static let kept = "every balance is the sum of its postings"

    static let planted: [Planted] = [
        Planted("nothing", "SELECT 1", breaks: []),
        Planted("a balance set by hand", "UPDATE ledger_accounts SET balance = balance + 1 WHERE id = 'rail'", breaks: [kept]),
        Planted("money for nothing", "UPDATE ledger_accounts SET balance = 5 WHERE id = 'live'", breaks: [kept]),
        Planted(
            "an amount changed", "DROP TRIGGER ledger_postings_update; UPDATE ledger_postings SET amount = 101 WHERE position = 0",
            breaks: [sums, kept]),
        Planted(
            "an amount changed and the balance with it",
            """
            DROP TRIGGER ledger_postings_update; UPDATE ledger_postings SET amount = 101 WHERE position = 0;
            UPDATE ledger_accounts SET balance = 101 WHERE id = 'rail'
            """, breaks: [sums]),
        Planted("an entry taken out", "DROP TRIGGER ledger_entries_delete; DELETE FROM ledger_entries", breaks: [sealed]),
        Planted(
            "an entry of nothing",
            "DROP TRIGGER ledger_entries_seal; INSERT INTO ledger_entries VALUES ('f', 'sel_1', 0, 'sale', 'sale_2', 1)", breaks: [twoSides]),
        Planted(
            "a posting taken out", "DROP TRIGGER ledger_postings_delete; DELETE FROM ledger_postings WHERE position = 1",
            breaks: [sums, twoSides, kept]),
        Planted(
            "both postings taken out", "DROP TRIGGER ledger_postings_delete; DELETE FROM ledger_postings", breaks: [twoSides, kept]),
    ]

    @Test("the audit finds what was planted past the schema", arguments: planted)
    func finds(_ fault: Planted) async throws {
        try await ledger.store.write { db in
            try db.execute(sql: Self.legs)
            try db.execute(sql: Self.seal)
        }
        let raw = try ledger.raw()
        let broken: [String] = try raw.inDatabase { db in
            try db.execute(sql: "PRAGMA foreign_keys = OFF")
            try db.execute(sql: fault.sql)
            return try LedgerSchema.questions.filter { question in try !question.faults(db).isEmpty }.map(\.claim)
        }
        #expect(broken == fault.broken)
    }

    /// The values that a column's `CHECK (column IN (…))` allows, from the SQL itself.
    private func allowed(_ column: String) -> Set<String> {
        let sql = LedgerSchema.migrations.map(\.sql).joined(separator: "\n")
        guard let start = sql.range(of: "CHECK (\(column) IN ("), let end = sql[start.upperBound...].range(of: "))") else { return [] }
        let list = sql[start.upperBound..<end.lowerBound]
        return Set(list.split(separator: "'").map { String($0) }.filter { !$0.contains(",") && !$0.allSatisfy(\.isWhitespace) })
    }

    @Test func `kinds in Swift are the kinds in SQL`() {
        #expect(allowed("kind") == Set(LedgerEntry.Kind.allCases.map(\.rawValue)))
        #expect(allowed("rounding") == [FeeSchedule.Rounding.halfUp.rawValue])
    }
}
