import GRDB
import Kernel
import Storage

/// One account and what stands in it.
package struct Balance: Sendable, Equatable {
    package let account: String
    /// Positive is debit: what reached a rail is positive, what is owed to the seller negative.
    package let amount: Amount
}

/// An entry as it is read back, with its postings in order.
package struct PostedEntry: Sendable {
    package let id: String
    package let livemode: Bool
    package let kind: String
    package let reference: String
    package let postedAt: Timestamp
    package let postings: [Leg]

    /// One posting with its account's name.
    package struct Leg: Sendable {
        package let accountID: String
        package let account: String
        package let amount: Amount
    }
}

extension Journal {
    /// Every account of the books, by name and asset.
    package static func balances(of books: Books, in db: Database) throws -> [Balance] {
        try db.rows(
            "SELECT name, asset, balance FROM ledger_accounts WHERE seller_id = ? AND livemode = ? ORDER BY name, asset",
            [books.sellerID, books.livemode]
        ).compactMap { row in
            Asset.named(row["asset"]).map { Balance(account: row["name"], amount: Amount(row["balance"], $0)) }
        }
    }

    /// Entries newest first; with `reference`, those of one fact.
    package static func entries(of books: Books, reference: String? = nil, page: PageRequest, in db: Database) throws -> Page<PostedEntry> {
        let list = "SELECT id, livemode, kind, reference, posted_at FROM ledger_entries WHERE seller_id = ? AND livemode = ? AND id < ?"
        let tail = " ORDER BY id DESC LIMIT ?"
        let rows =
            if let reference {
                try db.rows(
                    "SELECT id, livemode, kind, reference, posted_at FROM ledger_entries "
                        + "WHERE kind IN (\(kinds)) AND reference = ? AND +seller_id = ? AND +livemode = ? AND +id < ?" + tail,
                    [reference, books.sellerID, books.livemode, page.before, page.limit + 1])
            } else {
                try db.rows(list + tail, [books.sellerID, books.livemode, page.before, page.limit + 1])
            }
        let entries = try rows.map { row in
            PostedEntry(
                id: row["id"], livemode: row["livemode"], kind: row["kind"], reference: row["reference"], postedAt: row["posted_at"],
                postings: try legs(of: row["id"], in: db))
        }
        return Page(entries, limit: page.limit, id: \.id)
    }

    /// What one fact's entry moved, by account name; empty where there is none.
    package static func postings(of kind: LedgerEntry.Kind, reference: String, in db: Database) throws -> [String: Int64] {
        let rows = try db.rows(
            """
            SELECT a.name, p.amount FROM ledger_entries e JOIN ledger_postings p ON p.entry_id = e.id
            JOIN ledger_accounts a ON a.id = p.account_id WHERE e.kind = ? AND e.reference = ?
            """, [kind.rawValue, reference])
        return Dictionary(rows.map { ($0[0], $0[1]) }) { (a: Int64, b: Int64) in a + b }
    }

    /// Every kind as SQL literals, so that the index on (kind, reference) finds one fact's entries; the unary plus
    /// above keeps the planner from the list's index, which would walk the whole journal.
    private static let kinds = LedgerEntry.Kind.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")

    private static func legs(of entry: String, in db: Database) throws -> [PostedEntry.Leg] {
        try db.rows(
            """
            SELECT p.account_id, a.name, p.asset, p.amount FROM ledger_postings p JOIN ledger_accounts a ON a.id = p.account_id
            WHERE p.entry_id = ? ORDER BY p.position
            """, [entry]
        ).compactMap { row in
            Asset.named(row["asset"]).map { .init(accountID: row["account_id"], account: row["name"], amount: Amount(row["amount"], $0)) }
        }
    }
}
