import GRDB
import Kernel
import Ledger
import Storage
import Testing

@Suite struct JournalTests {
    /// What a write throws on purpose.
    struct Refused: Error {}

    let ledger: LedgerFixture

    init() async throws {
        ledger = try LedgerFixture()
        try await ledger.addSellers()
    }

    private func faults() async throws -> [String] { try await ledger.store.read { db in try LedgerFixture.faults(in: db) } }

    @Test func `posting keeps the balances`() async throws {
        try await ledger.post(LedgerFixture.sale("sale_1", 1_000))
        try await ledger.post(LedgerFixture.sale("sale_2", 500))
        try await ledger.post(LedgerFixture.sale("sale_3", 70, asset: .eurc))
        let balances = try await ledger.balances(LedgerFixture.shop)
        let expected: [String] = [
            "fees:platform EURC -7", "fees:platform USDC -150", "rail:eip155:8453 EURC 70", "rail:eip155:8453 USDC 1500",
            "seller:available EURC -63", "seller:available USDC -1350",
        ]
        #expect(balances == expected)
        let found = try await faults()
        #expect(found == [])
    }

    @Test func `books of sellers and modes never mix`() async throws {
        try await ledger.post(LedgerFixture.sale("sale_1", 100))
        try await ledger.post(LedgerFixture.sale("sale_2", 200, in: LedgerFixture.otherShop))
        try await ledger.post(LedgerFixture.sale("sale_3", 300, in: LedgerFixture.liveShop))
        let shop = try await ledger.balances(LedgerFixture.shop)
        let other = try await ledger.balances(LedgerFixture.otherShop)
        let live = try await ledger.balances(LedgerFixture.liveShop)
        #expect(shop.contains("rail:eip155:8453 USDC 100"))
        #expect(other.contains("rail:eip155:8453 USDC 200"))
        #expect(live.contains("rail:eip155:8453 USDC 300"))
        #expect(shop.count == 3 && other.count == 3 && live.count == 3)
        let pages: [Page<PostedEntry>] = try await ledger.store.read { db in
            try [LedgerFixture.shop, LedgerFixture.otherShop, LedgerFixture.liveShop].map { books in
                try Journal.entries(of: books, page: PageRequest(), in: db)
            }
        }
        #expect(pages.map { page in page.items.map(\.reference) } == [["sale_1"], ["sale_2"], ["sale_3"]])
    }

    @Test func `the same fact is posted once`() async throws {
        try await ledger.post(LedgerFixture.sale("sale_1", 100))
        let again = LedgerFixture.sale("sale_1", 100, id: "le_again")
        let error = await #expect(throws: DatabaseError.self) { try await ledger.post(again) }
        #expect(error?.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE)
        let balances = try await ledger.balances(LedgerFixture.shop)
        #expect(balances.contains("rail:eip155:8453 USDC 100"))
        let found = try await faults()
        #expect(found == [])
    }

    @Test func `each step of a fact has its own kind`() async throws {
        for kind in LedgerEntry.Kind.allCases {
            let entry = LedgerEntry(
                id: "le_" + kind.rawValue, books: LedgerFixture.shop, kind: kind, reference: "fact_1",
                postings: [Posting(LedgerFixture.rail, Amount(1, .usdc)), Posting(.sellerAvailable, Amount(-1, .usdc))])
            try await ledger.post(entry)
        }
        let page: Page<PostedEntry> = try await ledger.store.read { db in
            try Journal.entries(of: LedgerFixture.shop, reference: "fact_1", page: PageRequest(limit: 100), in: db)
        }
        #expect(Set(page.items.map(\.kind)) == Set(LedgerEntry.Kind.allCases.map(\.rawValue)))
    }

    @Test func `an entry that fails leaves nothing, not even its accounts`() async throws {
        let (world, entry) = (ledger.world, LedgerFixture.sale("sale_1", 100))
        await #expect(throws: Refused.self) {
            try await ledger.store.write { (db: Database) -> Void in
                try Journal.post(entry, at: world.time.now(), world: world, in: db)
                throw Refused()
            }
        }
        let balances = try await ledger.balances(LedgerFixture.shop)
        #expect(balances == [])
    }

    @Test func `entries are read back as they were posted, newest first`() async throws {
        for number in 1...5 { try await ledger.post(LedgerFixture.sale("sale_\(number)", Int64(number) * 100)) }
        let first: Page<PostedEntry> = try await ledger.store.read { db in
            try Journal.entries(of: LedgerFixture.shop, page: PageRequest(limit: 2), in: db)
        }
        let next = first.next
        let second: Page<PostedEntry> = try await ledger.store.read { db in
            try Journal.entries(of: LedgerFixture.shop, page: PageRequest(limit: 10, before: next), in: db)
        }
        #expect(first.items.map(\.reference) == ["sale_5", "sale_4"])
        #expect(second.items.map(\.reference) == ["sale_3", "sale_2", "sale_1"])
        #expect(second.next == nil)
        let legs = try #require(first.items.first).postings
        #expect(legs.map(\.account) == ["rail:eip155:8453", "seller:available", "fees:platform"])
        #expect(legs.map(\.amount) == [Amount(500, .usdc), Amount(-450, .usdc), Amount(-50, .usdc)])
        let moved: [String: Int64] = try await ledger.store.read { db in try Journal.postings(of: .sale, reference: "sale_5", in: db) }
        #expect(moved == ["rail:eip155:8453": 500, "seller:available": -450, "fees:platform": -50])
        let none: [String: Int64] = try await ledger.store.read { db in try Journal.postings(of: .refundDone, reference: "sale_5", in: db) }
        #expect(none == [:])
    }

    @Test func `a fact's entries are found by index`() async throws {
        let plan: [String] = try await ledger.store.read { db in
            try db.rows("EXPLAIN QUERY PLAN SELECT id FROM ledger_entries WHERE kind = 'sale' AND reference = 'sale_1'").map { $0["detail"] }
        }
        #expect(plan.allSatisfy { $0.hasPrefix("SEARCH") }, "\(plan)")
        let list: [String] = try await ledger.store.read { db in
            try db.rows(
                "EXPLAIN QUERY PLAN SELECT id FROM ledger_entries WHERE seller_id = 's' AND livemode = 0 AND id < '~' ORDER BY id DESC LIMIT 21"
            ).map { $0["detail"] }
        }
        #expect(list.count == 1 && list[0].contains("ledger_entries_list"), "\(list)")
    }
}
