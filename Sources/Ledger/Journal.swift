import GRDB
import Kernel
import Storage

/// Whose books: one seller, in one mode. Books never mix.
package struct Books: Sendable, Hashable {
    package let sellerID: String
    package let livemode: Bool
    package init(sellerID: String, livemode: Bool) {
        self.sellerID = sellerID
        self.livemode = livemode
    }
}

/// The name of an account inside one seller's books. With an asset it is one account.
package struct AccountName: Sendable, Hashable {
    package let text: String
    /// Money that reached the seller over one network (CAIP-2 id).
    package static func rail(_ network: String) -> AccountName { AccountName(text: "rail:" + network) }
    package static let sellerAvailable = AccountName(text: "seller:available")
    package static let feesPlatform = AccountName(text: "fees:platform")
}

/// One leg of an entry. Positive is debit.
package struct Posting: Sendable, Equatable {
    package let account: AccountName
    package let amount: Amount
    package init(_ account: AccountName, _ amount: Amount) {
        self.account = account
        self.amount = amount
    }
}

/// A balanced, immutable record of one business fact.
package struct LedgerEntry: Sendable, Equatable {
    /// One per step of a fact, so that each step can be posted once.
    package enum Kind: String, Sendable, CaseIterable {
        case sale
        case refundAsked = "refund_asked"
        case refundDone = "refund_done"
        case refundReversed = "refund_reversed"
        case payoutAsked = "payout_asked"
        case payoutDone = "payout_done"
        case payoutReversed = "payout_reversed"
        case disputeOpened = "dispute_opened"
        case disputeWon = "dispute_won"
        case disputeLost = "dispute_lost"
        case adjustment
    }

    package let id: String
    package let books: Books
    package let kind: Kind
    /// The fact being recorded, such as a sale's id. One entry per kind and reference, ever.
    package let reference: String
    package let postings: [Posting]

    /// Traps unless each asset sums to zero: callers compute postings, they never receive them.
    package init(id: String, books: Books, kind: Kind, reference: String, postings: [Posting]) {
        precondition(postings.count >= 2, "an entry has two sides")
        for (asset, legs) in Dictionary(grouping: postings, by: \.amount.asset) {
            precondition(legs.reduce(0) { $0 + $1.amount.units } == 0, "\(kind) does not balance in \(asset.code)")
        }
        self.id = id
        self.books = books
        self.kind = kind
        self.reference = reference
        self.postings = postings
    }
}

/// The only way money moves.
package enum Journal {
    /// Writes `entry` for good.
    ///
    /// Postings go in first and the entry row last: inserting the entry is what
    /// seals it, and the schema refuses a seal that does not balance. Call it in
    /// the transaction that records the fact itself, so that a sale without an
    /// entry cannot exist. Posting the same kind and reference twice throws
    /// `DatabaseError.SQLITE_CONSTRAINT_UNIQUE`.
    package static func post(_ entry: LedgerEntry, at time: Timestamp, world: World, in db: Database) throws {
        for (position, posting) in entry.postings.enumerated() {
            let account = try account(posting.account, posting.amount.asset, of: entry.books, world: world, in: db)
            try db.run(
                "INSERT INTO ledger_postings (entry_id, position, account_id, asset, amount) VALUES (?, ?, ?, ?, ?)",
                [entry.id, position, account, posting.amount.asset.code, posting.amount.units])
        }
        try db.run(
            "INSERT INTO ledger_entries (id, seller_id, livemode, kind, reference, posted_at) VALUES (?, ?, ?, ?, ?, ?)",
            [entry.id, entry.books.sellerID, entry.books.livemode, entry.kind.rawValue, entry.reference, time.milliseconds])
    }

    /// The account's id; the account comes to be with its first posting.
    private static func account(_ name: AccountName, _ asset: Asset, of books: Books, world: World, in db: Database) throws -> String {
        let key: StatementArguments = [books.sellerID, books.livemode, name.text, asset.code]
        let find = "SELECT id FROM ledger_accounts WHERE seller_id = ? AND livemode = ? AND name = ? AND asset = ?"
        if let row = try db.row(find, key) { return row[0] }
        let id = world.newID(.ledgerAccount)
        try db.run(
            "INSERT INTO ledger_accounts (id, seller_id, livemode, name, asset) VALUES (?, ?, ?, ?, ?)", [id] + key)
        return id
    }
}
