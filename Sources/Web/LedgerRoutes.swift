import Access
import GRDB
import Kernel
import Ledger
import Storage

/// Balances and entries on the wire.
enum LedgerDocument {
    static let balances = Schema.object([
        ("data", Schema.list(of: Schema.object([
            ("account", Schema.text), ("balance", Schema.amount), ("livemode", Schema.flag),
        ])))
    ])
    static let entry = Schema.object([
        ("id", Schema.id("le")), ("livemode", Schema.flag), ("kind", Schema.oneOf(LedgerEntry.Kind.allCases.map(\.rawValue))),
        ("reference", Schema.text), ("posted_at", Schema.time),
        ("postings", Schema.list(of: Schema.object([
            ("account_id", Schema.id("acct")), ("account", Schema.text), ("amount", Schema.amount),
        ]))),
    ])

    static func json(_ entry: PostedEntry) -> JSON {
        [
            "id": .string(entry.id), "livemode": .bool(entry.livemode), "kind": .string(entry.kind), "reference": .string(entry.reference),
            "posted_at": .time(entry.postedAt),
            "postings": .array(entry.postings.map { leg in
                ["account_id": .string(leg.accountID), "account": .string(leg.account), "amount": leg.amount.json]
            }),
        ]
    }
}

extension Counter {
    /// Positive is debit: what reached a rail; what is owed to the seller is negative.
    func balances(_ call: Call) async throws -> Reply {
        try call.query.allow([])
        let asker = call.asker
        let balances = try await store.read { db in try Journal.balances(of: Books(sellerID: asker.sellerID, livemode: asker.livemode), in: db) }
        return .json([
            "data": .array(balances.map { ["account": .string($0.account), "balance": $0.amount.json, "livemode": .bool(asker.livemode)] })
        ])
    }

    func ledgerEntries(_ call: Call) async throws -> Reply {
        try call.query.allow(["limit", "cursor", "reference"])
        let (asker, page, reference) = (call.asker, try call.query.page(of: .ledgerEntry), call.query["reference"])
        let entries = try await store.read { db in
            try Journal.entries(of: Books(sellerID: asker.sellerID, livemode: asker.livemode), reference: reference, page: page, in: db)
        }
        return .page(entries, LedgerDocument.json)
    }
}
