import Foundation
import GRDB
import Kernel
import Ledger
import Simulation
import Storage

/// A ledger in a file of its own. Keep it in the suite: it must outlive its store.
final class LedgerFixture: Sendable {
    /// The ledger refers to sellers and knows nothing else about them.
    private static let sellers = Migration("test/1 sellers", "CREATE TABLE sellers (id TEXT NOT NULL PRIMARY KEY) STRICT")

    static let shop = Books(sellerID: "sel_1", livemode: false)
    static let otherShop = Books(sellerID: "sel_2", livemode: false)
    static let liveShop = Books(sellerID: "sel_1", livemode: true)
    static let rail = AccountName.rail("eip155:8453")

    let store: Store
    let world: World
    private let directory: URL

    init() throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("till-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        world = World.simulated(seed: 1).world
        let path = directory.appendingPathComponent("till.sqlite").path
        store = try Store(path: path, schema: [Self.sellers] + LedgerSchema.migrations, now: world.time.now())
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    func addSellers() async throws {
        try await store.write { db in try db.execute(sql: "INSERT INTO sellers VALUES ('sel_1'), ('sel_2')") }
    }

    /// Another way into the file, past everything that `Store` sees to.
    func raw() throws -> DatabaseQueue { try DatabaseQueue(path: store.path) }

    /// A sale of `units` USDC, a tenth of which is the platform's.
    static func sale(
        _ reference: String, _ units: Int64, in books: Books = LedgerFixture.shop, asset: Asset = .usdc, id: String? = nil
    ) -> LedgerEntry {
        let fee = units / 10
        return LedgerEntry(
            id: id ?? "le_" + reference, books: books, kind: .sale, reference: reference,
            postings: [
                Posting(rail, Amount(units, asset)), Posting(.sellerAvailable, Amount(fee - units, asset)),
                Posting(.feesPlatform, Amount(-fee, asset)),
            ])
    }

    func post(_ entry: LedgerEntry) async throws {
        let world = self.world
        try await store.write { db in try Journal.post(entry, at: world.time.now(), world: world, in: db) }
    }

    /// `name asset units` for each account of the books.
    func balances(_ books: Books) async throws -> [String] {
        let balances: [Balance] = try await store.read { db in try Journal.balances(of: books, in: db) }
        return balances.map { "\($0.account) \($0.amount.asset.code) \($0.amount.units)" }
    }

    @Sendable static func faults(in db: Database) throws -> [String] {
        try LedgerSchema.questions.flatMap { question in try question.faults(db) }
    }
}
